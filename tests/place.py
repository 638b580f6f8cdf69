"""Where a run of the tests puts what pytest's folders, closed to other users, can't hold: a folder, and one in memory
for what is written most. A process of its own removes them when the run is over, however it ends; the next run, when
that was killed too. Nothing is made outside of them. No test is here.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from stats_assets.embedded_postgres.access import ELSEWHERE

MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # noqa: S108
FAST = "STATS_ASSETS_TESTS_FAST"  # where that folder is, for the run's workers
_PREFIX = "stats-assets-run-"
_LOCK = "lock"


class Run(NamedTuple):
    """A run's folders: the temporary one, and where there is room one in memory. `cleaner` ends when they are gone."""

    folders: tuple[Path, ...]
    cleaner: "subprocess.Popen[bytes]"

    def end(self) -> None:
        """Remove the folders."""
        self.cleaner.communicate()


def begin(memory: Path = MEMORY) -> Run:
    """Make the run's folders, the first of them the temporary one of all processes of the run."""
    parent = next(filter(_others_pass, map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp"))))  # noqa: S108
    os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.gettempdir()  # pytest keeps failed tests' folders itself
    folder = _make(parent)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    os.environ[ELSEWHERE] = str(folder / "elsewhere")
    folders = [folder]
    if memory.is_dir() and _others_pass(memory) and shutil.disk_usage(memory).free > ROOM:
        folders.append(_make(memory))
    os.environ[FAST] = str(folders[-1])
    cleaner = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "tests.place", *map(str, folders)],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        start_new_session=True,  # so that what is sent to the run's group, or by its terminal, doesn't end it
    )
    return Run(tuple(folders), cleaner)


def _make(parent: Path) -> Path:
    """A run's folder, locked; what killed runs have left beside it is removed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # its own run, or another, removes it just now
            # what has no lock file is not a run's of this kind
            if (folder / _LOCK).stat().st_uid == os.geteuid() and _take(folder) is not None:
                remove(folder)
    # under a name that other runs don't look for until it is locked
    unlocked = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=parent))
    _take(unlocked)
    unlocked.chmod(0o1777)  # as the temporary folder that it stands for
    return unlocked.rename(parent / unlocked.name.removeprefix("."))


def remove(folder: Path) -> None:
    """Remove a folder; servers that still run in it see that, and end."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        if line.split()[1].startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", line.split()[1]], check=False, timeout=30)  # noqa: S603, S607
    limit = time.monotonic() + 10
    while folder.exists() and time.monotonic() < limit:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


def open_folder(*, fast: bool = False) -> Path:
    """A new folder that every user can pass through, as pytest's are not; fast: in memory where there is room.

    No program can be counted on to start in there: the memory's folder may forbid it.
    """
    folder = Path(tempfile.mkdtemp(prefix="t-", dir=os.environ[FAST] if fast else None))
    folder.chmod(0o755)
    return folder


def _others_pass(folder: Path) -> bool:
    return folder.is_dir() and all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def _take(folder: Path) -> int | None:
    """The folder's lock, until this process ends; None: the run lives."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


if __name__ == "__main__":
    sys.stdin.buffer.read()  # until the run is over
    for path in map(Path, sys.argv[1:]):
        remove(path)
