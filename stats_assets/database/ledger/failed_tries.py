"""What a try that failed leaves in the ledger: an attempt counted, a pause, a hole, or nothing but the reason.

Which of these it is, is ingest/failure_rules.py's. Work alone changes, never a result (ledger.py).
"""

from datetime import timedelta

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.ledger import LedgerRow, Retries, Work, block_of, book_done, release, rows

DAILY = timedelta(days=1)  # what was given up is tried again so often


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
