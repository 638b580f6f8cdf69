"""The tests' own folder: one a run, gone after the run, or after the next one when the run was killed."""

import multiprocessing
import os
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests import place
from tests.place import open_folder

_context = multiprocessing.get_context("fork")


class Run:
    """A run of tests in a process of its own, that has begun in this parent folder."""

    def __init__(self, parent: Path) -> None:
        ours, theirs = _context.Pipe()
        self._process = _context.Process(target=_begun, args=(parent, theirs))
        self._process.start()
        self._pipe = ours
        self.folder = Path(ours.recv())

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def end(self) -> None:
        self._pipe.send(None)
        self._process.join()


def _begun(parent: Path, pipe: Connection) -> None:
    tempfile.tempdir = str(parent)
    folder = place.begin()
    (folder / "elsewhere/a/data").mkdir(parents=True)
    pipe.send(str(folder))
    pipe.recv()
    place.remove(folder)


@pytest.fixture
def parent() -> Path:
    return open_folder()


def test_the_next_run_removes_what_a_killed_one_left_and_nothing_of_one_that_lives(parent: Path) -> None:
    lives, killed = Run(parent), Run(parent)
    (foreign := parent / killed.folder.name.replace("run-", "run-x")).mkdir()
    assert killed.folder.parent == parent
    killed.kill()
    assert killed.folder.exists()
    third = Run(parent)
    assert set(parent.iterdir()) == {lives.folder, third.folder, foreign}
    third.end()
    lives.end()
    assert list(parent.iterdir()) == [foreign]


def test_all_processes_of_a_run_have_their_temporary_files_in_its_folder() -> None:
    folder = Path(tempfile.gettempdir())
    assert folder.name.startswith("stats-assets-run-")
    assert Path(os.environ["TMPDIR"]) == folder
    assert Path(os.environ["STATS_ASSETS_ELSEWHERE"]).is_relative_to(folder)
