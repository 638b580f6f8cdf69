"""The production configuration heals: each service killed, a run killed, the whole machine lost. Each time the stream
goes on from its checkpoint, and in the end the statistics are the truth.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.kit.secrets import DRIVER
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from tests.conftest import database
from tests.drills.production import ROLES, Production, machine
from tests.drills.streams import Streams
from tests.drills.waiting import until


@pytest.fixture
def settings(server: str, feed: DemoFeed, url: str, world: World, tmp_path: Path) -> Iterator[dict[str, str]]:
    with database(server, "template1") as dagster:
        yield {
            "DATABASE_URL": url,
            "DAGSTER_DB_URI": dagster.replace("postgresql://", DRIVER),
            "OVERPASS_URL": feed.url,
            "CHANGESETS_URL": feed.changesets_url,
            "AUGMENTED_DIFFS_START": str(world.first),
            "CHANGESETS_START": str(world.changesets_first),
            "STATS_DATA_DIR": str(tmp_path / "data"),
        }


def heard(production: Production) -> dict[str, float]:
    """What the service `watch` says of all streams together."""
    said = production.run(["stats-assets", "watch", "--once"]).stdout.splitlines()
    found: dict[str, float] = next(line for line in map(json.loads, said) if "Stream" not in line)
    return found


def kill_a_run_at_work(production: Production, feed: DemoFeed) -> None:
    """One that waits for a body."""
    stuck = feed.head + 1
    rule = feed.faults.put(faults.stall(60), stream="augmented_diffs", sequence=stuck)
    feed.advance(1)
    until(
        lambda: any(request.sequence == stuck for request in feed.requests), "a run to ask for the next diff"
    )
    production.kill("run")
    feed.faults.remove(rule)


def test_it_heals(feed: DemoFeed, url: str, settings: dict[str, str], tmp_path: Path) -> None:
    streams = Streams(feed, url)
    with machine(tmp_path / "first", settings) as production:
        production.migrate()
        production.start().switch_on()
        streams.go_on("the start")
        assert 0 <= heard(production)["SinceHeartbeat"] < 120
        for role in ROLES:
            production.kill(role)
            streams.go_on(f"{role} was killed")
            until(lambda role=role: production.is_healthy(role), f"{role} to be healthy again")  # type: ignore[misc]
        kill_a_run_at_work(production, feed)
        streams.go_on("a run was killed")
        production.kill(*ROLES)
        streams.go_on("all services were killed")
        kill_a_run_at_work(production, feed)
        production.die()
        assert not production.is_healthy("webserver"), "a health check that can't fail"
    with machine(tmp_path / "second", settings) as production:
        production.start()
        streams.go_on("the machine was lost")
        streams.must_be_exact()
