"""Partitions of the facts that were made too far back, and were never used: dropped again.

Making them is fact_partitions.py's. One in whose range anything was ever done is never dropped.
"""

from psycopg import sql

from stats_assets.database import locks
from stats_assets.database.connection import Connection
from stats_assets.database.facts.fact_partitions import SEQUENCES, TABLES


def drop_empty(connection: Connection, first: int, last: int) -> list[int]:
    """Drop the partitions from first's own on that end by `last` and hold nothing; returns their first sequences.

    Nothing: no fact, and no sequence of the range in the ledger, so that none of it was ever tried.
    """
    dropped = []
    for start in range(first - first % SEQUENCES, last + 2 - SEQUENCES, SEQUENCES):
        with connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', '10s', true)")
            locks.wait_in_transaction(connection, locks.FACT_PARTITIONS)
            attached = _attached(connection, start)
            used = connection.execute(
                "SELECT EXISTS (SELECT FROM ledger WHERE stream = 'augmented_diffs' AND sequence BETWEEN %s AND %s)",
                (start, start + SEQUENCES - 1),
            ).fetchone()
            if not attached or used == (True,):
                continue
            tables = sql.SQL(", ").join(map(sql.Identifier, attached))
            # Who writes facts has made sure of the partition before: it waits, then fails, and is done again.
            connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(tables))
            if not any(_holds_rows(connection, name) for name in attached):
                connection.execute(sql.SQL("DROP TABLE {}").format(tables))
                dropped.append(start)
    return dropped


def _attached(connection: Connection, start: int) -> list[str]:
    names = [f"{table}_{start:09d}" for table in TABLES]
    rows = connection.execute(
        "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = ANY (%s::regclass[]) AND c.relname = ANY (%s) ORDER BY 1",
        (list(TABLES), names),
    ).fetchall()
    return [row[0] for row in rows]


def _holds_rows(connection: Connection, name: str) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(name))
    return connection.execute(query).fetchone() == (True,)
