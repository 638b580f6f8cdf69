"""A planet as the beginning of a store: read in bounded memory under another name, and there when it is whole.

Here: the file, its time and its order, the folder's name. Rows are planet_loading.py's, reading is reading.py's.
"""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.augment.reading import planet_time, read_planet
from stats_assets.augment.store import Place
from stats_assets.augment.store_errors import StoreMissing
from stats_assets.augment.store_folder import LOADING, lock, require_local, sync_folder
from stats_assets.augment.unreadable import Unreadable
from stats_assets.augment.versions import KINDS, Version
from stats_assets.augment.window import beginning

EACH = 100_000
"""Elements between two signs of progress."""

Progress = Callable[[str, int], None]
"""Called with what is done ("nodes", "ways", "relations", "uses"), and how many of them are."""


def load_planet(
    file: Path, folder: Path, at: int | None = None, progress: Progress = lambda _, __: None
) -> Place:
    """A store in this folder, which must not be there yet, out of a planet or an extract. Its place is returned.

    at: until when the file has everything, in epoch seconds; by default what the file says. Until all of it is there it
    is in FOLDER.loading, which the next try removes. Raises Unreadable and StoreError.
    """
    time = at if at is not None else planet_time(file)
    if time is None:
        raise Unreadable(
            str(file),
            "does not say until when it has all edits. Give the time (`--at 2026-11-30T00:00:00Z`).",
        )
    if folder.exists() and any(folder.iterdir()):
        raise StoreMissing(
            f"{folder} is there already: a planet is loaded into a folder of its own. Give another, or remove it."
        )
    loading = folder.with_name(folder.name + LOADING)
    require_local(loading)
    _clear(loading)
    begins = beginning(time)
    place = Place(begins, begins, time)
    with LmdbStore(loading, create=True, synced=False) as store:
        with store.loading() as rows:
            for version in _counted(_in_order(read_planet(file), file), progress):
                rows.add(version)
            done = 0
            for pairs in rows.finish():
                done += pairs
                progress("uses", done)
        with store.changing() as change:
            change.put_place(place)
        store.sync()
    sync_folder(loading)
    if folder.exists():
        folder.rmdir()
    loading.rename(folder)
    sync_folder(folder.parent)
    return place


def _clear(loading: Path) -> None:
    """What a try before this one left. Raises StoreInUse where that still goes on."""
    if loading.exists():
        held = lock(loading)
        shutil.rmtree(loading)
        held.close()


def _in_order(versions: Iterator[Version], file: Path) -> Iterator[Version]:
    before = (-1, 0)
    for version in versions:
        here = (KINDS.index(version.kind), version.id)
        if here <= before:
            raise Unreadable(str(file), _disorder(version, same=here == before))
        before = here
        yield version


def _disorder(version: Version, *, same: bool) -> str:
    if same:
        return (
            f"has {version.kind} {version.id} twice: it is a history. Make a planet of it:"
            f" `osmium time-filter FILE {datetime.now(UTC):%Y-%m-%dT00:00:00Z} -o PLANET`."
        )
    return (
        f"is not sorted: {version.kind} {version.id} comes too late. Sort it by kind and id:"
        " `osmium sort FILE -o SORTED`."
    )


def _counted(versions: Iterator[Version], progress: Progress) -> Iterator[Version]:
    kind, count = "node", 0
    for version in versions:
        if version.kind != kind:
            progress(f"{kind}s", count)
            kind, count = version.kind, 0
        count += 1
        if not count % EACH:
            progress(f"{kind}s", count)
        yield version
    progress(f"{kind}s", count)
