"""The partitions of the facts' tables, one for 100,000 sequences: made ahead, and outside of any fact transaction.

Facts themselves belong to facts.py. Attaching waits for no one who reads or writes facts, and no one for it.
"""

import time
from collections.abc import Sequence

from psycopg import errors, sql
from psycopg.pq import TransactionStatus

from stats_assets.database.connection import Connection

TABLES = ("changeset_edits", "changeset_edits_countries")
SEQUENCES = 100_000
MOST = 100  # partitions at once: more is a mistake in a sequence
LOCK = 5_640_020
TRIES, WAIT = 5, "2s"


def make_partitions(connection: Connection, first: int, last: int) -> list[int]:
    """Make the missing partitions for the sequences first..last; returns the first sequence of each that was made.

    One query of the catalog when nothing is missing. Safe in several processes at once: each partition is made in
    a transaction of its own, whole or not at all. Raises ValueError for a negative sequence or more than 100
    partitions, RuntimeError inside a transaction, and LockNotAvailable when a table stays locked (by an ALTER TABLE,
    say) for some 10 s.
    """
    if last < first:
        return []
    starts = range(first - first % SEQUENCES, last + 1, SEQUENCES)
    if first < 0 or len(starts) > MOST:
        raise ValueError(
            f"No partitions are made for {first} to {last}: more than {MOST} of {SEQUENCES} sequences,"
            " or sequences below 0."
        )
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        raise RuntimeError("Partitions made inside a transaction would be locked until its end.")
    missing = {start for _, start in _missing(connection, starts)}
    return [start for start in sorted(missing) if _make(connection, start)]


def _make(connection: Connection, start: int) -> bool:
    for attempt in range(TRIES):
        try:
            with connection.transaction():
                connection.execute("SELECT set_config('lock_timeout', %s, true)", (WAIT,))
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
                missing = _missing(connection, [start])
                for table, _ in missing:
                    _attach(connection, table, start)
                return bool(missing)
        except errors.LockNotAvailable:
            if attempt == TRIES - 1:
                raise
            time.sleep(0.1 * 2**attempt)
    raise AssertionError("unreachable")


def _attach(connection: Connection, table: str, start: int) -> None:
    parent, partition = sql.Identifier(table), sql.Identifier(_name(table, start))
    # Not as PARTITION OF, which locks the parent against everybody.
    connection.execute(
        sql.SQL("CREATE TABLE IF NOT EXISTS {} (LIKE {} INCLUDING ALL)").format(partition, parent)
    )
    connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            parent, partition, sql.Literal(start), sql.Literal(start + SEQUENCES)
        )
    )


def _missing(connection: Connection, starts: Sequence[int]) -> list[tuple[str, int]]:
    """(table, first sequence) of each partition that isn't attached."""
    wanted = {_name(table, start): (table, start) for table in TABLES for start in starts}
    attached = connection.execute(
        "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = ANY (%s::regclass[]) AND c.relname = ANY (%s)",
        (list(TABLES), list(wanted)),
    ).fetchall()
    for (name,) in attached:
        del wanted[name]
    return list(wanted.values())


def _name(table: str, start: int) -> str:
    return f"{table}_{start:09d}"
