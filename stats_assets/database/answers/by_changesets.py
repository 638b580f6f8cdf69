"""An owner's changesets of a window by upload, newest first: the index is read from its end, and facts of a page alone.

Not here: those that are only a part of an owner's, or by their own time: lines are grouped for these (changesets.py).
"""
# ruff: noqa: S608 - SQL is made of constants

from typing import Any

from stats_assets.database.answers import one_owner, whole_days
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.limits import MOST_ENTRIES, shorter, too_slow, uploads_in
from stats_assets.database.answers.lines import MOMENT
from stats_assets.database.answers.one_owner import MINE, Owned
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.whole_days import DAY
from stats_assets.feeds.sequences import FIRST_SINCE

_HERE = (
    "u.owner = %(owner)s AND u.owner_id = %(owner_id)s AND u.sequence >= %(begin)s AND u.sequence < %(end)s"
)
_LATER = """
    SELECT EXISTS (SELECT FROM uploads AS n WHERE n.changeset_id = u.changeset_id AND n.owner = u.owner
        AND n.owner_id = u.owner_id AND n.sequence > u.sequence AND n.sequence < %(end)s) AS later OFFSET 0
"""
_GROUPS = f"""
    SELECT changeset_id AS id, min(user_id) AS user_id, max(at) AS last, max(moment) AS minute, {{columns}} FROM (
        SELECT u.changeset_id, u.user_id, u.edits::numeric AS edits, f.edited_at AS at,
            {MOMENT.replace("f.", "u.")} AS moment, f.counts, f.measurements
        FROM (
            SELECT u.changeset_id FROM uploads AS u CROSS JOIN LATERAL ({_LATER}) AS n
            WHERE {_HERE} AND NOT n.later AND (u.user_id IS NULL OR NOT u.user_id = ANY (%(hidden)s)) AND {{after}}
            ORDER BY u.sequence DESC, u.changeset_id DESC LIMIT %(limit)s
        ) AS p CROSS JOIN LATERAL (
            SELECT * FROM uploads AS u WHERE u.changeset_id = p.changeset_id AND {_HERE} OFFSET 0
        ) AS u LEFT JOIN LATERAL ({{facts}}) AS f ON true
    ) AS lines GROUP BY changeset_id
"""
_COUNT = f"""
SELECT (SELECT coalesce(sum(changesets), 0)::bigint FROM upload_sums AS s WHERE {MINE} AND minutes = {DAY}
        AND begins >= step_of(%(d0)s, {DAY}) AND begins < step_of(%(d1)s, {DAY}))
    - (SELECT count(*) FROM uploads AS u WHERE {MINE} AND sequence >= %(d0)s AND sequence < %(d1)s
        AND step_of(before, {DAY}) < step_of(sequence, {DAY}) AND before >= %(begin)s)
    + (SELECT count(*) FROM uploads AS u WHERE {MINE} AND sequence >= %(begin)s AND sequence < %(d0)s
        AND (before IS NULL OR before < %(begin)s))
    + (SELECT count(*) FROM uploads AS u WHERE {MINE} AND sequence >= %(d1)s AND sequence < %(end)s
        AND (before IS NULL OR before < %(begin)s))
"""
_HIDDEN = f"""
SELECT count(*) FROM uploads AS u WHERE {_HERE} AND user_id = ANY (%(hidden)s)
    AND (before IS NULL OR before < %(begin)s)
"""


def whose(asking: Asking, subject: Subject) -> Owned | None:
    """Whose uploads they are; None: not by this way."""
    if asking.question.clock != "upload" or "days" in asking.question.columns:
        return None
    return one_owner.owner_of(asking, subject)


def groups(asking: Asking, owned: Owned, columns: str, given: dict[str, Any]) -> tuple[str, int, int]:
    """A SELECT of the page's changesets; how many there are, and how many of hidden people. Raises Problem: too slow.

    columns: their sums over lines, as sums.py has them. given: with hidden and limit, to which all else is added.
    """
    begin, end = whole_days.ends(asking.question.window)
    parts = whole_days.parts(owned, begin, end)
    given |= {**owned._asdict(), **whole_days.ends_of(parts)}
    hidden = _hidden(asking, owned, given) if given["hidden"] else 0
    row = asking.connection.execute(_COUNT.encode(), given, prepare=False).fetchone()
    return (
        _GROUPS.format(columns=columns, after=_after(asking, given), facts=one_owner.facts_of(owned)),
        (int(row[0]) if row else 0) - hidden,
        hidden,
    )


def _hidden(asking: Asking, owned: Owned, given: dict[str, Any]) -> int:
    if uploads_in(asking, *owned, [(given["begin"], given["end"])], MOST_ENTRIES) > MOST_ENTRIES:
        changes = shorter(asking, *owned, MOST_ENTRIES)
        raise too_slow(asking, f"{MOST_ENTRIES:,} uploads", "Ask for a shorter window.", changes)
    row = asking.connection.execute(_HIDDEN.encode(), given, prepare=False).fetchone()
    return int(row[0]) if row else 0


def _after(asking: Asking, given: dict[str, Any]) -> str:
    after = asking.question.after
    if after is None:
        return "true"
    given["after_value"], given["after_key"] = after.value, after.key
    minute = f"floor((%(after_value)s::numeric - {int(FIRST_SINCE.timestamp())}) / 60)"
    return f"(u.sequence, u.changeset_id) < ({minute}::bigint, %(after_key)s::bigint)"
