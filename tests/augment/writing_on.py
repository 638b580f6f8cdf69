"""A process that changes a store until it is killed, or told to stop: python -m tests.augment.writing_on FOLDER [BYTES]

Transaction n settles version n of a node, a way and a relation, keeps pending ones of number n and drops those before.
BYTES: no file of it may be longer at first, as on a full disk; what the store says of that is printed, and one more
transaction is made when there is space again.
"""

import resource
import sys
from pathlib import Path

from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.augment.store import Place
from stats_assets.augment.store_errors import StoreError
from stats_assets.augment.versions import KINDS, Kind, Member, Pending, Version

NODES = tuple(range(1000, 1200))


def made(kind: Kind, id: int, number: int) -> Version:
    """Version `number`: it can be seen in each of its parts."""
    rest = {
        "node": {"position": (number, -number)},
        "way": {"refs": (number, *NODES)},
        "relation": {"members": (Member("way", number, ""), Member("node", number, str(number)))},
    }[kind]
    return Version(
        kind, id, number, number, number, number, f"user {number}", tags=(("n", str(number)),), **rest
    )  # type: ignore[arg-type]


def write_on(store: LmdbStore, more: int = 0, times: int = 10**9) -> None:
    """Transactions until somebody ends the process, or so many; more: so many new nodes in each."""
    with store.reading() as before:
        first = 1 + (before.place().sequence or 0)
    for number in range(first, first + times):
        with store.changing() as change:
            for kind in KINDS:
                change.settle(made(kind, 1, number))
                change.keep(Pending(made(kind, 2, number), number))
                change.drop(kind, 2, number - 1)
            for id in range(number * more, (number + 1) * more):
                change.settle(made("node", 10_000 + id, number))
            change.put_place(Place(0, number, number, number))
            change.tally("transactions")
        print(number, flush=True)


def write_on_a_full_disk(store: LmdbStore, size: int) -> None:
    """As `write_on`, until no file may become longer; then once more, when it may."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        write_on(store, more=500)
    except StoreError as error:
        print(f"{type(error).__name__}: {error}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    write_on(store, more=500, times=1)


if __name__ == "__main__":
    with LmdbStore(Path(sys.argv[1])) as opened:
        if len(sys.argv) > 2:
            write_on_a_full_disk(opened, int(sys.argv[2]))
        else:
            write_on(opened)
