"""Settings that can't be used together, or not at all: a sentence at once, exit code 2, from every command."""

import shutil
import sys
from pathlib import Path

import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from stats_assets.conflicts import unheard
from stats_assets.local.dev import run_dev
from stats_assets.settings import SettingsError, load_settings
from tests.conftest import Run

PROJECT = Path(__file__).parents[1]
DB = "postgresql://me:hunter2@h:5432"
TOGETHER = {
    "one source of two streams": (
        {"AUGMENTED_DIFFS_URL": "S3://bucket/x/", "CHANGESETS_URL": "s3://bucket/x"},
        "AUGMENTED_DIFFS_URL and CHANGESETS_URL are the same.*Name each stream's own",
    ),
    **{
        f"{one} is {other}": (
            {"AUGMENTED_DIFFS_URL": one, "CHANGESETS_URL": other},
            "AUGMENTED_DIFFS_URL and CHANGESETS_URL are the same.*Name each stream's own",
        )
        for one, other in (
            *(
                ("/x", "file:///x"),
                ("/x y", "FILE:///x%20y/"),
                ("/x", "file://localhost/x/"),
                ("/x", "/z/../x"),
            ),
            *(
                ("x", "./x/"),
                ("x", str(Path.cwd() / "x")),
                ("~", str(Path.home())),
                ("s3://b//x", "S3://b/x/"),
            ),
            *(
                ("http://h/x", "HTTP://H:80/x/"),
                ("http://h/x", "https://me:hunter2@h/x"),
                ("http://h/x", "http://h/%78"),
            ),
            ("http://h:81/x/", "http://h:81//x"),
        )
    },
    "late edits that are not waited for": (
        {"OSMCHANGE_URL": "https://h/minute", "SETTLE_SECONDS": "3899"},
        r"SETTLE_SECONDS \(3899\) is less than 3900, and beside OSMCHANGE_URL",
    ),
    **{
        f"what is made where others are: {place}": (
            {
                "MADE_DIFFS_URI": place,
                "OSMCHANGE_URL": "/minute",
                "CHANGESETS_URL": "/c",
                "ARCHIVE_URI": "/kept",
            },
            f"MADE_DIFFS_URI is the place of {whose}",
        )
        for place, whose in (
            ("file:///c/", "CHANGESETS_URL"),
            ("/minute/", "OSMCHANGE_URL"),
            ("/kept/augmented_diffs", "the archive"),
        )
    },
    "what is made where the second address is": (
        {"MADE_DIFFS_URI": "/b/minute/", "OSMCHANGE_URL": "/a/minute /b/minute"},
        "MADE_DIFFS_URI is the place of OSMCHANGE_URL",
    ),
    "bodies that go before they are settled, though they are made here": (
        {
            "OSMCHANGE_URL": "/minute",
            "AUGMENTED_DIFFS_URL": "/x",
            "ARCHIVE_KEEP_DAYS": "1",
            "SETTLE_SECONDS": "90000",
        },
        "SETTLE",
    ),
    "a first pause above the longest": (
        {"RETRY_FIRST_SECONDS": "7200", "RETRY_MAX_SECONDS": "3600"},
        r"RETRY_FIRST_SECONDS \(7200\) is more than RETRY_MAX_SECONDS \(3600\).*lower the former",
    ),
    "bodies that go before they are settled": (
        {"SETTLE_SECONDS": "86400", "ARCHIVE_KEEP_DAYS": "1"},
        "SETTLE_SECONDS .* is not less than ARCHIVE_KEEP_DAYS",
    ),
    "bodies that go before they are settled, by defaults": (
        {"SETTLE_SECONDS": "90000", "ARCHIVE_KEEP_DAYS": "1"},
        "SETTLE",
    ),
    "another database to read": (
        {"DATABASE_URL": f"{DB}/stats", "READ_DATABASE_URL": f"{DB}/other"},
        "READ_DATABASE_URL names the database other, and DATABASE_URL the database stats",
    ),
}
ALONE = {
    # no number that a clock, a wait or a date can't hold
    **{
        f"{name}={value}": ({name: value}, f"{name}: ")
        for name in (
            *("OVERPASS_PAUSE_SECONDS", "RETRY_FIRST_SECONDS", "RETRY_MAX_SECONDS", "HOLE_GRACE_SECONDS"),
            *("SETTLE_SECONDS", "LEASE_STALE_SECONDS", "START_LIMIT_SECONDS", "HTTP_TIMEOUT_SECONDS"),
        )
        for value in ("nan", "inf", "-inf", "-1", "1e300", "1e400", "soon", "1,5")
    },
    **{
        f"{name}={value}": ({name: value}, f"{name}: ")
        for name in (
            *("POLL_SECONDS", "MAX_PARALLEL_RUNS", "RETRY_ATTEMPTS", "RUNS_KEEP_DAYS", "ARCHIVE_KEEP_DAYS"),
            *("AUGMENTED_DIFFS_START", "CHANGESETS_START", "REFRESHMENTS_ROWS"),
        )
        for value in ("nan", "inf", "-1", "1.5", "9" * 30, "9" * 5000, "0x10")
    },
    "no time for a sign of life": ({"LEASE_STALE_SECONDS": "0.5"}, "LEASE_STALE_SECONDS: "),
    "a request longer than an hour": ({"HTTP_TIMEOUT_SECONDS": "86400"}, "HTTP_TIMEOUT_SECONDS: "),
    **{
        f"{name}={value}": ({name: value}, f"{name}: .*can't be used: ")
        for name in ("OVERPASS_URL", "AUGMENTED_DIFFS_URL", "OSMCHANGE_URL", "CHANGESETS_URL")
        for value in (
            *(
                "https://",
                "https:///x",
                "https://h:99999",
                "https://h:0",
                "https://h:x",
                "https://a b.example",
            ),
            *(
                "https://h/a b",
                "https://h/\tx",
                "https://u:hunter2@",
                "https://h/?key=hunter2",
                "https://h/#x",
            ),
            *("https://[::1", "http://:80/"),
        )
    },
    **{
        f"no home: {name}": ({name: "~nobody-of-this-name/x"}, f"{name}: ")
        for name in ("STATS_DATA_DIR", "ARCHIVE_URI", "CHANGESETS_URL", "AUGMENTED_DIFFS_URL", "REGIONS_FILE")
    },
    "no scheme": ({"OVERPASS_URL": "overpass-api.de"}, "OVERPASS_URL must begin with http"),
    "a file": ({"OVERPASS_URL": "file:///x"}, "OVERPASS_URL must begin with http"),
    "another query": (
        {"OVERPASS_URL": "https://overpass-api.de/api/interpreter"},
        "OVERPASS_URL: .*leave /interpreter out",
    ),
    **{
        f"{name}={value}": ({name: value}, f"{name}( must begin with postgresql://|: it)")
        for name in ("DATABASE_URL", "READ_DATABASE_URL")
        for value in (
            *("mysql://me:hunter2@h/x", "me:hunter2@h/x", "host=h password=hunter2", "/var/run/postgresql"),
            *(
                "postgresql://me:hunter2@h:99999/x",
                "postgresql://me:hunter2@h:x/y",
                "postgresql://h/x?hunter2=1",
            ),
            *("postgresql://h:0/x", "jdbc:postgresql://h/hunter2"),
        )
    },
    **{
        f"USER_AGENT={value!r}": ({"USER_AGENT": value}, "USER_AGENT: it can't be sent")
        for value in ("two\nlines", "日本", " ", "a\ttab ", "nul\x7f")
    },
}


@pytest.mark.parametrize("how", [*TOGETHER, *ALONE])
def test_it_is_a_sentence_without_a_password(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given, says = (TOGETHER | ALONE)[how]
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^A setting can't be used[.] {says}") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert str(caught.value).endswith("from .env.")
    assert ".. " not in str(caught.value)


FINE = [
    {"OSMCHANGE_URL": "https://h/minute", "PLANET_FILE": "p.osm.pbf", "SETTLE_SECONDS": "3900"},
    {"AUGMENTED_DIFFS_URL": "https://h/diffs", "OVERPASS_URL": "https://overpass-api.de"},  # the default
    {"AUGMENTED_DIFFS_URL": "https://h/diffs", "OVERPASS_URL": ""},
    {"AUGMENTED_DIFFS_URL": "https://h/diffs", "CHANGESETS_URL": "https://h/changesets"},
    {"RETRY_FIRST_SECONDS": "60", "RETRY_MAX_SECONDS": "60"},
    {"DATABASE_URL": f"{DB}/stats", "READ_DATABASE_URL": "postgresql://reader@replica/stats"},
    # by a pooler, of which each name may be of the same one: the connection tells
    {"DATABASE_URL": f"{DB}/stats", "READ_DATABASE_URL": "postgresql://reader@h:6432/stats_reading"},
    {"DATABASE_URL": f"{DB}/stats", "READ_DATABASE_URL": "postgresql://reader@pool:5432/stats_reading"},
    {"DATABASE_URL": "postgresql:///stats?host=/run/postgresql&port=5433"},
    {"DATABASE_URL": "postgres://h1:5432,h2:5433/stats?target_session_attrs=any"},
    {"OVERPASS_URL": "http://u:p@[::1]:8080/api/"},
    {"LEASE_STALE_SECONDS": "1"},
    {"SETTLE_SECONDS": "0", "HOLE_GRACE_SECONDS": "0", "OVERPASS_PAUSE_SECONDS": "0"},
    {"SETTLE_SECONDS": "90000", "ARCHIVE_KEEP_DAYS": "2"},
    {"AUGMENTED_DIFFS_URL": "http://h/x", "CHANGESETS_URL": "http://h:81/x"},
    {"AUGMENTED_DIFFS_URL": "/x", "CHANGESETS_URL": "http://localhost/x"},
    {"USER_AGENT": "Jürgen's (+https://example.org; mail@example.org)"},
]


@pytest.mark.parametrize("given", FINE)
def test_what_can_be_used_together(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert list(unheard(load_settings())) == []


@pytest.mark.parametrize(
    ("name", "value", "both"), [("RETRY_FIRST_SECONDS", "7200", 7200), ("RETRY_MAX_SECONDS", "30", 30)]
)
def test_a_default_gives_way_to_what_is_set(
    name: str, value: str, both: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.retry_first_seconds, settings.retry_max_seconds) == (both, both)


UNHEARD = [
    (
        {"AUGMENTED_DIFFS_URL": "https://h/x", "OVERPASS_URL": "https://own.example"},
        "OVERPASS_URL does nothing",
    ),
    (
        {"AUGMENTED_DIFFS_URL": "https://h/x", "OVERPASS_PAUSE_SECONDS": "5"},
        "OVERPASS_PAUSE_SECONDS does nothing",
    ),
    ({"AUGMENTED_DIFFS_URL": "https://h/x", "SETTLE_SECONDS": "60"}, "SETTLE_SECONDS does nothing"),
    (
        {"ARCHIVE_URI": "", "ARCHIVE_KEEP_DAYS": "9"},
        "ARCHIVE_KEEP_DAYS does nothing, as ARCHIVE_URI is empty",
    ),
    (
        {"ARCHIVE_URI": "", "ARCHIVE_KEEP_DAYS": "1", "SETTLE_SECONDS": "90000"},
        "ARCHIVE_KEEP_DAYS does nothing, as ARCHIVE_URI is empty",
    ),
    (
        {"ARCHIVE_URI": "s3://b/x", "ARCHIVE_KEEP_DAYS": "1", "SETTLE_SECONDS": "90000"},
        "ARCHIVE_KEEP_DAYS does nothing in a bucket",
    ),
    (
        {"AUGMENTED_DIFFS_URL": "/x", "ARCHIVE_KEEP_DAYS": "1", "SETTLE_SECONDS": "90000"},
        "SETTLE_SECONDS does nothing beside AUGMENTED_DIFFS_URL",
    ),
    ({"ARCHIVE_URI": "S3://b/x", "ARCHIVE_KEEP_DAYS": "9"}, "ARCHIVE_KEEP_DAYS does nothing in a bucket"),
    (
        {"OSMCHANGE_URL": "/m", "AUGMENTED_DIFFS_URL": "/x"},
        "AUGMENTED_DIFFS_URL does nothing beside OSMCHANGE_URL",
    ),
    ({"OSMCHANGE_URL": "/m", "OVERPASS_URL": "https://o"}, "OVERPASS_URL does nothing beside OSMCHANGE_URL"),
    *(
        ({name: "/x"}, f"{name} does nothing without OSMCHANGE_URL")
        for name in ("PLANET_FILE", "AUGMENT_STORE", "MADE_DIFFS_URI")
    ),
]


@pytest.mark.parametrize(("given", "says"), UNHEARD)
def test_what_does_nothing_beside_the_others_is_a_sentence(
    given: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    [said] = unheard(load_settings())
    assert said.startswith(says)


def test_commands_say_it_and_go_on(run: Run, url: str) -> None:
    given, says = UNHEARD[-1]
    answer = run("database-url", DATABASE_URL=url, **given)
    assert (answer.returncode, answer.stdout) == (0, f"{url}\n")
    assert answer.stderr.startswith(says)


ALL = (
    *(
        ("status",),
        ("status", "--json"),
        ("watch", "--once"),
        ("seek", "--stream", "changesets", "--sequence", "1"),
    ),
    *(
        ("retry",),
        ("verify",),
        ("rebuild",),
        ("facts",),
        ("sql", "SELECT 1"),
        ("migrate",),
        ("database-url",),
    ),
    *(
        ("stats", "-"),
        ("backfill", "--stream", "changesets", "--start", "1", "--end", "2"),
        ("dev", "--port", "1"),
    ),
)
FILED = [("status",), ("migrate",), ("dev", "--port", "1")]  # the others know settings alike
UNREAD = [
    *(("sql", "SELECT 1"), ("database-url",), ("retry",), ("verify", "--sample"), ("rebuild",), ("facts",)),
    ("stats", "-", "--regions", "regions.json", "--categories", "categories.yaml"),
]


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_every_command_refuses_it_with_2(command: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    name, value = ("CATEGORIES_FILE", "no.yaml") if command in FILED else ("RETRY_FIRST_SECONDS", "7200")
    answer = run(*command, **{"RETRY_MAX_SECONDS": "3600", name: value})
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("stats-assets: ")
    assert name in answer.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"dagster.yaml", ".dagster"}


@pytest.mark.parametrize("command", UNREAD, ids=" ".join)
def test_a_file_that_a_command_does_not_read_may_be_gone(
    command: tuple[str, ...], run: Run, url: str, tmp_path: Path
) -> None:
    shutil.copy(PROJECT / "stats_assets/osm/data/categories.yaml", tmp_path)
    (tmp_path / "regions.json").write_text('{"type": "FeatureCollection", "features": []}')
    given = {"DATABASE_URL": url, "CATEGORIES_FILE": "gone.yaml", "REGIONS_FILE": "gone.json"}
    answer = run(*command, stdin=b"<osm version='0.6'></osm>", **given)
    assert "gone" not in answer.stderr
    for option in ("--regions", "--categories") if command[0] == "stats" else ():
        less = [word for at, word in enumerate(command) if option not in (word, command[at - 1])]
        answer = run(*less, **given)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert f"{option[2:].upper()}_FILE: " in answer.stderr


def test_who_writes_must_know_the_database_that_is_looked_at(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    says = "READ_DATABASE_URL is set, and DATABASE_URL is not"
    for command in (("migrate",), ("rebuild",), ("database-url",)):
        answer = run(*command, READ_DATABASE_URL=f"{DB}/x")
        assert (answer.returncode, says in answer.stderr) == (2, True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("READ_DATABASE_URL", f"{DB}/x")
    with pytest.raises(SettingsError, match=says):
        run_dev()


def test_the_embedded_servers_own_url_is_better_left_unset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://stats@/stats?host=%2Frun%2Fstats-assets-1&port=5432"
    monkeypatch.setenv("DATABASE_URL", url)
    assert list(unheard(load_settings())) == []
    (tmp_path / "data/postgresql").mkdir(parents=True)
    (tmp_path / "data/postgresql/server.json").write_text(
        f'{{"state": "ready", "detail": "", "url": "{url}"}}'
    )
    [said] = unheard(load_settings())
    assert "Leave DATABASE_URL unset" in said


def test_dagsters_ui_shows_the_sentence_and_few_lines_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRY_FIRST_SECONDS", "7200")
    monkeypatch.setenv("RETRY_MAX_SECONDS", "3600")
    try:
        load_settings()
    except SettingsError:
        shown = serializable_error_info_from_exc_info(sys.exc_info())
    assert shown.message.startswith(
        "stats_assets.settings.SettingsError: A setting can't be used. RETRY_FIRST"
    )
    assert shown.cause is None
    assert len(shown.stack) <= 3
