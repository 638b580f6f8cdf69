"""A database taken over from OSMesa, our predecessor in Scala: its tables set aside, its names and checkpoints kept.

Part of the first revision's transaction. Its history is not counted: its sums have no facts behind them; it stays to
be read in the schema `osmesa`, and nothing here deletes anything.
"""

from collections.abc import Collection
from typing import Any, Final

import psycopg
from psycopg import sql

SCHEMA: Final = "osmesa"

# Its relations, each with columns that it is known by: what has only the name is somebody else's.
RELATIONS: Final = {
    "countries": {"id", "name", "code"},
    "checkpoints": {"proc_name", "sequence"},
    "users": {"id", "name"},
    "hashtags": {"id", "hashtag"},
    "errors": {"id", "nds", "changeset"},
    "changesets": {"id", "user_id", "augmented_diffs"},
    "changesets_countries": {"changeset_id", "country_id"},
    "changesets_hashtags": {"changeset_id", "hashtag_id"},
    "refreshments": {"mat_view", "updated_at"},
    "user_statistics": {"id", "edit_count", "changeset_count"},
    "hashtag_statistics": {"hashtag_id", "edit_count", "changeset_count"},
    "country_statistics": {"country_code", "edit_count", "changeset_count"},
    "hashtag_user_statistics": {"hashtag_id", "user_id", "edit_count"},
}
# Ids stay, for the clients that know them. OSMesa's names have no evidence: any of ours is newer.
TAKEN_OVER: Final = {
    "checkpoints": "INSERT INTO checkpoints (proc_name, sequence) SELECT proc_name, sequence FROM osmesa.checkpoints",
    "users": "INSERT INTO users (id, name, name_at, name_rank, name_sequence)"
    " SELECT id, name, 'epoch', 0, 0 FROM osmesa.users",
    "hashtags": "INSERT INTO hashtags (id, hashtag) SELECT id, hashtag FROM osmesa.hashtags;"
    " SELECT setval(pg_get_serial_sequence('hashtags', 'id'), max(id)) FROM hashtags HAVING max(id) > 0",
    "countries": "INSERT INTO countries (id, name, code) SELECT id, name, code FROM osmesa.countries;"
    " SELECT setval(pg_get_serial_sequence('countries', 'id'), max(id)) FROM countries HAVING max(id) > 0",
}


def set_aside(connection: psycopg.Connection[Any]) -> list[str]:
    """Move what is OSMesa's, as far as it exists, into the schema `osmesa`; returns the names.

    A database is OSMesa's if it has OSMesa's checkpoints. Raises InsufficientPrivilege where the role may not create
    the schema or does not own the tables, DuplicateTable where the schema holds such a table already.
    """
    rows = connection.execute(
        "SELECT c.relname, array_agg(a.attname::text)"
        " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY (%s)"
        " AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped GROUP BY c.relname",
        (list(RELATIONS),),
    ).fetchall()
    found = [name for name, columns in rows if RELATIONS[name] <= set(columns)]
    if "checkpoints" not in found:
        return []
    # Not by IF NOT EXISTS, which needs the right to create it even where it exists.
    if connection.execute("SELECT to_regnamespace(%s)", (SCHEMA,)).fetchone() == (None,):
        connection.execute("CREATE SCHEMA osmesa")
    for name in found:
        connection.execute(sql.SQL("ALTER TABLE {} SET SCHEMA osmesa").format(sql.Identifier(name)))
    return found


def take_over(connection: psycopg.Connection[Any], found: Collection[str]) -> None:
    """Fill our tables with what goes on of OSMesa's: checkpoints; users, hashtags and countries with their ids."""
    for name, statements in TAKEN_OVER.items():
        if name in found:
            connection.execute(statements.encode())
