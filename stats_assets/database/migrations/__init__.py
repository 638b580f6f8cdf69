"""The schema's history, one Alembic revision a file in `versions/`, and the one call that brings a database up to date.

A revision has SQL of its own, which stays as it was (frozen.py), and says whether it only adds: then older code goes on
working. How to write one is in CONTRIBUTING.md; what is there before is found.py's.
"""

from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import errors

from stats_assets.database import locks
from stats_assets.database.connection import Connection, connect, without_password
from stats_assets.database.facts.fact_partitions import SEQUENCES, make_partitions
from stats_assets.database.facts.ranges import note
from stats_assets.database.migrations.found import NEWEST as NEWEST
from stats_assets.database.migrations.found import MigrationRefused as MigrationRefused
from stats_assets.database.migrations.found import revision as revision
from stats_assets.database.reading_login import make_reading_login

HINTS = {
    errors.InsufficientPrivilege: "The role needs CREATE on the database and on its schema, and where OSMesa's tables"
    " are in it, which go into a schema of their own, to be their owner.",
    errors.DuplicateTable: "That name is another program's, or of another time: give the statistics a database of"
    " their own, or move it out of the way.",
    errors.NumericValueOutOfRange: "Something that was counted is beyond 2147483647, as no changeset's edits are: have"
    " its sequences counted again by the code of before, with stats-assets backfill.",
    **dict.fromkeys(
        (errors.DependentObjectsStillExist, errors.FeatureNotSupported),
        "Something of your own is made of what this revision replaces: drop it, and make it"
        " again afterwards.",
    ),
}


Told = Callable[[int, int], None]
"""Hears how many revisions are made, and of how many."""


def migrate(url: str, told: Told = lambda done, of: None) -> str | None:
    """Bring the schema to the newest revision, under a lock; returns the revision that it had before.

    One that is newer still, and does not matter to this code, stays. Also makes the facts' partitions that the
    augmented diffs will need next, and the reading login (why there is none, it says itself). Cheap when there is
    nothing to do. A database of OSMesa's is taken over (osmesa.py). Raises DatabaseUnreachable, MigrationRefused, and
    psycopg.Error when a revision fails for another reason (all are one transaction: nothing is left half done).
    """
    with connect(url, application="stats-assets migrate") as connection:
        if connection.info.parameter_status("in_hot_standby") == "on":
            raise MigrationRefused(
                f"PostgreSQL at {without_password(url)} is a standby, and takes no changes. DATABASE_URL has to"
                " name the primary."
            )
        before = revision(connection)
        if before is None or before < NEWEST:
            # However long another's revision takes: to be refused meanwhile helps nobody.
            connection.execute("SET lock_timeout = '12h'; SET statement_timeout = 0")
            locks.wait_for(connection, locks.SCHEMA)
            before = revision(connection)
            if before is None or before < NEWEST:
                upgrade(
                    url, NEWEST, lambda made: told(made - int(before or 0), int(NEWEST) - int(before or 0))
                )
        _make_partitions_ahead(connection)
        note(connection)
        make_reading_login(connection)
        return before


def forward_only(url: str) -> list[str]:
    """The revisions that `migrate` would make and that code of before can't work with; a database without one has none.

    Raises DatabaseUnreachable, MigrationRefused.
    """
    from alembic.script import ScriptDirectory

    with connect(url, application="stats-assets migrate") as connection:
        at = revision(connection)
    if at is None or at >= NEWEST:
        return []
    scripts = ScriptDirectory(str(Path(__file__).parent)).walk_revisions()
    return sorted(
        f"{one.revision} ({one.doc})"
        for one in scripts
        if one.revision > at and not getattr(one.module, "additive", False)
    )


def upgrade(url: str, to: str, made: Callable[[int], None] = lambda revision: None) -> None:
    """Upgrade to that revision, in one transaction, as `migrate` does; without its lock. `made` hears of each."""
    from alembic import command  # here: whoever looks at a database imports this package
    from alembic.config import Config
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import DBAPIError

    def begin() -> Connection:
        connection = connect(url, application="stats-assets migrate")
        connection.autocommit = False
        return connection

    engine = create_engine("postgresql+psycopg://", creator=begin, poolclass=pool.NullPool)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    try:
        with engine.begin() as migration:
            migration.exec_driver_sql("SET LOCAL lock_timeout = '5min'; SET LOCAL statement_timeout = '12h'")
            # What lies in a later schema of search_path is another's, though it may have our names.
            migration.exec_driver_sql("SELECT set_config('search_path', quote_ident(current_schema()), true)")
            config.attributes.update(connection=migration, made=made)
            command.upgrade(config, to)
    except (psycopg.Error, DBAPIError) as error:
        # Alembic's own statements go by SQLAlchemy, ours don't.
        cause = error.orig if isinstance(error, DBAPIError) else error
        for kind, hint in HINTS.items():
            if isinstance(cause, kind):
                raise MigrationRefused(
                    f"The schema of {without_password(url)} can't be brought up to date, and is as it was:"
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
