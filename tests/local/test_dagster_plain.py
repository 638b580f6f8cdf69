"""Dagster's programs as a stack runs them: what they say is for a file."""

import logging
import sys
from pathlib import Path

import coloredlogs
import pytest
from dagster._grpc import server_watcher

from stats_assets.local import dagster_plain
from stats_assets.local.dagster_programs import DagsterChildren

PROGRAM = """
import logging, sys
from dagster._utils.log import configure_loggers
assert __name__ == "__main__"
configure_loggers()
logging.getLogger("dagster").warning("said with %s", sys.argv[1:])
"""


def test_a_program_runs_with_its_arguments_and_without_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a_program.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    for module, name in ((coloredlogs, "ColoredFormatter"), (server_watcher, "WATCH_INTERVAL")):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(sys, "argv", ["dagster_plain", "a_program", "--port", "1"])
    logger = logging.getLogger("dagster")
    before = list(logger.handlers), logger.level
    try:
        dagster_plain.main()
    finally:
        logger.handlers[:], logger.level = before
    said = capsys.readouterr().out
    assert "WARNING - said with ['--port', '1']" in said
    assert "\x1b" not in said


def test_each_of_dagsters_programs_is_run_so(tmp_path: Path) -> None:
    (tmp_path / ".dagster").mkdir()
    children = DagsterChildren(tmp_path, 3000, {}, "stats_assets.definitions").children()
    assert len(children) == 3
    assert [child.argv[1:3] for child in children] == [["-m", "stats_assets.local.dagster_plain"]] * 3
