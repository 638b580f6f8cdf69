"""A database as it was: what `make restore` leaves the services with.

Both databases are of one moment, at which a run was at work, and which the streams had left behind; they go on from its
checkpoints, and what comes out is the truth.
"""

from pathlib import Path

import psycopg
from psycopg import sql

from deploy.kit.secrets import DRIVER
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.embedded_postgres.place import ROLE
from stats_assets.embedded_postgres.roles import as_superuser
from tests.conftest import database
from tests.drills.production import machine
from tests.drills.streams import Streams
from tests.drills.test_production import kill_a_run_at_work


def copied(server: str, url: str) -> str:
    """Another database that is what this one is now."""
    name = url.rpartition("/")[2].partition("?")[0]
    with psycopg.connect(as_superuser(server), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy").format(
                *map(sql.Identifier, (f"{name}_restored", ROLE, name))
            )
        )
    return url.replace(name, f"{name}_restored")


def for_dagster(url: str) -> str:
    return url.replace("postgresql://", DRIVER)


def test_the_streams_go_on_from_the_checkpoints_of_then(
    server: str, feed: DemoFeed, url: str, world: World, tmp_path: Path
) -> None:
    with database(server, "template1") as dagster:
        settings = {
            "OVERPASS_URL": feed.url,
            "CHANGESETS_URL": feed.changesets_url,
            "AUGMENTED_DIFFS_START": str(world.first),
            "CHANGESETS_START": str(world.changesets_first),
            "STATS_DATA_DIR": str(tmp_path / "data"),
        }
        here = settings | {"DATABASE_URL": url, "DAGSTER_DB_URI": for_dagster(dagster)}
        streams = Streams(feed, url)
        with machine(tmp_path / "first", here) as production:
            production.migrate()
            production.start().switch_on()
            streams.go_on("the start")
            kill_a_run_at_work(production, feed)  # its task is gone, and in the copy it is at work for ever
        restored, restored_dagster = copied(server, url), copied(server, dagster)
        with machine(tmp_path / "later", here) as production:
            production.start()
            streams.go_on("the time that is restored")
        there = settings | {"DATABASE_URL": restored, "DAGSTER_DB_URI": for_dagster(restored_dagster)}
        again = Streams(feed, restored)
        assert not again.at_head()
        with machine(tmp_path / "restored", there) as production:
            production.migrate()
            production.start()
            again.go_on("the restore")
            again.must_be_exact()
        with psycopg.connect(as_superuser(server), autocommit=True) as admin:
            for one in (restored, restored_dagster):
                name = sql.Identifier(one.rpartition("/")[2].partition("?")[0])
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
