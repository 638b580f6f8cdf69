"""The minutes of a window: which are missing and why, which are doubtful, or counted under older definitions."""
# ruff: noqa: S608 - SQL is made of constants

from dataclasses import dataclass
from datetime import datetime

from stats_assets.database.answers.standing import Standing
from stats_assets.database.connection import Connection
from stats_assets.database.facts.ranges import away_in
from stats_assets.database.ledger.ledger import BLOCK
from stats_assets.questions.windows import Window, runs

Span = tuple[int, int]

# A block that the ledger does not know has nothing in it; one with fewer than all done is looked at one by one; in one
# where all is done, what is not committed was given up or skipped.
MISSING = f"""
WITH blocks AS (
    SELECT b AS block, done FROM generate_series(%(first)s::bigint - %(first)s %% {BLOCK}, %(last)s, {BLOCK}) AS b
    LEFT JOIN ledger_blocks AS l ON l.stream = 'augmented_diffs' AND l.block = b
)
SELECT greatest(block, %(first)s), least(block + {BLOCK - 1}, %(last)s) FROM blocks WHERE done IS NULL
UNION ALL
SELECT s, s FROM blocks, generate_series(greatest(block, %(first)s), least(block + {BLOCK - 1}, %(last)s)) AS s
WHERE done < {BLOCK} AND NOT EXISTS (
    SELECT FROM ledger AS l WHERE l.stream = 'augmented_diffs' AND l.sequence = s AND l.result = 'committed')
UNION ALL
SELECT sequence, sequence FROM blocks CROSS JOIN LATERAL (
    SELECT sequence FROM ledger AS l
    WHERE l.stream = 'augmented_diffs' AND l.sequence BETWEEN %(first)s AND %(last)s
        AND l.sequence BETWEEN block AND block + {BLOCK - 1} AND l.result <> 'committed' AND l.work <> 'idle'
    UNION ALL
    SELECT sequence FROM ledger AS l
    WHERE l.stream = 'augmented_diffs' AND l.sequence BETWEEN %(first)s AND %(last)s
        AND l.sequence BETWEEN block AND block + {BLOCK - 1} AND l.result = 'skipped' AND l.work = 'idle'
) AS given_up
WHERE done >= {BLOCK}
ORDER BY 1
"""
"""First and last of each span without numbers, in order."""


@dataclass(frozen=True, slots=True)
class Minutes:
    """Of a window, as far as it is over and counted: `first` above `last` where nothing of it is."""

    first: int
    last: int
    missing: list[Span]
    away: list[tuple[Span, str]]
    flagged: int
    older_definitions: int
    settled: bool

    @property
    def expected(self) -> int:
        return max(0, self.last - self.first + 1)

    @property
    def missing_number(self) -> int:
        return sum(last - first + 1 for first, last in self.missing)

    def missing_in(self, first: int, last: int) -> int:
        """How many of these sequences are missing."""
        return sum(max(0, min(b, last) - max(a, first) + 1) for a, b in self.missing)


def minutes(
    connection: Connection,
    window: Window,
    standing: Standing,
    complete_to: datetime | None,
    definitions: str,
    *,
    from_facts: bool,
) -> Minutes:
    """Those of the window. from_facts: numbers are made of the facts themselves, so that these must be there."""
    first, last = window.sequences
    first = max(0, first if first is not None else standing.first or 0)
    end = Window(until=complete_to).sequences[1] if complete_to is not None else None
    newest = standing.newest if end is None else min(end, standing.newest)
    last = newest if last is None else min(last, newest)
    if last < first:
        return Minutes(first, first - 1, [], [], 0, 0, True)
    given = {"first": first, "last": last, "definitions": definitions}
    spans: list[Span] = connection.execute(MISSING, given).fetchall()
    gone = []
    if from_facts:
        gone = [
            ((max(one.first, first), min(one.last, last)), one.reason)
            for one in away_in(connection, first, last)
        ]
    row = connection.execute(
        f"""
        SELECT
            (SELECT count(*) FROM ledger WHERE {_IN} AND flagged IS NOT NULL),
            (SELECT count(*) FROM ledger WHERE {_IN} AND result = 'committed' AND definitions IN ({OLDER})),
            NOT EXISTS (SELECT FROM ledger WHERE {_IN} AND result = 'committed' AND settled_at IS NULL)
        """,
        given,
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM
    return Minutes(first, last, _joined([*spans, *(span for span, _ in gone)]), gone, *row)


_IN = "stream = 'augmented_diffs' AND sequence BETWEEN %(first)s AND %(last)s"
OLDER = """
    WITH RECURSIVE used AS (
        SELECT min(definitions) AS d FROM ledger WHERE stream = 'augmented_diffs' AND result = 'committed'
        UNION ALL
        SELECT (SELECT min(l.definitions) FROM ledger AS l WHERE l.stream = 'augmented_diffs'
            AND l.result = 'committed' AND l.definitions > used.d)
        FROM used WHERE d IS NOT NULL
    )
    SELECT d FROM used WHERE d <> %(definitions)s"""


def _joined(spans: list[Span]) -> list[Span]:
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


__all__ = ["MISSING", "OLDER", "Minutes", "Span", "minutes", "runs"]
