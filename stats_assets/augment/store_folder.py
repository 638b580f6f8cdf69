"""A store's folder: who has it open, whether its file system can hold it, and which format it has.

Here: files and their names. What is in them is lmdb_store.py's.
"""

import os
from pathlib import Path

from stats_assets.augment.store_errors import StoreInUse, StoreUnfit
from stats_assets.linux import LockFile, holder

DATA, READERS = "data.mdb", "lock.mdb"
"""LMDB's own two files."""
LOCK, LOADING = "opened", ".loading"
FORMAT = 1
"""Raised by each change of what the bytes mean."""
_REMOTE = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "afs",
        "ceph",
        "lustre",
        "gfs",
        "gfs2",
        "ocfs2",
        "gpfs",
        "beegfs",
        "glusterfs",
        "orangefs",
        "9p",
        "davfs",
        "ncpfs",
        "coda",
        "fuse",
        "fuseblk",
    ]
)
_MOUNTS = Path("/proc/self/mountinfo")


def holds_store(folder: Path) -> bool:
    """Whether a store was begun there, whatever state it is in. While a planet is loaded it is beside it (LOADING)."""
    try:
        return (folder / DATA).exists()
    except PermissionError:  # who opens it is told
        return True


def lock(folder: Path) -> LockFile:
    """The folder's lock, which says who has it. Raises StoreInUse."""
    held = LockFile(folder / LOCK)
    if not held.try_lock():
        who = held.text().strip() or "another process"
        held.close()
        raise StoreInUse(
            f"The store {folder} is open already, by {who}. One process at a time has it: end that one first."
        )
    held.write(holder())
    return held


def require_local(folder: Path, mounts: Path = _MOUNTS) -> None:
    """Raises StoreUnfit for a folder on a network's file system, or one that a program serves (FUSE)."""
    kind = file_system(folder, mounts)
    if kind in _REMOTE or kind.startswith("fuse."):
        raise StoreUnfit(
            f"The store {folder} lies on a file system of type {kind}, where neither locks nor a memory map"
            " can be relied on. Put it on a disk of this machine (on AWS: EBS or an instance's own, not EFS)."
        )


def file_system(folder: Path, mounts: Path = _MOUNTS) -> str:
    """The type of the file system that the (perhaps coming) folder lies on; empty where that isn't told."""
    path = folder.resolve()
    found, length = "", -1
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(_plain(before.split()[4]))
        if path.is_relative_to(point) and len(point.parts) >= length:
            found, length = after.split()[0], len(point.parts)
    return found


def _plain(word: str) -> str:
    """A mount's folder, in which spaces and the like stand as octal numbers."""
    return word.encode().decode("unicode_escape").encode("latin-1").decode(errors="replace")


def sync_folder(folder: Path) -> None:
    """The names in it are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
