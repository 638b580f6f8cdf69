"""The ledger: what became of each sequence of each stream. Its rows: read, taken by a run, given back, booked as done.

Result (what counts) and work (what is being tried) are independent: failing work never touches a result. A sequence
is done when its row's epoch is not below its block's. The commit is commit.py's, a try that fails is failed_tries.py's.
"""
# ruff: noqa: S608 - SQL is made of constants

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from psycopg.rows import class_row

from stats_assets.database.connection import Connection, retried

BLOCK = 100
WITH_BLOCKS: Final = (
    "ledger AS l JOIN ledger_blocks AS b ON b.stream = l.stream"
    f" AND b.block = l.sequence - l.sequence %% {BLOCK}"
)
"""SQL of the rows, each with its block, by whose epoch it is told whether it is done."""
Work = Literal["idle", "trying", "waiting", "quarantined", "hole"]


def block_of(sequence: int) -> int:
    """The first sequence of the sequence's block."""
    return sequence - sequence % BLOCK


class LeaseLost(Exception):
    """This run was taken for dead and its range given to others; it must stop."""


@dataclass(frozen=True)
class LedgerRow:
    """A sequence's row as a run took it; `block_epoch` is the epoch that its end will be booked under."""

    sequence: int
    result: Literal["none", "committed", "skipped"]
    work: Work
    done: bool
    block_epoch: int
    attempts: int
    suspect: bool
    not_before: datetime | None
    missing_since: datetime | None


@dataclass(frozen=True)
class Retries:
    """How long a failing sequence pauses (seconds), after how many attempts it is quarantined, and a hole's grace."""

    first: float
    most: float
    attempts: int
    hole_grace: float

    def pause(self, attempts: int) -> timedelta:
        """The pause after so many attempts: doubling, with jitter downwards, so that retries spread."""
        full = min(self.first * 2 ** (attempts - 1), self.most)
        return timedelta(seconds=full * random.uniform(0.75, 1))  # noqa: S311 - not for secrets


# A sequence without a row is idle, and due.
ROWS = f"""
SELECT s.sequence, coalesce(l.result, 'none') AS result, coalesce(l.work, 'idle') AS work,
    coalesce(l.epoch, -1) >= coalesce(b.epoch, 0) AS done, coalesce(b.epoch, 0) AS block_epoch,
    coalesce(l.attempts, 0) AS attempts, coalesce(l.suspect, false) AS suspect, l.not_before, l.missing_since
FROM unnest(%(sequences)s::bigint[]) AS s(sequence)
LEFT JOIN ledger AS l ON l.stream = %(stream)s AND l.sequence = s.sequence
LEFT JOIN ledger_blocks AS b ON b.stream = %(stream)s AND b.block = s.sequence - s.sequence %% {BLOCK}
ORDER BY s.sequence
"""


def rows(connection: Connection, stream: str, sequences: Sequence[int]) -> list[LedgerRow]:
    """A row for each of the sequences, also for those that the ledger does not know yet."""
    with connection.cursor(row_factory=class_row(LedgerRow)) as cursor:
        return cursor.execute(ROWS, {"stream": stream, "sequences": list(sequences)}).fetchall()


def take(connection: Connection, run_id: str, stream: str, sequences: Sequence[int]) -> list[LedgerRow]:
    """Mark the sequences as tried by this run, committed before their bodies are parsed. Raises LeaseLost."""

    def transaction() -> list[LedgerRow]:
        with connection.transaction():
            hold(connection, run_id)
            connection.execute(
                "INSERT INTO ledger_blocks (stream, block) SELECT %s, unnest(%s::bigint[]) ON CONFLICT DO NOTHING",
                (stream, sorted({block_of(sequence) for sequence in sequences})),
            )
            connection.execute(
                """
                INSERT INTO ledger AS l (stream, sequence, work, run_id, since)
                SELECT %s, s, 'trying', %s, now() FROM unnest(%s::bigint[]) AS s ORDER BY s
                ON CONFLICT (stream, sequence) DO UPDATE SET
                    previous = CASE l.work WHEN 'trying' THEN l.previous ELSE l.work END,
                    work = 'trying', run_id = excluded.run_id, since = excluded.since
                """,
                (stream, run_id, sorted(sequences)),
            )
            return rows(connection, stream, sequences)

    return retried(transaction)


def release(connection: Connection, run_id: str, stream: str) -> int:
    """Give back what the run took and made nothing of, as it was before; no attempt is counted."""
    return connection.execute(
        "UPDATE ledger SET work = previous, previous = 'idle' WHERE stream = %s AND work = 'trying' AND run_id = %s",
        (stream, run_id),
    ).rowcount


def hold(connection: Connection, run_id: str) -> None:
    """Lock the run's lease: nobody ends it before the transaction ends, while heartbeats go on. Raises LeaseLost."""
    row = connection.execute("SELECT 1 FROM run_leases WHERE run_id = %s FOR KEY SHARE", (run_id,)).fetchone()
    if row is None:
        raise LeaseLost(f"Run {run_id} was silent for too long: its sequences were given to another run.")


def book_done(connection: Connection, stream: str, taken: LedgerRow) -> None:
    """Book the sequence as done in the epoch it was taken in: a rewind meanwhile leaves it due."""
    connection.execute(
        """
        WITH row AS (
            SELECT epoch FROM ledger WHERE stream = %(stream)s AND sequence = %(sequence)s
        ), raised AS (
            UPDATE ledger SET epoch = greatest(epoch, %(epoch)s) WHERE stream = %(stream)s AND sequence = %(sequence)s
        )
        UPDATE ledger_blocks AS b SET done = done + 1 FROM row
        WHERE b.stream = %(stream)s AND b.block = %(block)s AND row.epoch < b.epoch AND b.epoch <= %(epoch)s
        """,
        {
            "stream": stream,
            "sequence": taken.sequence,
            "block": block_of(taken.sequence),
            "epoch": taken.block_epoch,
        },
    )
