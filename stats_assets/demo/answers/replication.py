"""The planet's minutely OsmChange over the invented world: which file has which versions, and when it is there.

Its text is osmchange_file.py's. What comes late to Overpass (world/late_edits.py) comes in a later file here, too.
"""

import gzip
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Final, NamedTuple

from stats_assets.demo.answers.osmchange_file import write_osmchange, write_osmchange_state, write_planet
from stats_assets.demo.world.elements import RANK, Deletion, Version
from stats_assets.demo.world.late_edits import LateEdits
from stats_assets.demo.world.minute import until
from stats_assets.demo.world.world import World

OSMCHANGE_FIRST: Final = 5_812_345
"""The file in which most of the world's first minute is: the numbers are neither minutes nor those of changesets."""
BEFORE: Final = 300
"""Empty files of the minutes before: who begins at the planet reads some hours of them."""
ON_TIME: Final = LateEdits(gain=0, lose=0)
_BEFORE_WORLD: Final = timedelta(seconds=23)
_MINUTE: Final = timedelta(minutes=1)


class OsmChange(NamedTuple):
    """A file: what came after the time of the one before and until `time`."""

    sequence: int
    time: datetime
    packed: bytes

    @property
    def state(self) -> bytes:
        return write_osmchange_state(self.sequence, self.time)


class Replication:
    """`late`: what comes late. `stops`: from which sequences on nothing is published for how many minutes, all of which
    are in one file then; to be put there before their time. Safe to use from threads.
    """

    def __init__(self, world: World, late: LateEdits = ON_TIME) -> None:
        self.stops: dict[int, int] = {}
        self._world = world
        self._late = late
        self._ends = [world.first - 1]
        """The minute with which each file ends, from that before the world's first on."""
        self._came: dict[int, list[tuple[datetime, Version]]] = {}
        self._lock = RLock()

    def planet(self) -> bytes:
        """The map as it was shortly before the world's first minute, packed. Not all of a minute: that is as usual."""
        time = until(self._world.first - 1) - _BEFORE_WORLD
        return gzip.compress(write_planet(self._world.founded, time), 6, mtime=0)

    def newest(self, now: datetime) -> int:
        """The newest file that is there then."""
        found = OSMCHANGE_FIRST + len(self._ends) - 2
        while self._time(found + 1) <= now:
            found += 1
        while self._time(found) > now:
            found -= 1
        return found

    def file(self, sequence: int) -> OsmChange:
        """Raises LookupError below the first of the empty ones."""
        if sequence < OSMCHANGE_FIRST - BEFORE:
            raise LookupError(f"OsmChange {sequence} is below the first, {OSMCHANGE_FIRST - BEFORE}")
        begin, end = self._time(sequence - 1), self._time(sequence)
        found = [version for came, version in self._coming(sequence) if begin < came <= end]
        found.sort(key=lambda version: (RANK[version.kind], version.id, version.stamp.version))
        return OsmChange(sequence, end, gzip.compress(write_osmchange(found), 6, mtime=0))

    def write(self, folder: Path, newest: int, oldest: int = OSMCHANGE_FIRST - BEFORE) -> None:
        """The same as files: `planet.osm.gz`, and below `osmchange` what a planet server has there."""
        root = folder / "osmchange"
        for sequence in range(oldest, newest + 1):
            file, digits = self.file(sequence), f"{sequence:09d}"
            place = root / digits[:3] / digits[3:6]
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{digits[6:]}.osc.gz").write_bytes(file.packed)
            (place / f"{digits[6:]}.state.txt").write_bytes(file.state)
            (root / "state.txt").write_bytes(file.state)
        (folder / "planet.osm.gz").write_bytes(self.planet())

    def _end(self, sequence: int) -> int:
        """The minute with which a file ends."""
        number = sequence - OSMCHANGE_FIRST + 1
        if number < 0:
            return self._world.first - 1 + number
        with self._lock:
            while len(self._ends) <= number:
                next_one = self._ends[-1] + 1
                self._ends.append(next_one + self.stops.get(next_one, 1) - 1)
            return self._ends[number]

    def _time(self, sequence: int) -> datetime:
        """Files are cut a second or two after the minute."""
        return until(self._end(sequence)) + timedelta(seconds=1 + sequence % 2)

    def _coming(self, sequence: int) -> Iterator[tuple[datetime, Version]]:
        """What may be in the file, and when it came."""
        longest = int(self._late.latest // 60) + 2
        oldest = max(self._world.first, self._end(sequence - 1) - longest)
        for minute in range(oldest, self._end(sequence) + 2):
            if minute not in self._came:
                self._came[minute] = list(self._arrivals(minute))
            yield from self._came[minute]

    def _arrivals(self, minute: int) -> Iterator[tuple[datetime, Version]]:
        final = gzip.decompress(self._world.augmented_diff(minute))
        gains, loses = self._late.gains_after(minute), self._late.loses_after(minute)
        late = None if gains is None else self._late.late_changeset(final, minute)
        for version in self._world.versions(minute):
            comes_late = gains is not None and version.stamp.changeset == late
            yield (until(minute) + timedelta(seconds=gains or 0) if comes_late else version.stamp.at), version
        fleeting = None if loses is None else self._late.fleeting(final, minute)
        if fleeting is not None:
            yield fleeting.stamp.at, fleeting
            gone = Deletion("node", fleeting.id, fleeting.stamp._replace(version=2), fleeting.point)
            yield until(minute) + timedelta(seconds=loses or 0), gone
