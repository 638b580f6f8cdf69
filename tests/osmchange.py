"""A small planet and a directory of OsmChange for tests, made by hand: what is in it, and when it came."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stats_assets.feeds.sequences import path_of

BEGINS = datetime(2026, 11, 28, 12, tzinfo=UTC)
"""The planet's time, at a minute's edge."""
NODE, NUMBER = 9, 4


class SmallFeed:
    """`planet.osm`, and below `osmchange` minutely files. File n is of n minutes after the planet, and 2 s.

    The feed's own numbers are NUMBER higher, and begin with 1: before that there never was a file.
    """

    def __init__(self, folder: Path) -> None:
        self.url = str(folder / "osmchange")
        self.folder = folder / "osmchange"
        self.planet = folder / "planet.osm"
        self.folder.mkdir(parents=True)
        self.planet.write_text(
            f'<osm version="0.6" timestamp="{BEGINS:%FT%TZ}">{node(1, BEGINS - timedelta(days=1))}</osm>\n'
        )
        for sequence in range(1 - NUMBER, 1):
            self.put(sequence)

    def put(self, sequence: int, *nodes: str, time: datetime | None = None, state: bool = True) -> None:
        """A file, of its minute if not of another time, and with its state; the newest there is."""
        number = sequence + NUMBER
        file = self.folder / f"{path_of(number)}.osc.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = f'<osmChange version="0.6"><modify>{"".join(nodes)}</modify></osmChange>\n'
        file.write_bytes(gzip.compress(text.encode(), mtime=0))
        self.say(sequence, time or self.time(sequence))
        if state:
            (self.folder / f"{path_of(number)}.state.txt").write_bytes(
                (self.folder / "state.txt").read_bytes()
            )

    def say(self, sequence: int, time: datetime) -> None:
        """What state.txt says."""
        said = f"#osmdbt\nsequenceNumber={sequence + NUMBER}\ntimestamp={time:%FT%H\\:%M\\:%SZ}\n"
        (self.folder / "state.txt").write_text(said)

    def file(self, sequence: int) -> Path:
        return self.folder / f"{path_of(sequence + NUMBER)}.osc.gz"

    @staticmethod
    def time(sequence: int) -> datetime:
        return BEGINS + timedelta(minutes=sequence, seconds=2)


def node(version: int, at: datetime, id: int = NODE, *, user: int = 5) -> str:
    """A tree that moves with each version."""
    return (
        f'<node id="{id}" version="{version}" timestamp="{at:%FT%TZ}" changeset="{70 + version}" uid="{user}"'
        f' user="ada" lat="1.{version}" lon="2.0"><tag k="natural" v="tree"/></node>'
    )
