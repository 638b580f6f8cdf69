"""The schema's history, one Alembic revision a file in `versions/`, and the one call that brings a database up to date.

A revision has SQL of its own, which stays as it was (frozen.py). Adding one means adding its files and naming it in
`NEWEST`.
"""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import errors
from sqlalchemy import create_engine, pool
from sqlalchemy.exc import DBAPIError

from stats_assets.database.connection import Connection, connect, masked
from stats_assets.database.fact_partitions import SEQUENCES, make_partitions
from stats_assets.database.fact_ranges import note
from stats_assets.database.reading_login import make_reading_login

NEWEST = "0005"
LOCK = 5_640_001  # advisory locks of this project: see also statistics.py

HINTS = {
    errors.InsufficientPrivilege: "The role needs CREATE on the database and on its schema, and where OSMesa's tables"
    " are in it, which go into a schema of their own, to be their owner.",
    errors.DuplicateTable: "That name is another program's, or of another time: give the statistics a database of"
    " their own, or move it out of the way.",
    errors.DependentObjectsStillExist: "Something of your own is made of what this revision replaces: drop it, and make"
    " it again afterwards.",
}


class MigrationRefused(Exception):
    """The schema can't be brought up to date, and is as it was; the message says where, why, and what to do."""


def revision(connection: Connection) -> str | None:
    """The schema's revision; None: there is none yet."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None


def migrate(url: str) -> str | None:
    """Bring the schema to the newest revision, under a lock; returns the revision that it had before.

    Also makes the facts' partitions that the augmented diffs will need next, and the reading login (why there is
    none, it says itself). Cheap when there is nothing to do. A database of OSMesa's is taken over (osmesa.py). Raises
    DatabaseUnreachable, MigrationRefused, and psycopg.Error when a revision fails for another reason (all are one
    transaction: nothing is left half done).
    """
    with connect(url, application="stats-assets migrate") as connection:
        before = revision(connection)
        if before != NEWEST:
            # However long another's revision takes: to be refused meanwhile helps nobody.
            connection.execute("SET lock_timeout = '12h'; SET statement_timeout = 0")
            connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            before = revision(connection)
            if before != NEWEST:
                upgrade(url, NEWEST)
        _make_partitions_ahead(connection)
        note(connection)
        make_reading_login(connection)
        return before


def upgrade(url: str, to: str) -> None:
    """Upgrade to that revision, in one transaction, as `migrate` does; without its lock."""
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, connect_timeout=10),
        poolclass=pool.NullPool,
    )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    try:
        with engine.begin() as migration:
            migration.exec_driver_sql("SET LOCAL lock_timeout = '5min'; SET LOCAL statement_timeout = '12h'")
            config.attributes["connection"] = migration
            command.upgrade(config, to)
    except (psycopg.Error, DBAPIError) as error:
        # Alembic's own statements go by SQLAlchemy, ours don't.
        cause = error.orig if isinstance(error, DBAPIError) else error
        for kind, hint in HINTS.items():
            if isinstance(cause, kind):
                raise MigrationRefused(
                    f"The schema of {masked(url)} can't be brought up to date, and is as it was:"
                    f" {'. '.join(filter(None, (cause.diag.message_primary, cause.diag.message_detail)))}. {hint}"
                ) from None
        raise


def _make_partitions_ahead(connection: Connection) -> None:
    row = connection.execute(
        "SELECT coalesce((SELECT checkpoint FROM streams WHERE stream = 'augmented_diffs'),"
        " (SELECT sequence FROM checkpoints WHERE proc_name = 'ChangesetStatsUpdater' AND sequence > 0))"
    ).fetchone()
    if row is not None and row[0] is not None:
        make_partitions(connection, max(row[0], 0), row[0] + SEQUENCES)
