"""Late edits on an Overpass and in OsmChange, followed by one, the other, or in turn: a helper of tests, not a test.

How time passes and what is looked at in the end is hour.py's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from stats_assets import conflicts
from stats_assets.augment import intake
from stats_assets.database.connection import Connection, connect
from stats_assets.demo.answers.overpass_ways import Ways
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.late_edits import LateEdits
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.orchestration.current_system import current_stats
from tests.conftest import settings_for
from tests.drills.waiting import PATIENCE
from tests.hour import Hour, beginning

BEFORE = 3
"""Minutes that are there when it begins."""


class Scale(NamedTuple):
    """minutes: how many have late edits. latest: seconds after which none comes. poll: seconds from tick to tick.
    settle: SETTLE_SECONDS, which is less than a person may set where it is to be over soon. cached: minutes of the
    Overpass's disk cache.
    """

    minutes: int
    latest: float
    poll: float
    settle: float = conflicts.SETTLE_LEAST
    cached: int = 60


class Late(NamedTuple):
    """An hour that has begun. last: the last minute with late edits."""

    hour: Hour
    connection: Connection
    last: int
    patch: pytest.MonkeyPatch
    second: DemoFeed
    """Another server of the same world, to which other edits are late; of OsmChange of two, the same."""

    def follow(self, source: str) -> None:
        """From now on, this one; "OsmChange of two": of both servers."""
        if source == "OsmChange":
            self.patch.setenv("OSMCHANGE_URL", self.hour.feed.osmchange_url)
        elif source == "OsmChange of two":
            self.patch.setenv("OSMCHANGE_URL", f"{self.hour.feed.osmchange_url} {self.second.osmchange_url}")
        else:
            self.patch.delenv("OSMCHANGE_URL", raising=False)

    def take_the_second_too(self) -> None:
        """Where the first can't be used."""
        self.patch.setenv("OVERPASS_URL", f"{self.hour.feed.url} {self.second.url}")

    def is_late(self) -> None:
        """Some of what is counted is not as it will be."""
        assert self.hour.wrong(self.connection, self.last - 1)

    def is_right(self) -> None:
        """Once all is settled, every minute is as Overpass has it in the end, and the tables are the truth.

        Of a deletion in no changeset Overpass knows nothing, and OsmChange has it: the bytes of its minute differ.
        """
        stats, feed = current_stats(), self.hour.feed
        self.hour.settle(self.connection, self.last, 240)
        files = feed.changesets_head
        run_range(stats.work("changesets"), stats.url, "changesets", feed.world.changesets_first, files)
        wrong = self.hour.wrong(self.connection, self.last)
        assert {n: why for n, why in wrong.items() if b' changeset="0"' not in feed.overpass.final(n)} == {}
        assert not any(why.startswith("none") for why in wrong.values()), wrong
        assert self.hour.differences(self.connection, files) == []
        assert self.hour.troubles == []


@contextmanager
def begun(
    world: World, url: str, folder: Path, patch: pytest.MonkeyPatch, scale: Scale, source: str
) -> Iterator[Late]:
    last = world.first + BEFORE + scale.minutes - 1
    first, other = (
        Ways(
            late=LateEdits(gain=0.6, lose=0.4, latest=scale.latest, last=last, seed=seed), cached=scale.cached
        )
        for seed in (1, 1 if source == "OsmChange of two" else 2)
    )
    patch.setattr(conflicts, "SETTLE_LEAST", scale.settle)
    patch.setattr(intake, "LEAD", timedelta(minutes=15))  # of the empty hours before the planet
    with (
        DemoFeed(world, history=BEFORE, ways=first) as feed,
        DemoFeed(world, history=BEFORE, ways=other) as second,
    ):
        for server in (feed, second):
            server.pass_time(30)
        folder.mkdir(parents=True, exist_ok=True)
        planet = folder / "planet.osm.gz"
        planet.write_bytes(requests.get(feed.planet_url, timeout=PATIENCE).content)
        wanted: dict[str, object] = {
            "augmented_diffs_start": world.first,
            "changesets_start": world.changesets_first,
            "planet_file": planet,
            "settle_seconds": scale.settle,
            "retry_first_seconds": 60,
            "retry_max_seconds": 3600,
        }
        settings = settings_for(feed, url, folder).model_copy(update=wanted)
        with (
            beginning(feed, url, settings, patch, poll=scale.poll, others=(second,)) as hour,
            connect(url) as connection,
        ):
            begun = Late(hour, connection, last, patch, second)
            begun.follow(source)
            yield begun
