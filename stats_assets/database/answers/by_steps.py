"""A series of one owner from what is rolled up: each step is whole UTC days, then quarters, then minutes of facts.

Not here: totals, and how days and quarters are found (whole_days.py); what has no quick way is added up from lines.
"""
# ruff: noqa: S608 - SQL is made of constants

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from stats_assets.database.answers import one_owner, whole_days
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.limits import MOST_FACTS, MOST_IN_STEPS, too_slow, uploads_in
from stats_assets.database.answers.one_owner import Owned
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.whole_days import DAY, QUARTER, Parts
from stats_assets.feeds.sequences import covers
from stats_assets.questions.windows import Window, in_utc

Row = tuple[Any, ...]


def first_moment(asking: Asking, owned: Owned) -> datetime | None:
    """When the minute of the owner's first upload before the window's end begins."""
    row = asking.connection.execute(
        f"SELECT min(sequence) FROM uploads WHERE {one_owner.MINE} AND sequence < %(end)s".encode(),
        {**owned._asdict(), "end": whole_days.ends(asking.question.window)[1]},
        prepare=False,
    ).fetchone()
    return None if row is None or row[0] is None else covers(row[0]).since


def sums(
    asking: Asking, subject: Subject, edges: list[datetime], names: Sequence[str]
) -> dict[int, Row] | None:
    """Of each step (the first is 1) that has anything its columns. None: not by this way. Raises Problem: too slow."""
    owned = one_owner.owner_of(asking, subject)
    if owned is None or asking.question.clock != "upload" or "days" in names:
        return None
    steps = [_parts(owned, since, until) for since, until in pairwise(edges)]
    whole = [_whole(owned, parts) for parts in steps]
    columns = [name for name in names if name not in ("edits", "changesets", "users")]
    # Those for which uploads are counted one by one: their steps are no row of the sums.
    people = [
        (place, parts)
        for place, (parts, minutes) in enumerate(zip(steps, whole, strict=True), 1)
        if minutes is None and {"changesets", "users"} & set(names)
    ]
    if columns:
        _refuse_facts(asking, owned, [edge for parts in steps for edge in parts.edges])
    _refuse_entries(asking, owned, [around for _, parts in people for around in parts.around], names)
    given = {**owned._asdict(), **_ranges(steps), **_people(people), "names": columns}
    whole_rows = {place: minutes for place, minutes in enumerate(whole, 1) if minutes is not None}
    given |= {"wholes": list(whole_rows), "sizes": list(whole_rows.values())}
    given["starts"] = [steps[place - 1].begin for place in whole_rows]
    found: dict[int, dict[str, Any]] = {}
    for place, edits, *values in asking.connection.execute(
        _edits(owned, columns).encode(), given, prepare=False
    ):
        found.setdefault(place, {})["edits"] = edits
        found[place] |= dict(zip(columns, values, strict=True))
    if {"changesets", "users"} & set(names):
        for sql in (_WHOLE, _COUNTED if people else None):
            if sql is not None:
                for place, changesets, users in asking.connection.execute(sql.encode(), given, prepare=False):
                    found.setdefault(place, {}).update(changesets=changesets, users=users)
    return {place: tuple(row.get(name, 0) for name in names) for place, row in found.items()}


def _refuse_facts(asking: Asking, owned: Owned, ranges: list[tuple[int, int]]) -> None:
    if uploads_in(asking, *owned, ranges, MOST_FACTS) > MOST_FACTS:
        window = asking.question.window
        ends = {
            name: None if end is None else in_utc(end)
            for name, end in (("from", window.since), ("to", window.until))
        }
        advice = "Days of UTC are quick, as their sums are kept."
        changes = {"tz": "UTC", "by": "day", "last": None, "period": None, **ends}
        raise too_slow(asking, f"{MOST_FACTS:,} uploads' facts", advice, changes)


def _refuse_entries(
    asking: Asking, owned: Owned, ranges: list[tuple[int, int]], names: Sequence[str]
) -> None:
    if uploads_in(asking, *owned, ranges, MOST_IN_STEPS) > MOST_IN_STEPS:
        kept = [name for name in names if name not in ("changesets", "users")] or ["edits"]
        advice = "Without changesets and users, or by quarters of an hour or days of UTC, it is quick."
        raise too_slow(asking, f"{MOST_IN_STEPS:,} uploads", advice, {"columns": ",".join(kept[:12])})


def _parts(owned: Owned, since: datetime, until: datetime) -> Parts:
    return whole_days.parts(owned, *whole_days.ends(Window(since, until)))


def _whole(owned: Owned, parts: Parts) -> int | None:
    """Of how many minutes the one row is that is the step; None: none is."""
    for minutes in (DAY, whole_days.smallest(owned)):
        if parts.end - parts.begin == minutes and whole_days.up(parts.begin, minutes) == parts.begin:
            return minutes
    return None


def _ranges(steps: list[Parts]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {
        name: [] for part in ("d", "q", "e") for name in (f"{part}s", f"{part}a", f"{part}b")
    }
    for place, parts in enumerate(steps, 1):
        ranges = {
            "d": [parts.days] if parts.days[0] < parts.days[1] else [],
            "q": parts.quarters,
            "e": parts.edges,
        }
        for name, listed in ranges.items():
            for first, end in listed:
                found[f"{name}s"].append(place)
                found[f"{name}a"].append(first)
                found[f"{name}b"].append(end)
    return found


def _people(people: list[tuple[int, Parts]]) -> dict[str, list[int]]:
    return {
        "ps": [place for place, _ in people],
        "begins": [parts.begin for _, parts in people],
        "ends": [parts.end for _, parts in people],
        "d0": [parts.days[0] for _, parts in people],
        "d1": [parts.days[1] for _, parts in people],
    }


_RANGE = "unnest(%({0}s)s::int[], %({0}a)s::bigint[], %({0}b)s::bigint[]) AS r (step, a, b)"


def _rolled(part: str, minutes: int, columns: str) -> str:
    return f"""
    SELECT r.step, s.* FROM {_RANGE.format(part)} CROSS JOIN LATERAL (
        SELECT s.edits{columns} FROM upload_sums AS s
        WHERE s.owner = %(owner)s AND s.owner_id = %(owner_id)s AND s.minutes = {minutes}
            AND s.begins >= step_of(r.a, {minutes}) AND s.begins < step_of(r.b, {minutes}) OFFSET 0
    ) AS s"""


def _edits(owned: Owned, names: list[str]) -> str:
    """Edits and the columns of all steps, out of days, quarters and the facts of what is left."""
    objects = ", s.counts, s.measurements" if names else ""
    facts = one_owner.facts_of(owned)
    left = f"""
    SELECT r.step, u.edits{objects.replace("s.", "f.")}
    FROM {_RANGE.format("e")} CROSS JOIN LATERAL (
        SELECT * FROM uploads AS u WHERE u.owner = %(owner)s AND u.owner_id = %(owner_id)s
            AND u.sequence >= r.a AND u.sequence < r.b OFFSET 0
    ) AS u {f"LEFT JOIN LATERAL ({facts}) AS f ON true" if objects else ""}"""
    columns = "".join(
        f", coalesce(sum((coalesce(counts ->> n[{place}], measurements ->> n[{place}]))::numeric), 0)"
        for place in range(1, len(names) + 1)
    )
    return f"""
    SELECT step, sum(edits){columns} FROM (
        {_rolled("d", DAY, objects)} UNION ALL {_rolled("q", QUARTER, objects)} UNION ALL {left}
    ) AS parts, (SELECT %(names)s::text[] AS n) AS named GROUP BY step
    """


# A step that is one day or one quarter is a row.
_WHOLE = """
SELECT r.step, s.changesets, CASE WHEN %(owner)s = 'user' THEN 1 ELSE s.users END
FROM unnest(%(wholes)s::int[], %(sizes)s::int[], %(starts)s::bigint[]) AS r (step, minutes, a) CROSS JOIN LATERAL (
    SELECT s.changesets, s.users FROM upload_sums AS s
    WHERE s.owner = %(owner)s AND s.owner_id = %(owner_id)s AND s.minutes = r.minutes
        AND s.begins = step_of(r.a, r.minutes) OFFSET 0
) AS s
"""
_UPLOADS = """
    SELECT u.changeset_id, u.user_id, u.before, u.sequence FROM uploads AS u
    WHERE u.owner = %(owner)s AND u.owner_id = %(owner_id)s AND u.sequence >= {first} AND u.sequence < {end} OFFSET 0
"""
_IN_DAYS = """p.owner = %(owner)s AND p.owner_id = %(owner_id)s
        AND p.day >= (step_of(r.d0, 1440) AT TIME ZONE 'UTC')::date
        AND p.day < (step_of(r.d1, 1440) AT TIME ZONE 'UTC')::date"""
# Of others: what days have, less what came again on a later of them, and what is around them.
_COUNTED = f"""
WITH steps AS MATERIALIZED (
    SELECT * FROM unnest(%(ps)s::int[], %(begins)s::bigint[], %(ends)s::bigint[], %(d0)s::bigint[], %(d1)s::bigint[])
        AS r (step, begin, until, d0, d1)
), around AS MATERIALIZED (
    SELECT r.step, u.user_id, u.before IS NULL OR u.before < r.begin AS fresh
    FROM steps AS r CROSS JOIN LATERAL ({_UPLOADS.format(first="r.begin", end="r.d0")}) AS u
    UNION ALL
    SELECT r.step, u.user_id, u.before IS NULL OR u.before < r.begin
    FROM steps AS r CROSS JOIN LATERAL ({_UPLOADS.format(first="r.d1", end="r.until")}) AS u
), counted AS (
    SELECT step, count(*) AS number FROM around WHERE fresh GROUP BY step
    UNION ALL
    SELECT r.step, s.changesets FROM steps AS r CROSS JOIN LATERAL (
        SELECT sum(s.changesets)::bigint AS changesets FROM upload_sums AS s
        WHERE s.owner = %(owner)s AND s.owner_id = %(owner_id)s AND s.minutes = 1440
            AND s.begins >= step_of(r.d0, 1440) AND s.begins < step_of(r.d1, 1440) OFFSET 0
    ) AS s WHERE r.d0 < r.d1
    UNION ALL
    SELECT r.step, -s.again FROM steps AS r CROSS JOIN LATERAL (
        SELECT count(*) AS again FROM uploads AS u WHERE u.owner = %(owner)s AND u.owner_id = %(owner_id)s
            AND u.sequence >= r.d0 AND u.sequence < r.d1 AND step_of(u.before, 1440) < step_of(u.sequence, 1440)
            AND u.before >= r.begin OFFSET 0
    ) AS s WHERE r.d0 < r.d1
), people AS (
    SELECT step, user_id FROM around WHERE user_id IS NOT NULL GROUP BY step, user_id
), met AS (
    SELECT p.step, count(*) AS number FROM people AS p
    WHERE NOT EXISTS (SELECT FROM steps AS r WHERE r.step = p.step AND r.d0 < r.d1)
        OR NOT EXISTS (SELECT FROM steps AS r JOIN people_days AS d ON d.user_id = p.user_id
            AND {_IN_DAYS.replace("p.", "d.")} WHERE r.step = p.step)
    GROUP BY p.step
    UNION ALL
    SELECT r.step, s.number FROM steps AS r CROSS JOIN LATERAL (
        SELECT count(*) AS number FROM people_days AS p WHERE {_IN_DAYS}
            AND (p.before IS NULL OR p.before < (step_of(r.d0, 1440) AT TIME ZONE 'UTC')::date) OFFSET 0
    ) AS s WHERE r.d0 < r.d1
)
SELECT c.step, c.number, CASE WHEN %(owner)s = 'user' THEN (c.number > 0)::int ELSE coalesce(m.number, 0) END
FROM (SELECT step, sum(number)::bigint AS number FROM counted GROUP BY step) AS c
LEFT JOIN (SELECT step, sum(number)::bigint AS number FROM met GROUP BY step) AS m USING (step)
"""
