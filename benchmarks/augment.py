"""What the store of what is now costs: python -m benchmarks.augment [--nodes N] [--folder DIR]

A planet is invented, loaded, and edited for a month; then what a country, a continent and the planet need is worked out
from what an element took. Seconds are the processor's where it is the limit, as other work on the machine costs none of
them. Not here: the invented planet (invented_planet.py), and documents' own speed.
"""

import argparse
import gzip
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from benchmarks.invented_planet import ENDED, Planet, write_pbf
from stats_assets.augment.difference import actions
from stats_assets.augment.document import write
from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.augment.lmdb_tables import TABLES
from stats_assets.augment.planet import load_planet
from stats_assets.augment.reading import read_osmchange, read_planet
from stats_assets.augment.sealed_table import SealedTable
from stats_assets.augment.store_folder import DATA
from stats_assets.augment.versions import KINDS, Kind, Version
from stats_assets.augment.window import MINUTE, minute_of, settle, take_in

KEPT = 65
"""Minutes that versions are pending."""
LARGEST = 60_000
"""Versions of a very large minute: an ordinary one has 3,000 to 6,000; an upload can have 10,000."""
ELEMENTS = {
    "Germany": (450e6, 75e6, 1e6),
    "Europe": (3.9e9, 480e6, 8.5e6),
    "the planet": (10.2e9, 1.15e9, 14e6),
}
"""Nodes, ways, relations, by OSM's statistics page and Geofabrik's extracts, 2025, rounded."""
TABLES_OF: dict[Kind, tuple[str, ...]] = {
    "node": ("nodes", "node_users"),
    "way": ("ways", "way_users"),
    "relation": ("relations",),
}


class Cost(NamedTuple):
    """How much was done, and what it took."""

    number: int
    wall: float
    cpu: float

    def __str__(self) -> str:
        per = f"{self.number / self.cpu:,.0f} a second of the processor, {self.number / self.wall:,.0f} a second"
        return f"{self.number:,}: {per}"


def cost(work: Callable[[], int]) -> Cost:
    """Work that says how much it did."""
    wall, cpu = time.monotonic(), time.process_time()
    count = work()
    return Cost(count, time.monotonic() - wall, time.process_time() - cpu)


def say(what: str, told: object) -> None:
    """A line, at once."""
    print(f"{what}: {told}", flush=True)


def table_bytes(store: LmdbStore) -> dict[str, int]:
    """What each table's pages take."""
    found = {}
    with store._environment.begin() as transaction:
        for name in TABLES:
            stat = transaction.stat(store._handles[name])
            found[name] = stat["psize"] * (stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"])
    return found


def say_bytes(when: str, folder: Path, counts: dict[Kind, int]) -> dict[Kind, float]:
    """Bytes an element, by kind; pages that are free are shared out. Names are no element's: 50 bytes a mapper."""
    with LmdbStore(folder) as store:
        tables, size = table_bytes(store), store.size
    used = sum(tables.values())
    found: dict[Kind, float] = {}
    for kind in KINDS:
        own = sum(tables[table] for table in TABLES_OF[kind])
        found[kind] = own / counts[kind] * size / used
    parts = ", ".join(f"{name} {number / 1e6:.1f}" for name, number in tables.items() if number > 10_000)
    each = ", ".join(f"{number:.1f} a {kind}" for kind, number in found.items())
    say(
        f"bytes {when}",
        f"{each}; {size / 1e6:.1f} MB, of which MB in use: {parts}; free {1 - used / size:.0%}",
    )
    say(
        "   nodes alone",
        f"{tables['nodes'] / counts['node']:.1f}, their users {tables['node_users'] / counts['node']:.1f}",
    )
    return found


def osmchange(versions: Sequence[Version], file: Path) -> None:
    """The versions as OsmChange."""
    with gzip.open(file, "wt", compresslevel=1) as out:
        out.write('<osmChange version="0.6">')
        for each in versions:
            when = f"{datetime.fromtimestamp(each.timestamp, UTC):%Y-%m-%dT%H:%M:%SZ}"
            place = (
                f' lon="{each.position[0] / 1e7:.7f}" lat="{each.position[1] / 1e7:.7f}"'
                if each.position
                else ""
            )
            block = "modify" if each.visible else "delete"
            out.write(
                f'<{block}><{each.kind} id="{each.id}" version="{each.version}" timestamp="{when}"'
                f' changeset="{each.changeset}" uid="{each.uid}" user="{each.user}"{place}>'
            )
            out.writelines(f'<nd ref="{ref}"/>' for ref in each.refs)
            out.writelines(f'<member type="{m.kind}" ref="{m.ref}" role="{m.role}"/>' for m in each.members)
            out.writelines(f'<tag k="{key}" v="{value}"/>' for key, value in each.tags)
            out.write(f"</{each.kind}></{block}>")
        out.write("</osmChange>")


def pieces(versions: Iterator[Version], size: int) -> Iterator[list[Version]]:
    """So many at a time."""
    while piece := list(islice(versions, size)):
        yield piece


def edit_a_month(folder: Path, planet: Planet, dice: random.Random, files: Path) -> Cost:
    """The month in transactions as the maker's: files of OsmChange are read and kept, and settled when 65 more were."""
    versions = list(planet.month())
    dice.shuffle(versions)
    each = max(100, len(versions) // 400)
    spent = [0.0, 0.0]
    with LmdbStore(folder) as store:
        with store.reading() as snapshot:
            now = snapshot.place().settled_to
        for number, piece in enumerate(pieces(iter(versions), each), 1):
            file = files / "minute.osc.gz"
            osmchange([version._replace(timestamp=now + number * MINUTE) for version in piece], file)
            took = cost(partial(_one_minute, store, file, number, now + number * MINUTE))
            spent = [spent[0] + took.wall, spent[1] + took.cpu]
    return Cost(len(versions), *spent)


def _one_minute(store: LmdbStore, file: Path, number: int, time: int) -> int:
    with store.changing() as change:
        happened = take_in(change, read_osmchange(file), number, time)
    if number > KEPT:
        with store.changing() as change:
            settle(change)
    return happened["versions"]


def forget(folder: Path) -> None:
    """The page cache has nothing of the store's file any more: fsync, then POSIX_FADV_DONTNEED."""
    descriptor = os.open(folder / DATA, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def look_up(folder: Path, ids: Sequence[int]) -> Cost:
    """A node by its id and its users, in no order."""
    with LmdbStore(folder) as store:

        def look() -> int:
            with store.reading() as snapshot:
                for id in ids:
                    snapshot.settled("node", id)
                    snapshot.users("node", id)
            return len(ids)

        return cost(look)


@contextmanager
def counted_reads() -> Iterator[list[None]]:
    """As many as rows are asked of LMDB: what is in memory as a group aside."""
    reads: list[None] = []
    get = SealedTable.get

    def counting(self: SealedTable, key: bytes) -> bytes | None:
        reads.append(None)
        return get(self, key)

    SealedTable.get = counting  # type: ignore[method-assign]
    try:
        yield reads
    finally:
        SealedTable.get = get  # type: ignore[method-assign]


def make_one(folder: Path, out: Path) -> None:
    """The minute that `largest_minute` took in: what its document takes, and this process's memory at most."""
    with LmdbStore(folder) as store, store.reading() as snapshot:
        sequence = minute_of(snapshot.place().settled_to) + KEPT * 2
        with counted_reads() as reads:
            took = cost(lambda: write(out, actions(snapshot, sequence), osm_base=snapshot.place().reached))
    say("   its actions, made with a cold cache", f"{took}; rows read: {len(reads):,}")
    say("   memory of that, at most", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def take_one(folder: Path, file: Path) -> None:
    """Take in a file, in a process of its own."""
    with LmdbStore(folder) as store:
        with store.reading() as snapshot:
            until = snapshot.place().settled_to + KEPT * 2 * MINUTE
        took = cost(lambda: _one_minute(store, file, 0, until))
    say("   read and kept", took)
    say("   memory of that, at most", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def largest_minute(folder: Path, planet: Planet, files: Path) -> None:
    """Take in and make a minute of very many versions, each in a process of its own."""
    with LmdbStore(folder) as store, store.reading() as snapshot:
        until = snapshot.place().settled_to + KEPT * 2 * MINUTE
        wanted = min(LARGEST, planet.nodes // 4)
        step = planet.nodes // wanted
        found = []
        for each in islice(planet.versions(), 0, None, step):
            now = snapshot.settled(each.kind, each.id)
            if now and now.visible:
                place = now.position and (now.position[0] + 7, now.position[1])
                found.append(now._replace(version=now.version + 1, timestamp=until, position=place))
    osmchange(found, files / "large.osc.gz")
    say("a minute of versions", f"{len(found):,}, on the whole planet, as no real one is")
    for words in (("--take", files / "large.osc.gz"), ("--make", files / "document")):
        forget(folder)
        subprocess.run([sys.executable, "-m", "benchmarks.augment", "--of", folder, *words], check=True)  # noqa: S603


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=2_000_000)
    parser.add_argument(
        "--folder", type=Path, help="where the store is made: on a real disk (a temporary folder)"
    )
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--take", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.take:
        return take_one(asked.of, asked.take)
    if asked.make:
        return make_one(asked.of, asked.make)
    with tempfile.TemporaryDirectory(dir=asked.folder) as temporary:
        measure(Planet(asked.nodes), Path(temporary))
    return None


def measure(planet: Planet, files: Path) -> None:
    """All of it, in this folder."""
    file, folder = files / "planet.osm.pbf", files / "store"
    counts: dict[Kind, int] = dict.fromkeys(KINDS, 0)
    for each in planet.versions():
        counts[each.kind] += 1
    total = write_pbf(planet.versions(), file, ENDED)
    say("invented", f"{counts}, {file.stat().st_size / total:.1f} bytes an element as PBF")
    say("read", cost(lambda: len(deque((1 for _ in read_planet(file)), maxlen=None))))
    loaded = cost(lambda: load_planet(file, folder) and total)
    say("loaded", loaded)
    say("   memory, at most", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    say_bytes("fresh", folder, counts)
    dice = random.Random(5)  # noqa: S311
    ids = [each.id for each in planet.versions() if each.kind == "node"]
    asked = dice.sample(ids, min(20_000, len(ids) // 10))
    forget(folder)
    say("lookups, cold cache", look_up(folder, asked))
    say("lookups, warm cache", look_up(folder, asked))
    say("a month: read, kept and settled", edit_a_month(folder, planet, dice, files))
    later = say_bytes("after a month", folder, counts)
    largest_minute(folder, planet, files)
    for name, numbers in ELEMENTS.items():
        size = sum(later[kind] * number for kind, number in zip(KINDS, numbers, strict=True))
        hours = sum(numbers) / (loaded.number / loaded.cpu) / 3600
        say(name, f"{size / 1e9:,.0f} GB after a month; loaded in {hours:.1f} hours of one core")


if __name__ == "__main__":
    main()
