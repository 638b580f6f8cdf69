"""The ledger: what became of each sequence of each stream, and every event of its life but the commit (commit.py).

Result (what counts) and work (what is being tried) are independent: failing work never touches a result. A sequence
is done when its row's epoch is not below its block's.
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
DAILY = timedelta(days=1)  # what was given up is tried again so often
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


def bury(connection: Connection, run_id: str, stream: str, retries: Retries) -> None:
    """A run died: what it was trying is due again at once, alone. One that was alone already has an attempt counted."""
    with connection.transaction():
        died = connection.execute(
            "SELECT sequence, suspect FROM ledger WHERE stream = %s AND work = 'trying' AND run_id = %s"
            " ORDER BY sequence FOR UPDATE",
            (stream, run_id),
        ).fetchall()
        for taken in rows(connection, stream, [sequence for sequence, suspect in died if suspect]):
            count_attempt(
                connection, stream, taken, "the process died while it worked on this sequence", retries
            )
        release(connection, run_id, stream)
        connection.execute(
            "UPDATE ledger SET suspect = true WHERE stream = %s AND sequence = ANY (%s)",
            (stream, [sequence for sequence, _ in died]),
        )


def bury_orphans(connection: Connection, stream: str, retries: Retries) -> None:
    """The same for what is still `trying` of runs that have no lease (a restored database, a lease deleted by hand)."""
    orphans = connection.execute(
        "SELECT DISTINCT run_id FROM ledger AS l WHERE stream = %s AND work = 'trying'"
        " AND NOT EXISTS (SELECT FROM run_leases AS r WHERE r.run_id = l.run_id)",
        (stream,),
    ).fetchall()
    for (run_id,) in orphans:
        bury(connection, run_id, stream, retries)


def count_attempt(
    connection: Connection, stream: str, taken: LedgerRow, reason: str, retries: Retries
) -> Work:
    """An attempt failed by the sequence's own fault: it waits, longer each time, and is quarantined in the end.

    One that was given up before (quarantined, a hole) stays so.
    """
    attempts = taken.attempts + 1
    quarantined = attempts >= retries.attempts
    work: Work = "quarantined" if quarantined else "waiting"
    with connection.transaction():
        _fail(connection, stream, taken, work, reason, DAILY if quarantined else retries.pause(attempts))
        connection.execute(
            "UPDATE ledger SET attempts = %s, given_up_at = CASE WHEN %s THEN coalesce(given_up_at, now()) END"
            " WHERE stream = %s AND sequence = %s",
            (attempts, quarantined, stream, taken.sequence),
        )
        if quarantined:
            book_done(connection, stream, taken)
    return work


def wait(connection: Connection, stream: str, taken: LedgerRow, reason: str, pause: timedelta) -> None:
    """The sequence waits without an attempt counted; one that was given up before stays so."""
    _fail(connection, stream, taken, "waiting", reason, pause)


def wait_for_facts(
    connection: Connection, stream: str, taken: LedgerRow, reason: str, pause: timedelta
) -> None:
    """The sequence can't be counted, as facts of its range are away: it waits, without an attempt counted.

    A result that it has stands, and it is done.
    """
    with connection.transaction():
        wait(connection, stream, taken, reason, pause)
        stands = connection.execute(
            """
            UPDATE ledger SET work = 'idle', settled_at = coalesce(settled_at, now()), reread_at = NULL,
                flagged = CASE WHEN settled_at IS NULL THEN %s ELSE flagged END
            WHERE stream = %s AND sequence = %s AND result = 'committed'
            """,
            (f"not read again: {reason}"[:2000], stream, taken.sequence),
        ).rowcount
        if stands:
            book_done(connection, stream, taken)


def leave_as_it_was(connection: Connection, run_id: str, stream: str, taken: LedgerRow, reason: str) -> None:
    """The sequence can't be done from this server, and another try would not change that: only the reason is booked."""
    connection.execute(
        "UPDATE ledger SET work = previous, previous = 'idle', reason = %s, since = now()"
        " WHERE stream = %s AND sequence = %s AND work = 'trying' AND run_id = %s",
        (reason[:2000], stream, taken.sequence, run_id),
    )


def _fail(
    connection: Connection, stream: str, taken: LedgerRow, work: Work, reason: str, pause: timedelta
) -> None:
    # What was given up counts as done. If it were `waiting` instead, it would be on no list, and never be due again. So
    # the row as it is now decides: another run may have given it up since this one took it.
    connection.execute(
        """
        UPDATE ledger AS l SET previous = 'idle', reason = %(reason)s, since = now(), not_before = now() + %(pause)s,
            work = CASE WHEN %(work)s <> 'waiting' OR l.result <> 'none' OR l.epoch < b.epoch THEN %(work)s
                WHEN l.work = 'trying' THEN l.previous ELSE l.work END
        FROM ledger_blocks AS b
        WHERE l.stream = %(stream)s AND l.sequence = %(sequence)s AND b.stream = l.stream AND b.block = %(block)s
        """,
        {
            "stream": stream,
            "sequence": taken.sequence,
            "block": block_of(taken.sequence),
            "work": work,
            "reason": reason[:2000],
            "pause": pause,
        },
    )


def wait_or_hole(
    connection: Connection, stream: str, taken: LedgerRow, reason: str, retries: Retries
) -> Work:
    """The feed lacks it, and has later ones: it waits as long again as it has been missing, and is a hole in the end.

    Below the checkpoint, where only a backfill has looked for it, nothing waits for it: so it is asked for only once
    more, at the end of the grace, and then is a hole.
    """
    with connection.transaction():
        row = connection.execute(
            "UPDATE ledger SET missing_since = coalesce(missing_since, now()) WHERE stream = %s AND sequence = %s"
            " RETURNING now() - missing_since, sequence <= (SELECT checkpoint FROM streams AS s WHERE s.stream = %s)",
            (stream, taken.sequence, stream),
        ).fetchone()
        elapsed, below = row or (timedelta(0), False)
        longest = timedelta(seconds=retries.hole_grace) - elapsed
        pause = longest if below else min(elapsed, timedelta(seconds=retries.most))
        pause = max(timedelta(seconds=retries.first), pause)
        wait(connection, stream, taken, reason, pause)
        if elapsed < timedelta(seconds=retries.hole_grace):
            return "waiting"
        connection.execute(
            "UPDATE ledger SET work = 'hole', not_before = now() + %s, given_up_at = coalesce(given_up_at, now())"
            " WHERE stream = %s AND sequence = %s",
            (DAILY, stream, taken.sequence),
        )
        book_done(connection, stream, taken)
        return "hole"


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
