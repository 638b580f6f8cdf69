"""The help of every command, in one process: examples that parse, exit codes, --json; in any width, encoding, terminal.

Parametrized by COMMANDS: a new command is asked the same, and fails until it says them (CONTRIBUTING.md, A command).
"""

import io
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shellingham  # type: ignore[import-untyped]
from typer.main import get_command
from typer.testing import CliRunner

from stats_assets.cli.help import Command
from stats_assets.cli.main import COMMANDS, app

WITHOUT_JSON = {
    "dev": "runs until it is ended",
    "demo": "runs until it is ended",
    "watch": "prints JSON by itself",
    "serve": "runs until it is ended",
    "export": "prints the form that is asked for, JSON among them",
    "report": "makes a file",
}
"""Commands that need no --json, and why."""
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
GROUP: Any = get_command(app)


def of(name: str) -> Command:
    found = GROUP.commands[name]
    assert isinstance(found, Command)
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_its_user_needs(name: str) -> None:
    command = of(name)
    assert command.examples, "EXAMPLES: what for → the line as it is typed"
    for what, line in command.examples.items():
        assert what[0].islower() or not what[0].isascii(), what
        assert f"stats-assets {name}" in line
    assert {0, 2} <= set(command.exit_codes), "EXIT_CODES: code → when"
    assert all(said.strip(".") == said for said in command.exit_codes.values())
    away = [
        code for code, said in command.exit_codes.items() if "database" in said and "out of reach" in said
    ]
    assert len(away) <= 1, "one thing has one code"
    assert command.help
    assert "xit code" not in command.help, "EXIT_CODES says that"
    has_json = any("--json" in parameter.opts for parameter in command.params)
    assert has_json != (name in WITHOUT_JSON), "facts are printed as JSON, too"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_example_is_one_that_the_command_takes(name: str) -> None:
    for line in of(name).examples.values():
        first, *words = shell_words(line)
        assert first == name
        with of(name).make_context(name, words) as context:
            assert not context.args, line


def shell_words(line: str) -> list[str]:
    """The words of `stats-assets …` in a line of a shell, up to a pipe's or a substitution's end."""
    found = re.search(r"stats-assets ((?:'[^']*'|\"[^\"]*\"|[^|)>;'\"])+)", line)
    assert found, line
    return shlex.split(found[1])


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_no_terminal_is_too_narrow_to_read_an_option_or_a_command(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command: Any = of(name) if name else GROUP  # which have no kind in common
    for columns in ("40", "80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        said = help_of(name)
        assert not CONTROLS.search(said)
        assert said.isascii() or name == "hashtags"
        for parameter in command.params:
            assert all(option in said for option in parameter.opts if option.startswith("-")), columns
        if name:
            assert all(line in said for line in command.examples.values())
            assert all(re.search(rf"^ +{code}\b", said, re.MULTILINE) for code in command.exit_codes)
        wide = [line for line in said.splitlines() if len(line) > int(columns)]
        kept = list(command.examples.values()) if name else []
        assert all(any(example in line for example in kept) or " <" in line for line in wide), wide


def help_of(name: str) -> str:
    done = CliRunner().invoke(app, [name, "--help"] if name else ["--help"], prog_name="stats-assets")
    assert done.exit_code == 0
    return done.stdout


def test_each_command_is_listed_with_a_whole_sentence() -> None:
    said = " ".join(help_of("").split())
    for name in COMMANDS:
        assert re.search(rf"{name} [A-Z]", said)
    assert said.count("...") == 1  # of the usage


def test_wrong_use_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    for words in (["nonsense"], ["backfill"], ["seek", "--stream", "none"], ["status", "--jason"]):
        done = CliRunner().invoke(app, words, prog_name="stats-assets")
        assert done.exit_code == 2
        assert not done.stdout
        assert "Error: " in done.stderr
        assert done.stderr.isascii()
    monkeypatch.setenv("COLUMNS", "200")
    for refused in (
        ["retry", "--stream", "nope"],
        ["streams", "nope"],
        ["export", "totals", "--format", "nope"],
        ["stats", "-", "--by", "nope"],
    ):
        done = CliRunner().invoke(app, refused, prog_name="stats-assets")
        assert done.exit_code == 2
        assert ": 'nope' is not one of '" in done.stderr
        assert "Value error" not in done.stderr


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.param


def completed(shell: str, line: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the shell is answered after the line, whose last word is unfinished."""
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    monkeypatch.setenv("_STATS_ASSETS_COMPLETE", f"complete_{shell}")
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with pytest.raises(SystemExit):
        app(prog_name="stats-assets")
    return out.getvalue()


def test_a_shell_completes_commands_options_and_choices(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "backfill" in completed(shell, "stats-assets back", monkeypatch)
    assert "--from-feed" in completed(shell, "stats-assets backfill --fr", monkeypatch)
    assert "augmented_diffs" in completed(shell, "stats-assets backfill --stream a", monkeypatch)
    assert "changesets" in completed(shell, "stats-assets retry --stream c", monkeypatch)
    assert "country" in completed(shell, "stats-assets stats --by c", monkeypatch)


def test_the_script_of_completion_is_shown(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shellingham, "detect_shell", lambda: (shell, f"/bin/{shell}"))
    done = CliRunner().invoke(app, ["--show-completion"], prog_name="stats-assets")
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"_STATS_ASSETS_COMPLETE=complete_{shell}" in done.stdout


def test_completion_is_installed_in_the_home_folder_alone(
    shell: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shellingham, "detect_shell", lambda: (shell, f"/bin/{shell}"))
    monkeypatch.setenv("HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["--install-completion"], prog_name="stats-assets")
    assert done.exit_code == 0
    assert str(tmp_path) in done.stdout
    assert any("COMPLETE" in file.read_text() for file in tmp_path.rglob("*stats-assets*") if file.is_file())
