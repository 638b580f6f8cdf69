"""Settings: defaults, .env, and bad values named."""

import re
from pathlib import Path

import pytest

from stats_assets.feeds.storage import place_of
from stats_assets.settings import Settings, SettingsError, load_settings


def test_defaults_need_no_environment() -> None:
    settings = load_settings()
    assert settings.database_url is None
    assert (settings.poll_seconds, settings.max_parallel_runs, settings.retry_attempts) == (15, 2, 8)
    assert settings.user_agent.startswith("stats-assets/")


def test_the_archive_is_below_the_data_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATS_DATA_DIR", "somewhere")
    assert load_settings().archive == "somewhere/archive"
    monkeypatch.setenv("ARCHIVE_URI", "s3://bucket/archive")
    assert load_settings().archive == "s3://bucket/archive"
    monkeypatch.setenv("ARCHIVE_URI", "")
    assert load_settings().archive == ""


def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "AUGMENTED_DIFFS_URL", "AUGMENTED_DIFFS_START", "POLL_SECONDS"):
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert (settings.database_url, settings.augmented_diffs_url, settings.poll_seconds) == (None, None, 15)
    assert settings.start("augmented_diffs") is None


def test_an_env_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("POLL_SECONDS=30\nRETRY_ATTEMPTS=4\nSOMETHING_ELSE=1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    monkeypatch.setenv("RETRY_ATTEMPTS", "5")
    settings = load_settings()
    assert (settings.poll_seconds, settings.retry_attempts) == (30, 5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLL_SECONDS", "often"),
        ("REFRESHMENTS_ROWS", "5"),
        ("MAX_PARALLEL_RUNS", "0"),
        ("RETRY_ATTEMPTS", "-1"),
        ("AUGMENTED_DIFFS_START", "-5"),
        ("AUGMENTED_DIFFS_START", "5000000000"),
        ("OVERPASS_URL", "overpass-api.de"),
        ("OVERPASS_URL", "ftp://u:hunter2@host"),
        ("DATABASE_URL", "mysql://u:hunter2@host/db"),
        ("READ_DATABASE_URL", "u:hunter2@host/db"),
        ("AUGMENTED_DIFFS_URL", "ftp://u:hunter2@host/folder"),
        ("AUGMENTED_DIFFS_URL", "file://folder"),
        ("CHANGESETS_URL", "s3:/bucket/folder"),
        ("CHANGESETS_URL", "s3://"),
        ("ARCHIVE_URI", "https://u:hunter2@host/folder"),
        ("ARCHIVE_URI", "gs://bucket/folder"),
        ("ARCHIVE_URI", "~nobody-of-this-name/archive"),
        ("STATS_DATA_DIR", "~nobody-of-this-name"),
        ("STATS_DATA_DIR", "s3://bucket/data"),
        ("OSMCHANGE_URL", "ftp://u:hunter2@host/minute"),
        ("MADE_DIFFS_URI", "https://u:hunter2@host/folder"),
        ("MADE_DIFFS_URI", "gs://bucket/folder"),
        ("PLANET_FILE", "https://u:hunter2@planet.example/planet.osm.pbf"),
        ("AUGMENT_STORE", "s3://bucket/store"),
    ],
)
def test_a_bad_value_is_named_and_a_password_is_not_shown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CHANGESETS_URL", "ftp://h/x", "'ftp://h/x' can't be used: take a path, .* or a web address"),
        ("AUGMENTED_DIFFS_URL", "file://x", "three slashes, as in file:///folder"),
        ("ARCHIVE_URI", "http://h/x", "http can't be written to. Take a path, file:///folder or s3://"),
    ],
)
def test_what_can_be_set_instead_is_said(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^A setting can't be used[.] {name}: .*{says}"):
        load_settings()


@pytest.mark.parametrize(
    "value",
    ["a folder", "../x/", "~/x", "/100%/x#y", "file:///a%20b", "s3://bucket", "S3://bucket/x/", "http://h/x"],
)
def test_places_that_can_be_set(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUGMENTED_DIFFS_URL", value)
    assert load_settings().augmented_diffs_url == value.replace("S3:", "s3:")
    monkeypatch.delenv("AUGMENTED_DIFFS_URL")
    monkeypatch.setenv("CHANGESETS_URL", value)
    if not value.startswith("http"):
        monkeypatch.setenv("ARCHIVE_URI", value)
    assert load_settings().changesets_url == value.replace("S3:", "s3:")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "POSTGRESQL://Me:Pass@Host/Db") for name in ("DATABASE_URL", "READ_DATABASE_URL")),
        ("DATABASE_URL", "Postgres://Host/Db"),
        *(
            (name, value)
            for name in ("OVERPASS_URL", "AUGMENTED_DIFFS_URL", "CHANGESETS_URL", "ALERT_URL")
            for value in ("HTTP://Me:Pass@Host/Path", "Https://host")
        ),
        *(
            (name, value)
            for name in (
                "AUGMENTED_DIFFS_URL",
                "CHANGESETS_URL",
                "OSMCHANGE_URL",
                "MADE_DIFFS_URI",
                "ARCHIVE_URI",
            )
            for value in ("FILE:///A%20B", "S3://bucket/A")
        ),
    ],
)
def test_an_addresss_scheme_may_be_in_capitals(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    scheme, rest = value.split(":", 1)
    assert getattr(load_settings(), name.lower()) == f"{scheme.lower()}:{rest}"


def test_a_colon_is_no_scheme_in_a_folders_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("STATS_DATA_DIR", "REGIONS_FILE", "CATEGORIES_FILE"):
        monkeypatch.setenv(name, "a:b")
    settings = load_settings()
    assert [settings.stats_data_dir, settings.regions_file, settings.categories_file] == [Path("a:b")] * 3
    assert place_of(settings.archive) == tmp_path / "a:b/archive"


def test_the_home_folder_is_found_in_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("STATS_DATA_DIR", "REGIONS_FILE", "CATEGORIES_FILE"):
        monkeypatch.setenv(name, "~/x")
    settings = load_settings()
    assert [settings.stats_data_dir, settings.regions_file, settings.categories_file] == [tmp_path / "x"] * 3
    assert settings.archive == f"{tmp_path}/x/archive"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("https://a.org", ("https://a.org",)),
        ("HTTPS://a.org  https://b.org/api", ("https://a.org", "https://b.org/api")),
        ("https://a.org\t/a folder/b ~/c s3://d/e f", ("https://a.org", "/a folder/b", "~/c", "s3://d/e f")),
        ("relative folder", ("relative folder",)),
        ("relative folder ./another ../third", ("relative folder", "./another", "../third")),
    ],
)
def test_addresses_are_separated_by_spaces(given: str, found: tuple[str, ...]) -> None:
    assert load_settings(changesets_url=given).changesets_urls == found


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("overpass_url", "https://a.org /a/folder", "each address begins with http"),
        ("overpass_url", "https://a.org https://b.org/api/interpreter", "leave /interpreter out"),
        ("overpass_url", "https://a.org https://a.org", "named twice"),
        ("overpass_url", "https://a.org b.org", "white space"),
        ("changesets_url", "https://a.org ftp://b.org/c", "ftp://b.org/c"),
        ("osmchange_url", "https://a.org/minute s3://b /c d/minute ftp://e.org", "ftp://e.org"),
        ("osmchange_url", "/a/minute /a/minute", "named twice"),
        ("overpass_first", "7464545 soon", "soon"),
        ("overpass_first", "1 2", "OVERPASS_FIRST has 2 sequences, and OVERPASS_URL 1 addresses"),
    ],
)
def test_each_of_several_addresses_is_looked_at(name: str, given: str, says: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(says)):
        load_settings(**{name: given})


def test_first_minutes_are_in_the_addresses_order() -> None:
    settings = load_settings(overpass_url="https://a.org https://b.org", overpass_first="- 7464545")
    assert settings.overpass_firsts == (None, 7464545)


def test_osmchange_has_none_one_or_several_addresses() -> None:
    assert load_settings().osmchange_urls == ()
    assert load_settings(osmchange_url="/a folder/minute").osmchange_urls == ("/a folder/minute",)
    several = load_settings(osmchange_url="https://a.org/minute  S3://b/c /d e")
    assert several.osmchange_urls == ("https://a.org/minute", "s3://b/c", "/d e")
