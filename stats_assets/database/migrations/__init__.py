"""The schema's history, one Alembic revision a file in `versions/`, and the one call that brings a database up to date.

The SQL itself is in `../sql`. Adding a revision means adding its file and naming it in `NEWEST`.
"""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, pool

from stats_assets.database.connection import Connection, connect
from stats_assets.database.fact_partitions import SEQUENCES, make_partitions

NEWEST = "0002"
LOCK = 5_640_001  # advisory locks of this project: see also statistics.py


def revision(connection: Connection) -> str | None:
    """The schema's revision; None: there is none yet."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None


def migrate(url: str) -> str | None:
    """Bring the schema to the newest revision, under a lock; returns the revision that it had before.

    Also makes the facts' partitions that the augmented diffs will need next. Cheap when there is nothing to do.
    Raises DatabaseUnreachable, and psycopg.Error when a revision fails (all are one transaction: nothing is left
    half done).
    """
    with connect(url, application="stats-assets migrate") as connection:
        before = revision(connection)
        if before != NEWEST:
            connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            before = revision(connection)
            if before != NEWEST:
                upgrade(url, NEWEST)
        _make_partitions_ahead(connection)
        return before


def upgrade(url: str, to: str) -> None:
    """Upgrade to that revision, in one transaction; without the lock, which is `migrate`'s."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=pool.NullPool
    )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with engine.begin() as migration:
        config.attributes["connection"] = migration
        command.upgrade(config, to)


def _make_partitions_ahead(connection: Connection) -> None:
    row = connection.execute(
        "SELECT coalesce((SELECT checkpoint FROM streams WHERE stream = 'augmented_diffs'),"
        " (SELECT sequence FROM checkpoints WHERE proc_name = 'ChangesetStatsUpdater' AND sequence > 0))"
    ).fetchone()
    if row is not None and row[0] is not None:
        make_partitions(connection, max(row[0], 0), row[0] + SEQUENCES)
