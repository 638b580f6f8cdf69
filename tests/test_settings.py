"""Settings: defaults, .env, and bad values named."""

from pathlib import Path

import pytest

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
        ("MAX_PARALLEL_RUNS", "0"),
        ("RETRY_ATTEMPTS", "-1"),
        ("AUGMENTED_DIFFS_START", "-5"),
        ("AUGMENTED_DIFFS_START", "5000000000"),
        ("OVERPASS_URL", "overpass-api.de"),
        ("DATABASE_URL", "mysql://u:hunter2@host/db"),
    ],
)
def test_a_bad_value_is_named_and_a_password_is_not_shown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
