"""A stream's sequences as ranges, for people: skipped, done before the origin, counted under older definitions."""
# ruff: noqa: S608 - SQL is made of constants

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.ledger import BLOCK, WITH_BLOCKS

Span = tuple[int, int]


def skipped(connection: Connection, stream: str) -> list[Span]:
    """What a seek has skipped, and nobody has done or gone back over since: (first, last), in order."""
    return connection.execute(
        f"""
        SELECT min(sequence), max(sequence)
        FROM (
            SELECT l.sequence, l.sequence - row_number() OVER (ORDER BY l.sequence) AS span
            FROM {WITH_BLOCKS}
            WHERE l.stream = %s AND l.result = 'skipped' AND l.epoch >= b.epoch
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
        f"""
        WITH origin AS (
            SELECT coalesce((SELECT origin FROM streams WHERE stream = %(stream)s), 1000000000) AS origin
        ), spans AS (
            SELECT min(block) AS block, least(max(block) + {BLOCK - 1}, origin - 1) AS last
            FROM (
                SELECT block, block - {BLOCK} * row_number() OVER (ORDER BY block) AS span
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


def counted_under_older(connection: Connection, stream: str, definitions: str) -> list[Span]:
    """What was counted under other definitions than these: (first, last) for each of the others, overlaps joined.

    Between first and last there may be sequences that were counted anew since. Costs a few look-ups in an index for
    each of the definitions.
    """
    return connection.execute(
        """
        WITH RECURSIVE used AS (
            SELECT min(definitions) AS definitions FROM ledger WHERE stream = %(stream)s AND result = 'committed'
            UNION ALL
            SELECT (SELECT min(l.definitions) FROM ledger AS l
                WHERE l.stream = %(stream)s AND l.result = 'committed' AND l.definitions > used.definitions)
            FROM used WHERE used.definitions IS NOT NULL
        ), spans AS (
            SELECT int8range(
                (SELECT min(sequence) FROM ledger AS l WHERE l.stream = %(stream)s AND l.result = 'committed'
                    AND l.definitions = used.definitions),
                (SELECT max(sequence) FROM ledger AS l WHERE l.stream = %(stream)s AND l.result = 'committed'
                    AND l.definitions = used.definitions), '[]') AS span
            FROM used WHERE definitions <> %(definitions)s
        )
        SELECT lower(span), upper(span) - 1 FROM (SELECT unnest(range_agg(span)) AS span FROM spans) AS joined
        """,
        {"stream": stream, "definitions": definitions},
    ).fetchall()
