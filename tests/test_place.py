"""The tests' own folder: one a run, gone after the run, or after the next one when the run was killed."""

import multiprocessing
import os
import signal
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests import place
from tests.drills.waiting import PATIENCE
from tests.place import open_folder

_context = multiprocessing.get_context("fork")


class Run:
    """A run of tests in a process of its own, that has begun in this parent folder."""

    def __init__(self, parent: Path) -> None:
        ours, theirs = _context.Pipe()
        self._process = _context.Process(target=_begun, args=(parent, theirs))
        self._process.start()
        self._pipe = ours
        folder, memory, self._cleaner = ours.recv()
        self.folder, self.memory = Path(folder), Path(memory)

    def kill(self, *, cleaner: bool) -> None:
        if cleaner:
            os.kill(self._cleaner, signal.SIGKILL)
        self._process.kill()
        self._process.join()

    def end(self) -> None:
        self._pipe.send(None)
        self._process.join()


def _begun(parent: Path, pipe: Connection) -> None:
    tempfile.tempdir, place.ROOM = str(parent / "disk"), 0
    run = place.begin(parent / "memory")
    folder, memory = run.folders
    (folder / "elsewhere/a/data").mkdir(parents=True)
    pipe.send((str(folder), str(memory), run.cleaner.pid))
    pipe.recv()
    run.end()


@pytest.fixture
def parent() -> Path:
    folder = open_folder()
    for name in ("disk", "memory"):
        (folder / name).mkdir(mode=0o755)
    return folder


def test_a_killed_run_leaves_nothing(parent: Path) -> None:
    lives, killed = Run(parent), Run(parent)
    killed.kill(cleaner=False)
    limit = time.monotonic() + PATIENCE
    while (killed.folder.exists() or killed.memory.exists()) and time.monotonic() < limit:
        time.sleep(0.05)
    assert {*parent.glob("*/*")} == {lives.folder, lives.memory}
    lives.end()
    assert not [*parent.glob("*/*")]


def test_the_next_run_removes_what_a_killed_cleaner_left_and_nothing_of_a_run_that_lives(
    parent: Path,
) -> None:
    lives, killed = Run(parent), Run(parent)
    (foreign := parent / "disk" / killed.folder.name.replace("run-", "run-x")).mkdir()
    assert (killed.folder.parent, killed.memory.parent) == (parent / "disk", parent / "memory")
    killed.kill(cleaner=True)
    assert killed.folder.exists()
    third = Run(parent)
    assert {*parent.glob("*/*")} == {lives.folder, lives.memory, third.folder, third.memory, foreign}
    third.end()
    lives.end()
    assert [*parent.glob("*/*")] == [foreign]


def test_all_processes_of_a_run_have_their_temporary_files_in_its_folder() -> None:
    folder = Path(tempfile.gettempdir())
    assert open_folder(fast=True).parent.name.startswith("stats-assets-run-")
    assert folder.name.startswith("stats-assets-run-")
    assert Path(os.environ["TMPDIR"]) == folder
    assert Path(os.environ["STATS_ASSETS_ELSEWHERE"]).is_relative_to(folder)
