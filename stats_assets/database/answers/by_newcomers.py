"""Who is new to a hashtag, a union or a country by upload: from people's days, and from uploads of the window.

Not here: who is new to what is no owner, or by the changesets' time (newcomers.py).
"""
# ruff: noqa: S608 - SQL is made of constants

from collections.abc import Sequence
from typing import Any

from stats_assets.database.answers import one_owner, whole_days
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.limits import MOST_ENTRIES, MOST_FACTS, shorter, too_slow, uploads_in
from stats_assets.database.answers.lines import MOMENT
from stats_assets.database.answers.one_owner import MINE, Owned
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.whole_days import DAY

MINUTE = MOMENT.replace("f.sequence", "minute")
"""When the first minute of one of the page began, in SQL."""
_DAY = "(step_of(%({0})s, 1440) AT TIME ZONE 'UTC')::date"
_RANGE = f"{MINE} AND sequence >= %(begin)s AND sequence < %(end)s"
_EARLY = f"SELECT user_id FROM uploads WHERE {MINE} AND sequence >= %(day)s AND sequence < %(begin)s"
# Whose first day is in the window was not there before it, but for the hours of its first day.
_PAGE = f"""
WITH early AS MATERIALIZED (
    {_EARLY}
), fresh AS MATERIALIZED (
    SELECT user_id FROM people_days AS p WHERE {MINE} AND day >= {_DAY.format("begin")} AND day <= {_DAY.format("last")}
        AND before IS NULL AND NOT user_id = ANY (%(hidden)s) AND NOT EXISTS (SELECT FROM early AS e WHERE e.user_id =
        p.user_id)
), met AS MATERIALIZED (
    SELECT user_id AS id, min(sequence) AS minute, count(*) AS uploads FROM uploads JOIN fresh USING (user_id)
    WHERE {_RANGE} GROUP BY 1
)
SELECT (SELECT count(*) FROM met), p.* FROM (SELECT) AS always LEFT JOIN (
    SELECT * FROM met WHERE {{after}} ORDER BY minute DESC, id LIMIT %(limit)s
) AS p ON true ORDER BY p.minute DESC, p.id
"""
_NUMBERS = f"""
SELECT user_id, min(at), {{columns}}, extract(epoch FROM min(moment))::numeric FROM (
    SELECT u.changeset_id, u.user_id, u.edits::numeric AS edits, f.edited_at AS at,
        {MOMENT.replace("f.", "u.")} AS moment, f.counts, f.measurements
    FROM (SELECT * FROM uploads WHERE {_RANGE} AND user_id = ANY (%(users)s)) AS u
    LEFT JOIN LATERAL ({{facts}}) AS f ON true
) AS lines GROUP BY user_id ORDER BY min(moment) DESC, user_id
"""
_NEW = f"""
SELECT g.id FROM unnest(%(users)s::bigint[]) AS g (id) WHERE NOT EXISTS (
    SELECT FROM people_days AS p WHERE p.user_id = g.id AND {MINE} AND p.day < {_DAY.format("begin")}
) AND NOT EXISTS (SELECT FROM ({_EARLY}) AS e WHERE e.user_id = g.id)
"""


def whose(asking: Asking, subject: Subject) -> Owned | None:
    """Whose people's days they are; None: not by this way."""
    question = asking.question
    if question.clock != "upload" or question.window.since is None or "days" in question.columns:
        return None
    owned = one_owner.owner_of(asking, subject)
    return None if owned is None or owned.owner in ("world", "user") else owned


def page(
    asking: Asking, owned: Owned, columns: str, after: str, given: dict[str, Any]
) -> tuple[int, list[tuple[Any, ...]]]:
    """How many there are, and those of the page: user, first edit, columns, when their first minute began.

    after: of MINUTE and id. given: with its parameters, hidden and limit, to which all else is added. Raises Problem:
    too slow.
    """
    given |= _given(asking, owned)
    if uploads_in(asking, *owned, [(given["day"], given["end"])], MOST_ENTRIES) > MOST_ENTRIES:
        changes = shorter(asking, *owned, MOST_ENTRIES)
        raise too_slow(asking, f"{MOST_ENTRIES:,} uploads", "Ask for a shorter window.", changes)
    found = asking.connection.execute(_PAGE.format(after=after).encode(), given, prepare=False).fetchall()
    rows = [row for row in found if row[1] is not None]
    if sum(row[3] for row in rows) > MOST_FACTS:
        few = {"limit": "10"} if asking.question.limit > 10 else shorter(asking, *owned, MOST_FACTS)
        raise too_slow(asking, f"{MOST_FACTS:,} uploads' facts", "Ask for fewer rows.", few)
    given["users"] = [row[1] for row in rows]
    sql = _NUMBERS.format(columns=columns, facts=one_owner.facts_of(owned))
    return found[0][0], asking.connection.execute(sql.encode(), given, prepare=False).fetchall()


def new(asking: Asking, owned: Owned, users: Sequence[int]) -> set[int]:
    """Which of these users are new in the window."""
    given = {**_given(asking, owned), "users": list(users)}
    return {row[0] for row in asking.connection.execute(_NEW.encode(), given, prepare=False).fetchall()}


def _given(asking: Asking, owned: Owned) -> dict[str, Any]:
    begin, end = whole_days.ends(asking.question.window)
    day = whole_days.down(begin, DAY)
    return {**owned._asdict(), "begin": begin, "end": end, "last": max(begin, end - 1), "day": day}
