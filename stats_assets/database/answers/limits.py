"""What an answer out of roll-ups may read: above that it is refused, with a question that is quick in its place.

Not here: what an answer out of lines may read (sizes.py).
"""

from collections.abc import Mapping, Sequence

from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.sizes import MOST
from stats_assets.questions.addresses import address, instead
from stats_assets.questions.problem import Problem
from stats_assets.questions.windows import last_of

MOST_ENTRIES = 50_000
"""Of uploads' index, or people's days."""
MOST_IN_STEPS = 30_000
"""The same of a series, where people are told apart in each step."""
MOST_RANKED = 35_000
"""The same of ranks: each person is grouped, too."""
MOST_COUNTED = 150_000
"""People of all time, whose ranks are an index's: they are counted."""
MOST_FACTS = MOST
"""Uploads whose facts are read."""
_COUNT_ALL = """
SELECT count(*) FROM (
    SELECT FROM uploads WHERE owner = %(owner)s AND sequence >= %(begin)s AND sequence < %(end)s LIMIT %(most)s
) AS counted
"""
_COUNT = """
SELECT count(*) FROM (
    SELECT FROM unnest(%(ids)s::bigint[]) AS o (id), unnest(%(begins)s::bigint[], %(ends)s::bigint[]) AS r (a, b)
    CROSS JOIN LATERAL (
        SELECT FROM uploads AS u WHERE u.owner = %(owner)s AND u.owner_id = o.id
            AND u.sequence >= r.a AND u.sequence < r.b OFFSET 0
    ) AS u LIMIT %(most)s
) AS counted
"""
Ranges = Sequence[tuple[int, int]]


def uploads_in(
    asking: Asking, owner: str, owner_id: int | Sequence[int] | None, ranges: Ranges, most: int
) -> int:
    """How many uploads an owner has, or several have, in ranges [begin, end): counted to one above `most`.

    None: all owners of the kind, in one range.
    """
    if not ranges:
        return 0
    if owner_id is None:
        ((begin, end),) = ranges
        given = {"owner": owner, "begin": begin, "end": end, "most": most + 1}
        row = asking.connection.execute(_COUNT_ALL, given, prepare=False).fetchone()
        return int(row[0]) if row else 0
    joined: list[tuple[int, int]] = []
    for first, end in sorted(ranges):
        if joined and joined[-1][1] == first:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    row = asking.connection.execute(
        _COUNT,
        {
            "owner": owner,
            "ids": [owner_id] if isinstance(owner_id, int) else list(owner_id),
            "begins": [first for first, _ in joined],
            "ends": [end for _, end in joined],
            "most": most + 1,
        },
        prepare=False,
    ).fetchone()
    return int(row[0]) if row else 0


def shorter(asking: Asking, owner: str, owner_id: int | None, most: int) -> dict[str, str | None]:
    """The parameters of a window up to now, in which the owner has no more uploads than that, if there is one."""
    lengths = ("7d", "24h", "12h", "1h", "30min")
    for length in lengths:
        first, last = last_of(length, asking.standing.as_of).sequences
        assert first is not None and last is not None  # noqa: S101 - both ends are given
        if uploads_in(asking, owner, owner_id, [(first, last + 1)], most) <= most:
            break
    return {"last": length, "from": None, "to": None, "period": None, "after": None}


def too_slow(asking: Asking, what: str, advice: str, changes: Mapping[str, str | None]) -> Problem:
    """A refusal. `what`: 100,000 uploads, say; changes: the parameters of what is quick."""
    question = asking.question
    return Problem(
        "too-slow",
        "This would take too long",
        f"More than {what} would have to be read one by one. {advice}",
        status=422,
        parameter=next(iter(changes)),
        attempt=address(question.kind, instead(question.given, changes)),
    )
