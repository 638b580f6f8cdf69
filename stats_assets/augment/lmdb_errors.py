"""What LMDB's errors, and bytes that are not what was written, mean to a person, and what there is to do.

Here: from an error to a sentence. The exceptions are store_errors.py's.
"""

import errno
import os
from pathlib import Path

import lmdb

from stats_assets.augment.sealed_table import Torn
from stats_assets.augment.store_errors import StoreDamaged, StoreError, StoreFull

ANEW = "Move it away and load a planet anew (`stats-assets augment --planet FILE --store DIR`)."
_AGAIN = "What was committed is whole: free some space, and begin again."
_WHOLE = "What was committed is whole."
_REPORT = "Begin again; if it comes back, report it with this text."
_OTHERS = lmdb.MapResizedError, lmdb.BadRslotError, lmdb.BadTxnError, lmdb.LockError
_DAMAGED = (
    Torn,
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.PageNotFoundError,
    lmdb.VersionMismatchError,
    lmdb.PanicError,
    lmdb.IncompatibleError,
    lmdb.NotFoundError,
    lmdb.CursorFullError,
    lmdb.PageFullError,
    lmdb.BadValsizeError,
)
"""What is read is not what was written. LMDB calls so also what it stumbles over in a page that was overwritten."""


def meaning(error: lmdb.Error | OSError | Torn, folder: Path, room: int) -> StoreError:
    """The error as a sentence. room: addresses that a transaction of this store finds free."""
    kind, said = _kind_and_sentence(error, f"The store {folder}", room)
    return kind(said)


def _kind_and_sentence(
    error: lmdb.Error | OSError | Torn, store: str, room: int
) -> tuple[type[StoreError], str]:
    said = str(error)
    if isinstance(error, lmdb.MapFullError):
        return StoreFull, f"{store} can't take a change that is larger than {room:,} bytes. {_WHOLE}"
    if isinstance(error, lmdb.TxnFullError):
        return StoreFull, f"{store} can't take a change of more pages than LMDB holds ({said}). {_WHOLE}"
    if isinstance(error, lmdb.ReadersFullError):
        found = f"{store} is looked at more often at once than it can be ({said}). {_WHOLE} {_REPORT}"
    elif isinstance(error, _OTHERS):
        found = (
            f"{store} is at work for something else, too ({said}). {_WHOLE} One process at a time has it, on the"
            " machine that its disk belongs to: end the other, and begin again."
        )
    elif isinstance(error, _DAMAGED):
        return StoreDamaged, f"{store} is damaged ({said}). {ANEW}"
    else:
        return _by_number(error, store, room)
    return StoreError, found


def _by_number(error: lmdb.Error | OSError | Torn, store: str, room: int) -> tuple[type[StoreError], str]:
    """What the system says, whose number LMDB has in words."""
    said = str(error)

    def due_to(*numbers: int) -> bool:
        return any(os.strerror(number) in said for number in numbers)

    if due_to(errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return StoreFull, f"The disk of {_lower(store)} is full ({said}). {_AGAIN}"
    if due_to(errno.EIO):
        # LMDB's word for a write of which only a part was done, which is how a disk mostly becomes full.
        return StoreFull, f"The disk of {_lower(store)} is full, or it fails ({said}). {_AGAIN}"
    if due_to(errno.ENOMEM) or isinstance(error, lmdb.MemoryError):
        found = (
            f"{store} finds no {room >> 30} GB of free addresses ({said}). They are no memory: raise the limit"
            " (`ulimit -v`)."
        )
    elif due_to(errno.EACCES, errno.EPERM, errno.EROFS) or isinstance(
        error, OSError | lmdb.ReadonlyError | lmdb.DiskError
    ):
        found = f"{store} can't be read or written ({said}). Look at its disk and rights."
    else:
        found = f"{store} can't be used ({said}). {_WHOLE} {_REPORT}"
    return StoreError, found


def _lower(store: str) -> str:
    return store[0].lower() + store[1:]
