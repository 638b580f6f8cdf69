"""The partitions of the facts' tables, one for 100,000 sequences: made ahead, and outside of any fact transaction.

Facts themselves belong to edits.py, and what is to be said of those that went away to ranges.py. Attaching waits
for no one who reads or writes facts, and no one for it.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from psycopg import errors, sql
from psycopg.pq import TransactionStatus

from stats_assets.database import locks
from stats_assets.database.connection import Connection

TABLES = ("changeset_edits", "changeset_edits_countries")
SEQUENCES = 100_000
MOST = 100  # partitions at once: more is a mistake in a sequence
UNBOUNDED = 2**63 - 1
TRIES, WAIT = 5, "2s"
# A file is only looked at where the catalog does not know of rows: a look waits for whoever has the table locked.
ATTACHED = r"""
SELECT parent.relname, coalesce(bounds[1]::bigint, -1),
    coalesce(bounds[2]::bigint, 9223372036854775807),
    CASE WHEN c.relkind = 'r' AND c.relpages = 0 THEN pg_relation_size(c.oid) = 0 ELSE false END
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
JOIN pg_class AS parent ON parent.oid = i.inhparent,
    regexp_match(pg_get_expr(c.relpartbound, 0),
        'FROM \((?:''(-?\d+)''|MINVALUE)\) TO \((?:''(-?\d+)''|MAXVALUE)\)') AS bounds
WHERE i.inhparent IN (SELECT to_regclass(format('%%I.%%I', current_schema(), name)) FROM unnest(%s::text[]) AS name)
    AND NOT i.inhdetachpending AND bounds IS NOT NULL
"""


def make_partitions(connection: Connection, first: int, last: int) -> list[int]:
    """Make the missing partitions for the sequences first..last; returns the first sequence of each that was made.

    None is made where facts went away, and a table that is there but not attached is left alone: its range is away.
    None either while one of the facts' tables is missing itself.

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
    if missing_tables(connection):
        return []
    missing = {start for _, start in _missing(connection, starts)}
    return [start for start in sorted(missing) if _make(connection, start)]


class Partition(NamedTuple):
    """An attached partition: of which table, for which sequences (the last excluded), and whether nothing is in it."""

    table: str
    first: int
    until: int
    empty: bool

    @property
    def ranges(self) -> range:
        """The first sequences of the ranges that it holds; none where it has no bound."""
        first, until = -(-self.first // SEQUENCES) * SEQUENCES, self.until
        return range(first, until, SEQUENCES) if self.first >= 0 and until < UNBOUNDED else range(0)

    def holds(self, table: str, start: int) -> bool:
        """Whether all sequences of the range that begins at `start` have their place in it."""
        return self.table == table and self.first <= start and start + SEQUENCES <= self.until


def missing_tables(connection: Connection) -> list[str]:
    """Which of the facts' tables are not there at all."""
    return [
        table
        for (table,) in connection.execute(
            "SELECT name FROM unnest(%s::text[]) AS name"
            " WHERE to_regclass(format('%%I.%%I', current_schema(), name)) IS NULL",
            (list(TABLES),),
        ).fetchall()
    ]


def attached(connection: Connection) -> list[Partition]:
    """All partitions of the facts' tables, by their bounds, whatever their names. One query of the catalog."""
    return [Partition(*row) for row in connection.execute(ATTACHED, (list(TABLES),)).fetchall()]


def _make(connection: Connection, start: int) -> bool:
    for attempt in range(TRIES):
        try:
            with connection.transaction():
                connection.execute("SELECT set_config('lock_timeout', %s, true)", (WAIT,))
                locks.wait_in_transaction(connection, locks.FACT_PARTITIONS)
                missing = _missing(connection, [start])
                if not missing or _went_away(connection, start, missing):
                    return False
                for table, _ in missing:
                    _attach(connection, table, start)
                return True
        except errors.LockNotAvailable:
            if attempt == TRIES - 1:
                raise
            time.sleep(0.1 * 2**attempt)
    raise AssertionError("unreachable")


def _went_away(connection: Connection, start: int, missing: Sequence[tuple[str, int]]) -> bool:
    """Whether the range had facts, or has a table that somebody detached: then it is nobody's to make again.

    Else it is known from now on.
    """
    names = [name_of(table, start) for table, _ in missing]
    row = connection.execute(
        "SELECT bool_or(to_regclass(format('%%I.%%I', current_schema(), name)) IS NOT NULL),"
        " to_regclass(format('%%I.fact_ranges', current_schema())) IS NULL FROM unnest(%s::text[]) AS name",
        (names,),
    ).fetchone()
    detached, older = row or (False, True)
    if older:  # a schema of before revision 0005
        return bool(detached)
    row = connection.execute(
        """
        WITH known AS (
            INSERT INTO fact_ranges AS r (first, edits, countries) VALUES (%(first)s, %(detached)s, %(detached)s)
            ON CONFLICT (first) DO UPDATE
            SET edits = r.edits OR excluded.edits, countries = r.countries OR excluded.countries
            RETURNING edits OR countries AS had_facts, state
        )
        SELECT state <> 'recounting' AND (had_facts OR EXISTS (
            SELECT FROM ledger WHERE stream = 'augmented_diffs' AND sequence >= %(first)s AND sequence < %(until)s
                AND (facts > 0 OR country_facts > 0)))
        FROM known
        """,
        {"first": start, "until": start + SEQUENCES, "detached": detached},
    ).fetchone()
    return bool(detached or (row and row[0]))


def _attach(connection: Connection, table: str, start: int) -> None:
    parent, partition = sql.Identifier(table), sql.Identifier(name_of(table, start))
    # Not as PARTITION OF, which locks the parent against everybody.
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(partition, parent))
    connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            parent, partition, sql.Literal(start), sql.Literal(start + SEQUENCES)
        )
    )


def _missing(connection: Connection, starts: Sequence[int]) -> list[tuple[str, int]]:
    """(table, first sequence) of each partition that isn't attached."""
    there = attached(connection)
    return [
        (table, start)
        for table in TABLES
        for start in starts
        if not any(partition.holds(table, start) for partition in there)
    ]


def name_of(table: str, start: int) -> str:
    """What the partition is called that is made for the range."""
    return f"{table}_{start:09d}"
