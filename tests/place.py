"""Where a run of the tests puts what pytest's folders, closed to other users, can't hold: one folder, which the
run removes in the end, and the next run when it was killed. Nothing is made outside of it. No test is here.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from stats_assets.database.embedded import ELSEWHERE

_PREFIX = "stats-assets-run-"
_LOCK = "lock"


def begin() -> Path:
    """Make the run's folder, and make it the temporary one of all processes of the run."""
    parent = next(filter(_others_pass, map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp"))))  # noqa: S108
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # its own run, or another, removes it just now
            # what has no lock file is not a run's of this kind
            if (folder / _LOCK).stat().st_uid == os.geteuid() and _take(folder) is not None:
                remove(folder)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.gettempdir()  # pytest keeps failed tests' folders itself
    # under a name that other runs don't look for until it is locked
    unlocked = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=parent))
    _take(unlocked)
    unlocked.chmod(0o1777)  # as the temporary folder that it stands for
    folder = unlocked.rename(parent / unlocked.name.removeprefix("."))
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    os.environ[ELSEWHERE] = str(folder / "elsewhere")
    return folder


def remove(folder: Path) -> None:
    """Remove a folder; servers that still run in it see that, and end."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        if line.split()[1].startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", line.split()[1]], check=False, timeout=30)  # noqa: S603, S607
    limit = time.monotonic() + 10
    while folder.exists() and time.monotonic() < limit:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


def open_folder() -> Path:
    """A new folder that every user can pass through, as pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="t-"))
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
