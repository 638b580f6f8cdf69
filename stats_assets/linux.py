"""What Linux offers to keep processes in order: locks that die with their holder, children that die with their parent,
and names. Processes are found by `processes.py`; who is started, restarted and stopped is decided elsewhere.
"""

import contextlib
import ctypes
import fcntl
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class LockFile:
    """An open lock file: flock, so that the kernel releases it with the process, however that ends.

    The descriptor is close-on-exec: programs started by this process don't hold the lock; forks of it do.
    A file made by root belongs to the folder's owner. Raises OSError when the file can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if os.geteuid() == 0 and not path.exists():
            _make_for_owner(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_lock(self, *, shared: bool = False) -> bool:
        """Take the lock, or change its kind; False: another process holds it in a way that forbids that."""
        try:
            fcntl.flock(self._descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self) -> None:
        """Release the lock and keep the file open."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def touch(self) -> None:
        """Set the file's time to now: a sign of life for who looks at it with `touched`."""
        os.utime(self._descriptor)

    @property
    def touched(self) -> int:
        """The file's time, in nanoseconds."""
        return os.fstat(self._descriptor).st_mtime_ns

    @property
    def in_place(self) -> bool:
        """Whether the path still leads to the file that is open here (False: somebody removed the folder)."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False

    def text(self) -> str:
        """What the holder wrote into it."""
        return os.pread(self._descriptor, 1000, 0).decode(errors="replace")

    def write(self, text: str) -> None:
        """Replace the file's text."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def close(self) -> None:
        """Close the file and release the lock."""
        os.close(self._descriptor)


def holder() -> str:
    """What this process writes into a lock that it holds, for who is refused."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return f"process {os.getpid()} on {socket.gethostname()} since {now}"


def _make_for_owner(path: Path) -> None:
    """The file in one piece with its owner: there is no moment in which the owner can't open it."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(new)
    finally:
        os.close(descriptor)
        new.unlink()


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Alone in this folder, among those who ask; waits for them. Programs started meanwhile don't hold it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether a process holds this lock file exclusively; False as well when there is no such file."""
    if not path.exists():
        return False
    lock = LockFile(path)
    try:
        return not lock.try_lock(shared=True)
    finally:
        lock.close()


def dies_with_parent(death: signal.Signals) -> Callable[[], None]:
    """A preexec_fn: the child gets this signal when its parent is gone, also by kill -9.

    Only for parents with one thread: the kernel means the thread that forked, and preexec_fn isn't safe
    beside others. A change of user must come first (subprocess does so).
    """
    parent = os.getpid()

    def in_child() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(death), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return in_child


def entitle(title: str) -> None:
    """Give this process a name in lists of processes, over the words that it was started with.

    For a fork, which would have its parent's. Where the kernel doesn't say where the words are, they stay.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end of proc(5)
        if 0 < start < end:
            room = end - start
            ctypes.memmove(start, title.encode()[: room - 1].ljust(room, b"\0"), room)
