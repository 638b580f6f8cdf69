"""A stream's sequences as ranges, for people: what was skipped, and what is done before the stream's origin."""

from stats_assets.database.connection import Connection

Span = tuple[int, int]


def skipped(connection: Connection, stream: str) -> list[Span]:
    """What a seek has skipped and nobody has done since: (first, last), in order."""
    return connection.execute(
        """
        SELECT min(sequence), max(sequence)
        FROM (
            SELECT sequence, sequence - row_number() OVER (ORDER BY sequence) AS span
            FROM ledger WHERE stream = %s AND result = 'skipped'
        ) AS skipped
        GROUP BY span ORDER BY 1
        """,
        (stream,),
    ).fetchall()


def islands(connection: Connection, stream: str) -> list[Span]:
    """What backfills have committed before the origin: (first, last) of blocks in a row, in order.

    Costs a row a block. Sequences that failed within an island are listed as waiting or quarantined.
    """
    return connection.execute(
        """
        WITH origin AS (
            SELECT coalesce((SELECT origin FROM streams WHERE stream = %(stream)s), 1000000000) AS origin
        ), spans AS (
            SELECT min(block) AS block, least(max(block) + 99, origin - 1) AS last
            FROM (
                SELECT block, block - 100 * row_number() OVER (ORDER BY block) AS span
                FROM ledger_blocks, origin WHERE stream = %(stream)s AND block < origin AND done > 0
            ) AS before, origin
            GROUP BY span, origin
        )
        SELECT first.sequence, last.sequence
        FROM spans, LATERAL (
            SELECT sequence FROM ledger
            WHERE stream = %(stream)s AND sequence BETWEEN block AND spans.last AND result = 'committed'
            ORDER BY sequence LIMIT 1
        ) AS first, LATERAL (
            SELECT sequence FROM ledger
            WHERE stream = %(stream)s AND sequence BETWEEN block AND spans.last AND result = 'committed'
            ORDER BY sequence DESC LIMIT 1
        ) AS last
        ORDER BY 1
        """,
        {"stream": stream},
    ).fetchall()
