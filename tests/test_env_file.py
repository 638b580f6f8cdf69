"""What a person wrote into `.env` or the environment and nobody hears is said, and a setting has one value."""

import logging
import re
from pathlib import Path

import pytest
from dagster._cli.utils import _inject_local_env_file

from stats_assets.env_file import NAMES, complaints, set_twice
from stats_assets.local.dev import run_dev
from stats_assets.local.stack import StackError
from stats_assets.settings import Settings, SettingsError, load_settings
from tests.conftest import Run

MEANT = {
    "POLL_SECOND": "POLL_SECONDS",
    "poll_second": "POLL_SECONDS",
    "SETTLE_SECOND": "SETTLE_SECONDS",
    "SETTEL_SECONDS": "SETTLE_SECONDS",
    "DATABSE_URL": "DATABASE_URL",
    "DATABASEURL": "DATABASE_URL",
    "OVERPASS_URI": "OVERPASS_URL",
    "CHANGESET_START": "CHANGESETS_START",
    "HTTP_TIMEOUTS_SECONDS": "HTTP_TIMEOUT_SECONDS",
    "POLL-SECONDS": "POLL_SECONDS",
    "USERAGENT": "USER_AGENT",
}
IN_FILE_ALONE = {
    "CATEGORY_FILE": "CATEGORIES_FILE",
    "STATS_POLL_SECONDS": "POLL_SECONDS",
    "POLL_INTERVAL_SECONDS": "POLL_SECONDS",
    "HTTP_TIMEOUT": "HTTP_TIMEOUT_SECONDS",
    "ARCHIVE": "ARCHIVE_URI",
}
OTHERS = (
    *(
        "DAGSTER_HOME",
        "DAGSTER_DB_URI",
        "DAGSTER_READ_DB_URI",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "PGDATABASE",
        "PGUSER",
        "POSTGRES_USER",
    ),
    *(
        "COMPOSE_FILE",
        "COMPOSE_PROJECT_NAME",
        "STATS_ASSETS_ELSEWHERE",
        "LOCAL_OVERPASS_URL",
        "HTTP_PROXY",
        "HOME",
    ),
    *(
        "HTTPS_PROXY",
        "SECRET_KEY",
        "REDIS_URL",
        "PATH",
        "LANG",
        "PYTHONPATH",
        "USER",
        "MAX_JOBS",
        "SOMETHING_ELSE",
    ),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@pytest.mark.parametrize(("name", "meant"), (MEANT | IN_FILE_ALONE).items())
def test_a_name_that_is_nearly_a_settings_is_said_with_its_line(file: Path, name: str, meant: str) -> None:
    file.write_text(f"# ours\n\nRETRY_ATTEMPTS=4\n\nexport {name}='hunter2'\n")
    assert complaints(file, {}) == [f"{file}, line 5: {name} is no setting. Did you mean {meant}?"]


@pytest.mark.parametrize(("name", "meant"), MEANT.items())
def test_also_in_the_environment(file: Path, name: str, meant: str) -> None:
    assert complaints(file, {name: "hunter2"}) == [
        f"The environment sets {name}, which is no setting. Did you mean {meant}?"
    ]
    assert complaints(file, {name: "hunter2", meant: "said, too"}) == []


def test_names_of_others_and_settings_are_left_alone(file: Path) -> None:
    names = (*OTHERS, *NAMES, *map(str.lower, NAMES))
    file.write_text("".join(f"{name}=1\n" for name in names))
    assert complaints(file, dict.fromkeys(names, "1")) == []
    file.write_text("AWS_PROFILE\nCOMPOSE_FILE\n")  # Docker takes such from its own environment
    assert complaints(file, {}) == []
    assert complaints(file, dict.fromkeys(IN_FILE_ALONE, "1")) == []  # others have such ones there


UNHEARD = {
    "POLL_SECONDS 5": "can't be read, and is skipped",
    "POLL_SECONDS: 5": "can't be read, and is skipped",
    "set POLL_SECONDS=5": "can't be read, and is skipped",
    "USER_AGENT='it's me'": "can't be read, and is skipped",
    'USER_AGENT="no end': "can't be read, and is skipped",
    "=5": "can't be read, and is skipped",
    "GARBAGE": "line 4 has no =, and is skipped. A line is NAME=value.",
    "export hunter2": "line 4 has no =, and is skipped. A line is NAME=value.",
    "POLL_SECONDS": "POLL_SECONDS has no value, and does not count",
    'USER_AGENT="no end\nPOLL_SECONDS=5\nOTHER="': "USER_AGENT goes on over several lines",
    'USER_AGENT="no end\nPOLL_SECONDS=5\nOTHER="x"': "line 4 to 6 can't be read, and is skipped",
    "RETRY_ATTEMPTS=5": "RETRY_ATTEMPTS is set to something else in line 2, too. The last one counts",
}


@pytest.mark.parametrize("line", UNHEARD)
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_lines_that_say_nothing_are_said(file: Path, line: str, start: str) -> None:
    file.write_text(f"{start}# ours\nRETRY_ATTEMPTS=4\n\n{line}")
    said = complaints(file, {})
    assert UNHEARD[line] in said[0]
    assert said[0].startswith(f"{file}, line 4")
    assert "hunter2" not in said[0]


@pytest.mark.parametrize(
    "text",
    [
        *("", "# a comment", "A=1\n\n\n", "POLL_SECONDS=5 # often", "POLL_SECONDS=5\r\nRETRY_ATTEMPTS=4\r\n"),
        *("ARCHIVE_URI=", "POLL_SECONDS=5\nPOLL_SECONDS=5", "export POLL_SECONDS=5"),
        "READ_DATABASE_URL='postgresql://h'",
        *(r'ALERT_COMMAND="printf \"a\n\nb\n\""', r"ALERT_COMMAND='printf a\nb'", r'USER_AGENT="a\r\n"'),
    ],
)
def test_what_is_heard_is_not_complained_of(file: Path, text: str) -> None:
    file.write_text(text)
    assert complaints(file, {}) == []


ENCODED = {
    "UTF-16": "USER_AGENT=Jürgen\n".encode("utf-16"),
    "UTF-16, little end first": "\ufeffUSER_AGENT=x\n".encode("utf-16-le"),
    "UTF-16 without BOM": b"P\0O\0L\0L\0_\0S\0E\0C\0O\0N\0D\0S\0=\x005\0\n\0",
    "UTF-16, big end first": "POLL_SECONDS=5\n".encode("utf-16-be"),
    "UTF-32": "POLL_SECONDS=5\n".encode("utf-32"),
    "Latin-1": "POLL_SECONDS=5\nUSER_AGENT=Jürgen\n".encode("latin-1"),
    "Windows-1252": "USER_AGENT=“me”\n".encode("cp1252"),
    "no text": bytes(range(256)),
    "too large": b"#" * (1 << 20) + b"\n",
}


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_utf_8_may_begin_with_a_mark(file: Path, start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(f"{start}USER_AGENT=Jürgen\n", encoding="utf-8")
    monkeypatch.setitem(Settings.model_config, "env_file", str(file))
    assert complaints(file, {}) == []
    assert load_settings().user_agent == "Jürgen"
    assert set_twice(file, {"USER_AGENT": "another"}) is not None


@pytest.mark.parametrize("how", ["a folder", "a dead link", *ENCODED])
def test_a_file_that_cannot_be_read_is_named(file: Path, how: str, run: Run) -> None:
    if how == "a folder":
        file.mkdir()
    elif how in ENCODED:
        file.write_bytes(ENCODED[how])
    else:
        file.symlink_to("nowhere")
    with pytest.raises(SettingsError, match=re.escape(str(file))):
        complaints(file, {})
    asked = run("database-url")
    assert asked.returncode == 2
    assert f"stats-assets: {file}" in asked.stderr


def test_commands_say_it_once_and_go_on(file: Path, run: Run) -> None:
    file.write_text("POLL_SECOND=5\nDATABASE_URL=\nnothing at all\nFAR_AWAY=1\n")
    done = run("stats", "--help")
    assert "POLL_SECOND" not in done.stderr
    asked = run("sql", "SELECT 1", SETTEL_SECONDS="7")
    for said in ("line 1: POLL_SECOND is no setting", "line 3 can't be read", "sets SETTEL_SECONDS"):
        assert asked.stderr.count(said) == 1
    assert "FAR_AWAY" not in asked.stderr
    assert "POLL_SECOND" not in asked.stdout


def test_dev_says_it_too(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (file.parent / "dagster.yaml").write_text("# stats-assets\n")
    (file.parent / ".dagster").touch()  # it ends here
    file.write_text("POLL_SECOND=5\n")
    monkeypatch.chdir(file.parent)
    with pytest.raises(StackError, match="can't be used"):
        run_dev()
    assert capsys.readouterr().err.count("Did you mean POLL_SECONDS?") == 1


TWICE = {
    "in the file and the environment": ("POLL_SECONDS=5", {"POLL_SECONDS": "6"}),
    "in small letters in the file": ("poll_seconds=5", {"POLL_SECONDS": "6"}),
    "in small letters in the environment": ("POLL_SECONDS=5", {"poll_seconds": "6"}),
    "twice in the file": ("POLL_SECONDS=6\nPOLL_SECONDS=5", {"POLL_SECONDS": "6"}),
    "in the environment alone": ("", {"poll_seconds": "5", "POLL_SECONDS": "6"}),
    "in the file alone": ("POLL_SECONDS=6\npoll_seconds=7\nPOLL_SECONDS=5", {}),
    "empty in the environment": ("POLL_SECONDS=5", {"POLL_SECONDS": ""}),
    "empty in the file": ("POLL_SECONDS=", {"POLL_SECONDS": "5"}),
}


@pytest.mark.parametrize("how", TWICE)
def test_a_setting_with_two_values_is_refused_by_all_who_can_see_both(
    file: Path, run: Run, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    text, environment = TWICE[how]
    (file.parent / "dagster.yaml").write_text("# stats-assets\n")
    file.write_text(text)
    for command in (("database-url",), ("status",), ("sql", "SELECT 1"), ("migrate",)):
        refused = run(*command, **environment)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert re.search(r"POLL_SECONDS is set .*Remove one of them", refused.stderr)
    monkeypatch.chdir(file.parent)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=r"POLL_SECONDS is set .*Remove one of them"):
        run_dev()


@pytest.mark.parametrize(
    "text", ["POLL_SECONDS=5", "POLL_SECONDS=6\nPOLL_SECONDS=7\nPOLL_SECONDS=5", "poll_seconds='5'"]
)
def test_one_value_is_the_same_for_commands_and_for_dagsters_programs(
    file: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Also where two lines of the file disagree: the last one counts."""
    file.write_text(text)
    monkeypatch.chdir(file.parent)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    assert set_twice(file) is None
    assert load_settings().poll_seconds == 5
    with _inject_local_env_file(logging.getLogger("test")):
        assert load_settings().poll_seconds == 5
