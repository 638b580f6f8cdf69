"""Standard input, output and error that are closed, full, unread or of another encoding: no traceback, no silence."""

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from stats_assets.cli.main import app
from tests.command import _context
from tests.conftest import Run
from tests.drills.waiting import PATIENCE
from tests.telling import telling

TAG = "#Überlingen_東京"
QUERY = "SELECT 'Überlingen 東京' AS a, 1 AS b"
COMMANDS = {
    "help": (("--help",), 0),
    "version": (("--version",), 0),
    "hashtags": (("hashtags", TAG), 0),
    "hashtags --json": (("hashtags", TAG, "--json"), 0),
    "sql": (("sql", QUERY), 0),
    "sql --json": (("sql", QUERY, "--json"), 0),
    "status": (("status",), 3),  # of a feed out of reach
    "status --json": (("status", "--json"), 3),
    "database-url": (("database-url",), 0),
    "verify --json": (("verify", "--sample", "--json"), 0),
    "facts --json": (("facts", "--json"), 0),
    "database-url --json": (("database-url", "--json"), 0),
    "migrate --json": (("migrate", "--json"), 0),
    "retry --json": (("retry", "--json"), 0),
    "rebuild --json": (("rebuild", "--json"), 0),
}
TALK = {  # which answer nothing on standard output
    "migrate": (("migrate",), 0),
    "retry": (("retry",), 0),
    "rebuild": (("rebuild",), 0),
    "facts": (("facts",), 0),
    "verify": (("verify",), 0),
    "stats of nothing": (("stats", "-"), 1),
    "nonsense": (("nonsense",), 2),
}


class Done(NamedTuple):
    code: int | None
    out: bytes
    err: str


def _odd(
    arguments: tuple[str, ...], environment: dict[str, str], folder: Path, how: str, encoding: str
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["stats-assets", *arguments]
    (folder / "err").touch()
    os.dup2(os.open(folder / "err", os.O_WRONLY), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if how == "terminal":
        _in_terminal(folder / "out")
    elif how == "unread":
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
    else:
        os.dup2(os.open("/dev/full" if how == "full" else folder / "out", os.O_WRONLY | os.O_CREAT), 1)
    sys.stdin, sys.stdout, sys.stderr = (
        open(n, mode, encoding=encoding, errors=errors)  # noqa: SIM115, PTH123 - as Python has them
        for n, mode, errors in ((0, "r", "strict"), (1, "w", "strict"), (2, "w", "backslashreplace"))
    )
    if how.startswith("closed"):
        number = int(how[-1])
        os.close(number)
        setattr(sys, ("stdin", "stdout", "stderr")[number], None)
    from stats_assets.cli.main import main

    main()


def _in_terminal(copy: Path) -> None:
    """Goes on in a child, whose output and error are a terminal of COLUMNS; what comes to it goes to that file."""
    screen, line = os.openpty()
    fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(os.environ["COLUMNS"]), 0, 0))
    child = os.fork()
    if not child:
        for number in (1, 2):
            os.dup2(line, number)
        return
    os.close(line)
    with copy.open("wb") as file, contextlib.suppress(OSError):  # of a terminal that nobody has open any more
        while some := os.read(screen, 65536):
            file.write(some)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status))


def called(
    arguments: tuple[str, ...], given: Mapping[str, str], how: str = "to a file", encoding: str = "utf-8"
) -> Done:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = _context.Process(
            target=_odd, args=(arguments, os.environ | dict(given), folder, how, encoding)
        )
        process.start()
        process.join(PATIENCE)
        out = (folder / "out").read_bytes() if (folder / "out").exists() else b""
        err = (folder / "err").read_text(errors="replace")
        assert "Traceback" not in err, err
        assert "Exception ignored" not in err
        return Done(process.exitcode, out, err)


@pytest.fixture
def given(url: str) -> dict[str, str]:
    nowhere = "http://127.0.0.1:1"
    return {"DATABASE_URL": url, "OVERPASS_URL": nowhere, "CHANGESETS_URL": nowhere, "COLUMNS": "100"}


def test_answers_go_to_standard_output_and_talk_to_standard_error(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, (arguments, code) in (COMMANDS | TALK).items():
        done = CliRunner().invoke(app, arguments, env=given, prog_name="stats-assets")
        assert (name, done.exit_code) == (name, code), done.stderr
        assert (name, bool(done.stdout)) == (name, name in COMMANDS)
        if name in TALK:
            assert done.stderr, name
        if name.endswith("--json"):
            json.loads(done.stdout)
        talks = name.startswith(("status", "verify", "migrate", "retry", "rebuild"))
        assert talks or name in TALK or not done.stderr, (name, done.stderr)


def some(*names: str) -> list[tuple[str, tuple[str, ...], int]]:
    return [(name, *(COMMANDS | TALK)[name]) for name in names]


def test_a_closed_standard_output_is_said(given: dict[str, str]) -> None:
    for name, arguments, _ in some("help", "hashtags", "sql --json", "migrate"):
        done = called(arguments, given, "closed 1")
        assert (name, done.code) == (name, 2)
        assert done.err.startswith("stats-assets: standard output is closed.")


def test_a_full_one_is_said(given: dict[str, str]) -> None:
    for name, arguments, code in some("help", "hashtags", "sql", "status --json", "nonsense"):
        done = called(arguments, given, "full")
        assert (name, done.code) == (name, 1 if name in COMMANDS else code)
        assert done.err.count("No space left on device") == (name in COMMANDS)


def test_one_that_nobody_reads_is_no_failure(given: dict[str, str]) -> None:
    for name, arguments, _ in some("help", "hashtags", "sql", "sql --json"):
        done = called(arguments, given, "unread")
        assert (name, done.code) == (name, 0)
        assert "pipe" not in done.err.lower()


ENCODED = {
    "ascii": ("help", "hashtags", "hashtags --json", "sql", "sql --json"),
    "latin-1": ("hashtags", "sql --json"),
}


@pytest.mark.parametrize("encoding", telling(ENCODED, "ascii"))
def test_another_encoding(given: dict[str, str], encoding: str) -> None:
    for name, arguments, code in some(*ENCODED[encoding]):
        done = called(arguments, given, encoding=encoding)
        assert (name, done.code) == (name, code)
        shown = done.out.decode(encoding)
        if name.endswith("--json"):
            said = json.loads(shown)
            assert name != "sql --json" or said == [{"a": "Überlingen 東京", "b": 1}]
            assert name != "hashtags --json" or said == [["überlingen_東京"]]
        elif name in ("hashtags", "sql"):
            assert "berlingen" in shown
            assert r"\u6771\u4eac" in shown


def test_the_others_closed(given: dict[str, str]) -> None:
    for name, arguments, code in some("hashtags", "sql", "stats of nothing"):
        assert (name, called(arguments, given, "closed 0").code) == (name, code)
    for name in ("hashtags", "sql --json"):
        done = called(COMMANDS[name][0], given, "closed 2")
        assert (done.code, bool(done.out)) == (0, True)
    assert called(("nonsense",), given, "closed 2").code == 2


CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
COLOURS = re.compile(rb"\x1b\[[0-9;]*3[0-7][0-9;]*m")


COLOURFUL = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


@pytest.mark.parametrize("odd", telling((COLOURFUL, {"TERM": "dumb"}, {"NO_COLOR": "1"}), COLOURFUL))
def test_what_is_piped_has_no_signs_of_a_terminal(given: dict[str, str], odd: dict[str, str]) -> None:
    """Whatever the terminal that it was typed in calls itself."""
    for name, (arguments, code) in (COMMANDS | TALK).items():
        done = CliRunner().invoke(app, arguments, env=given | odd, prog_name="stats-assets")
        assert (name, done.exit_code) == (name, code)
        assert not CONTROLS.search(done.output_bytes), name


@pytest.mark.parametrize(
    ("terminal", "columns"),
    telling((("xterm", "40"), ("dumb", "40"), ("without colours", "100")), ("xterm", "40")),
)
def test_a_terminal_gets_what_it_can_show(given: dict[str, str], terminal: str, columns: str) -> None:
    odd = {"COLUMNS": columns, "TERM": terminal if terminal != "without colours" else "xterm"}
    if terminal == "without colours":
        odd["NO_COLOR"] = "1"
    for name, arguments, code in some("status", "verify"):
        done = called(arguments, given | odd, "terminal")
        assert (name, done.code, done.err) == (name, code, "")
        assert done.out, name
        assert terminal == "xterm" or not COLOURS.search(done.out), name
        assert terminal != "dumb" or not CONTROLS.search(done.out), name
    table = called(COMMANDS["sql"][0], given | odd, "terminal").out.decode()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", table)
    assert all(len(line) <= int(columns) for line in plain.splitlines())
    assert "berlingen" in plain


NO_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
UNBUFFERED = """
import sys, time
from stats_assets.cli.messages import say
from stats_assets.cli.output import standard_streams
with standard_streams():
    print("an answer")
    say("a warning")
    sys.stdin.read()
"""


@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_what_is_said_comes_at_once_where_python_is_told_to_keep_nothing(unbuffered: str) -> None:
    """PYTHONUNBUFFERED is the image's, for `docker logs` of a server that does not end."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", UNBUFFERED],
        env=kept | ({"PYTHONUNBUFFERED": unbuffered} if unbuffered else {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    with process:
        for stream, said in ((process.stderr, b"a warning\n"), (process.stdout, b"an answer\n")):
            if unbuffered or stream is process.stderr:
                there, _, _ = select.select([stream], [], [], PATIENCE)
                assert there
                assert os.read(stream.fileno(), 100) == said
        process.stdin.close()


TYPED = (
    (("hashtags", "--json", "#東京 #İst #TITI"), [["東京", "i̇st", "titi"]]),
    (("sql", "--json", "SELECT 'Überlingen 東京' AS a"), [{"a": "Überlingen 東京"}]),
)


@pytest.mark.parametrize(
    ("locale", "typed"),
    telling(
        ((NO_UTF8, 0), (NO_UTF8, 1), ({"LC_ALL": "tr_TR.UTF-8"}, 0), ({"LANG": "ne_NP"}, 1)),
        (NO_UTF8, 1),
        ({"LC_ALL": "tr_TR.UTF-8"}, 0),
    ),
    ids=str,
)
def test_what_is_typed_is_text_in_any_locale(
    locale: dict[str, str], typed: int, given: dict[str, str], tmp_path: Path
) -> None:
    """A fresh interpreter each, as it reads the locale at its start."""
    program = str(Path(sys.executable).with_name("stats-assets"))
    arguments, said = TYPED[typed]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))
    }
    done = subprocess.run(  # noqa: S603
        [program, *arguments],
        env=kept | given | locale,
        cwd=tmp_path,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == said


@pytest.mark.parametrize(
    "arguments", [("hashtags", "#\udcff"), ("sql", "SELECT '\udcff'"), ("stats", "\udcff")]
)
def test_what_is_no_text_is_said(arguments: tuple[str, ...], given: dict[str, str]) -> None:
    done = called(arguments, given)
    assert (done.code, done.out) == (2, b"")
    assert "UTF-8" in done.err or "can't be read" in done.err


@pytest.mark.parametrize("columns", telling(("0", "1", "many"), "1"))
def test_no_width_is_too_small_to_say_it(given: dict[str, str], columns: str) -> None:
    odd = {"COLUMNS": columns, "TERM": "dumb", "NO_COLOR": "1"}
    assert "nonsense" in called(("nonsense",), given | odd).err
    assert b"backfill" in called(("--help",), given | odd).out


def test_a_folder_that_cannot_be_written_is_said(given: dict[str, str], run: Run, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path)
    (tmp_path / ".dagster").touch()  # as good as a read-only folder, for root too
    range_ = ("backfill", "--stream", "changesets", "--start", "1", "--end", "2")
    for command, code in ((range_, 2), (("watch", "--once"), 1), (("dev", "--port", "9"), 2)):
        answer = run(*command, **given)
        assert (command[0], answer.returncode, answer.stdout) == (command[0], code, "")
        assert "can't be used" in answer.stderr or "no metrics" in answer.stderr
    (tmp_path / "no.xml").touch()
    for odd, code in (("/proc/nope", 2), ("/dev/null", 2)):
        answer = run("database-url", DATABASE_URL="", STATS_DATA_DIR=odd)
        assert (answer.returncode, answer.stdout) == (code, "")
        assert f"{odd}/postgresql can't be used" in answer.stderr
