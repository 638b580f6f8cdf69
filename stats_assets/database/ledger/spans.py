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


def begin(connection: Connection, stream: str) -> int | None:
    """The first sequence that is counted of what the stream goes on from; None: nothing is counted.

    That is what was backfilled before the origin, too, as far as no block lacks between: what lies before such a gap is
    an island. Costs a row a block before the origin.
    """
    row = connection.execute(
        f"""
        WITH stretches AS (
            SELECT min(block) AS block FROM (
                SELECT block, block - {BLOCK} * row_number() OVER (ORDER BY block) AS span
                FROM ledger_blocks WHERE stream = %(stream)s AND block <=
                    coalesce((SELECT origin FROM streams WHERE stream = %(stream)s), 1000000000)
            ) AS known
            GROUP BY span
        )
        SELECT first.sequence FROM stretches, LATERAL (
            SELECT sequence FROM ledger
            WHERE stream = %(stream)s AND sequence >= block AND result = 'committed' ORDER BY sequence LIMIT 1
        ) AS first
        ORDER BY block DESC LIMIT 1
        """,
        {"stream": stream},
    ).fetchone()
    return None if row is None else int(row[0])


def long_skip_before(connection: Connection, stream: str, sequence: int) -> int | None:
    """The last sequence of the last stretch of a block's length or more that a seek skipped before this one."""
    row = connection.execute(
        f"""
        SELECT sequence FROM ledger AS l
        WHERE stream = %(stream)s AND result = 'skipped' AND sequence < %(sequence)s AND {BLOCK} = (
            SELECT count(*) FROM ledger AS s WHERE s.stream = l.stream AND s.result = 'skipped'
                AND s.sequence BETWEEN l.sequence - {BLOCK - 1} AND l.sequence)
        ORDER BY sequence DESC LIMIT 1
        """,
        {"stream": stream, "sequence": sequence},
    ).fetchone()
    return None if row is None else int(row[0])


def counted_under_older(connection: Connection, stream: str, definitions: str) -> list[Span]:
    """What was counted under other definitions than these: (first, last) for each of the others, overlaps joined.

    Where a block lacks, as between an island and the stream, a span ends; within it there may be sequences that were
    counted anew since. Costs some look-ups in an index for each of the definitions, and a row a block if there are any.
    """
    return connection.execute(
        f"""
        WITH RECURSIVE used AS (
            SELECT min(definitions) AS definitions FROM ledger WHERE stream = %(stream)s AND result = 'committed'
            UNION ALL
            SELECT (SELECT min(l.definitions) FROM ledger AS l
                WHERE l.stream = %(stream)s AND l.result = 'committed' AND l.definitions > used.definitions)
            FROM used WHERE used.definitions IS NOT NULL
        ), blocks AS (
            SELECT min(block) AS first, max(block) + {BLOCK - 1} AS last
            FROM (
                SELECT block, block - {BLOCK} * row_number() OVER (ORDER BY block) AS span
                FROM ledger_blocks WHERE stream = %(stream)s
            ) AS known
            GROUP BY span
        ), spans AS (
            SELECT int8range(
                (SELECT min(sequence) FROM ledger AS l WHERE l.stream = %(stream)s AND l.result = 'committed'
                    AND l.definitions = used.definitions AND l.sequence BETWEEN blocks.first AND blocks.last),
                (SELECT max(sequence) FROM ledger AS l WHERE l.stream = %(stream)s AND l.result = 'committed'
                    AND l.definitions = used.definitions AND l.sequence BETWEEN blocks.first AND blocks.last),
                '[]') AS span
            FROM used, blocks WHERE definitions <> %(definitions)s
        )
        SELECT lower(span), upper(span) - 1 FROM (
            SELECT unnest(range_agg(span)) AS span FROM spans WHERE NOT lower_inf(span)) AS joined
        """,
        {"stream": stream, "definitions": definitions},
    ).fetchall()
