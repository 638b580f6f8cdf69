"""A database as it is found: whether its schema is ours, of which revision, and what hinders bringing it up to date.

Which code may work with a schema that is newer than it is said by the table `schema_marks` (env.py).
"""

from pathlib import Path

from stats_assets.database.connection import Connection, DatabaseUnreachable

KNOWN = tuple(sorted(file.name[:4] for file in (Path(__file__).parent / "versions").glob("[0-9]*.py")))
NEWEST = KNOWN[-1]
OURS = ("streams", "ledger", "ledger_blocks")  # since the first revision


class MigrationRefused(DatabaseUnreachable):
    """The schema can't be brought up to date, and is as it was; the message says where, why, and what to do."""


def revision(connection: Connection) -> str | None:
    """The schema's revision, in the first schema of search_path; None: there is none yet.

    One that this code does not know is newer, and does not matter to it. Raises MigrationRefused.
    """
    row = connection.execute(
        "SELECT current_schema(), current_setting('search_path'), current_database(),"
        " (SELECT array_agg(relname::text) FROM pg_class WHERE relnamespace = to_regnamespace(current_schema())"
        " AND relname = ANY (%s))",
        (["alembic_version", "schema_marks", *OURS],),
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM
    schema, path, database, found = row
    if schema is None:
        raise MigrationRefused(
            f"The search_path of database {database} ({path}) names no schema that exists and may be used. Make one,"
            " with CREATE SCHEMA, or correct DATABASE_URL's options, or what ALTER ROLE or ALTER DATABASE has set."
        )
    if "alembic_version" not in (found or ()):
        return None
    at = _revisions(connection, schema)
    if not at:
        return None
    ours = set(OURS) <= set(found)
    if len(at) == 1 and ours and at[0] in KNOWN:
        return at[0]
    where = f"Schema {schema} of database {database}"
    if not ours or len(at) != 1 or not at[0].isdecimal():
        raise MigrationRefused(
            f"{where} has an alembic_version of another program's ({', '.join(at)}): Dagster's own storage has one, for"
            " example. Give the statistics a database of their own, or a schema: CREATE SCHEMA stats, and"
            " ?options=-csearch_path%3Dstats in DATABASE_URL."
        )
    oldest = _oldest_code(connection) if "schema_marks" in found else None
    if oldest is None or oldest > NEWEST:
        raise MigrationRefused(
            f"{where} has revision {at[0]}, and this code knows revisions up to {NEWEST}: a newer version of it was"
            " here. Run that version, or restore a backup from before it."
        )
    return at[0]


def _revisions(connection: Connection, schema: str) -> list[str]:
    """What alembic_version says; a table of that name with other columns is told by them."""
    columns = connection.execute(
        "SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = to_regclass(format('%%I.alembic_version', %s::text)) AND attnum > 0 AND NOT attisdropped",
        (schema,),
    ).fetchone()
    if columns is None or columns[0] != ["version_num"]:
        return [f"with the columns {', '.join((columns and columns[0]) or ())}"]
    return [
        str(row[0])
        for row in connection.execute("SELECT version_num FROM alembic_version ORDER BY 1").fetchall()
    ]


def _oldest_code(connection: Connection) -> str | None:
    row = connection.execute("SELECT oldest_code FROM schema_marks").fetchone()
    return str(row[0]) if row else None
