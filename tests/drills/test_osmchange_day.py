"""A day of the world by OsmChange alone, by processes that are killed at each kind of write: the truth comes out."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import requests

from stats_assets.database.connection import Connection
from stats_assets.database.made_diffs import made_diffs
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.answers.overpass_ways import Ways
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.truth.truth import truth
from stats_assets.demo.world.late_edits import LateEdits
from stats_assets.demo.world.world import World
from stats_assets.feeds.http_client import Http
from stats_assets.ingest.diff_making import make
from stats_assets.ingest.run import run_range
from stats_assets.streams import STREAMS
from stats_assets.system import Stats
from tests.conftest import settings_for
from tests.drills.dying_maker import POINTS
from tests.drills.waiting import PATIENCE
from tests.truth import differences, statistics_of

DAY = 1440
SETTLED = 100
"""Minutes more, in which what is late comes, and settles."""
PLANET = ("planet", "planet loaded")
ROUNDS = 2
"""So often the maker dies at each of the other points."""


@pytest.mark.drill
@pytest.mark.timeout(3600)
def test_a_day_by_osmchange_alone(world: World, url: str, connection: Connection, tmp_path: Path) -> None:
    chance, planet = Random(1), tmp_path / "planet.osm.gz"  # noqa: S311 (no secret)
    late = LateEdits(gain=0.5, lose=0.3, latest=3300)
    with DemoFeed(world, history=1, ways=Ways(late=late)) as feed:
        planet.write_bytes(requests.get(feed.planet_url, timeout=PATIENCE).content)
        settings = settings_for(
            feed, url, tmp_path / "data", osmchange_url=feed.osmchange_url, planet_file=planet
        )
        stats = Stats(settings)
        vars(stats)["http"] = Http("test", timeout=PATIENCE, head_timeout=PATIENCE, pause=0.01)
        work = stats.making_work()
        assert work is not None
        points = [*PLANET, *(point for point in POINTS if point not in PLANET for _ in range(ROUNDS))]
        arguments = (url, feed.osmchange_url, str(work.folder), str(planet), work.out)
        minutes = DAY // len(points)
        for point in points:
            feed.pass_time(60 * minutes)
            count = 1 if point == "planet loaded" else 2 if "told" in point else chance.randrange(2, minutes)
            command = [sys.executable, str(Path(__file__).with_name("dying_maker.py")), point, str(count)]
            died = subprocess.run([*command, *arguments], check=False, capture_output=True, text=True)  # noqa: S603
            assert died.returncode == -9, (point, died.returncode, died.stderr[-2000:])
        feed.pass_time(60 * (DAY - feed.head + world.first + SETTLED) + 5)
        done = make(work, url, "the last")
        assert (done.trouble, done.last) == ("", feed.head)
        assert made_diffs(connection).noted == []
        last, files = world.first + DAY - 1, world.newest_changeset_file(world.first + DAY - 1)
        ranges = {
            "augmented_diffs": (world.first, last),
            "changesets": (world.changesets_first, files),
        }
        for stream in STREAMS:
            first, end = ranges[stream]
            report = run_range(stats.work(stream), url, f"run-{stream}", first, end)
            assert (report.committed, report.failed) == (end - first + 1, {})
    apply_queue(connection)
    assert differences(truth(world, augmented_diffs=last, changesets=files), statistics_of(connection)) == []
