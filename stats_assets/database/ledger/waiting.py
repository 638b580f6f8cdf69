"""What waits for its next try: what a run is at, or about to be at, is not listed."""
# ruff: noqa: S608 - SQL is made of constants

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.ledger import WITH_BLOCKS
from stats_assets.streams import Stream


def waiting(connection: Connection, stream: Stream, stale_seconds: float) -> list[tuple[int, str]]:
    """The stream's sequences that wait, each with the reason. A run by hand takes all of its range, others what is due.

    stale_seconds: a run that was silent for longer is dead.
    """
    return connection.execute(
        f"""
        SELECT l.sequence, coalesce(l.reason, '') FROM {WITH_BLOCKS}
        WHERE l.stream = %(stream)s AND l.work = 'waiting' AND l.work <> 'idle' AND l.epoch < b.epoch
            AND NOT EXISTS (
                SELECT FROM run_leases AS r WHERE r.stream = l.stream AND NOT r.released
                    AND l.sequence BETWEEN r.start_sequence AND r.end_sequence
                    AND abs(extract(epoch FROM clock_timestamp() - r.heartbeat)) <= %(stale)s
                    AND (r.by_hand OR l.not_before IS NULL OR l.not_before <= clock_timestamp())
            )
        ORDER BY l.sequence
        """,
        {"stream": stream, "stale": stale_seconds},
    ).fetchall()
