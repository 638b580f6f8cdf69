"""Totals of one hashtag, user, country, union of the file, or the world, from what is rolled up: the quick way.

By upload: whole UTC days, then quarters of an hour, then the minutes that are left, from their facts. By the
changesets' time: all of it. Each changeset and each user is counted once. What this can't answer is added up from
lines (sums.py).
"""
# ruff: noqa: S608 - SQL is made of constants

from datetime import timedelta
from itertools import accumulate
from typing import Any

from stats_assets.database.answers import one_owner
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.limits import MOST_ENTRIES, shorter, too_slow, uploads_in
from stats_assets.database.answers.one_owner import MINE, Owned, facts_of
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.sums import Sums, exact
from stats_assets.database.answers.whole_days import DAY, QUARTER, Parts, ends, ends_of, parts
from stats_assets.questions.windows import Window, in_utc


def total(asking: Asking, subject: Subject) -> Sums | None:
    """The sums of a subject; None: not by this way."""
    owned = one_owner.owner_of(asking, subject)
    if owned is None:
        return None
    if subject.question.clock == "changeset":
        return _of_all_changesets(asking, owned, subject.hidden)
    return _of_uploads(asking, owned, *ends(subject.question.window), subject.hidden)


def _of_uploads(asking: Asking, owned: Owned, begin: int, end: int, hidden: tuple[int, ...]) -> Sums:
    """Of the sequences [begin, end)."""
    found = parts(owned, begin, end)
    everything = asking.question.window == Window()
    if owned.owner == "world" and not everything:
        _refuse_many_people(asking, found)
    given: dict[str, Any] = {
        **owned._asdict(),
        **ends_of(found),
        "all": everything,
        "hidden": list(hidden),
    }
    # Planned for this window: a plan for any would read all of the owner.
    row = asking.connection.execute(
        TOTAL.format(facts=facts_of(owned)).encode(), given, prepare=False
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM
    edits, changesets, users, nobodys, not_shown, since, until, counts, measurements = row
    return Sums(
        edits, changesets, users, nobodys, not_shown, since, until, exact(counts), exact(measurements)
    )


def _refuse_many_people(asking: Asking, parts: Parts) -> None:
    """Whoever is told apart is looked up: on each day, and around the days. Raises Problem: they are too many."""
    days = asking.connection.execute(
        "SELECT begins, users FROM upload_sums WHERE owner = 'world' AND owner_id = 0 AND minutes = 1440"
        " AND begins >= step_of(%s, 1440) AND begins < step_of(%s, 1440) ORDER BY begins DESC",
        parts.days,
    ).fetchall()
    people = sum(users for _, users in days)
    if people + uploads_in(asking, "world", 0, parts.around, MOST_ENTRIES) <= MOST_ENTRIES:
        return
    changes = shorter(asking, "world", 0, MOST_ENTRIES)
    if days and days[0][1] <= MOST_ENTRIES:
        so_far = list(accumulate(users for _, users in days))
        fitting = sum(users <= MOST_ENTRIES for users in so_far)
        since, until = days[fitting - 1][0], days[0][0] + timedelta(days=1)
        changes = {"from": in_utc(since), "to": in_utc(until), "last": None, "period": None}
    advice = "All of the time is quick, and so are fewer days of UTC, of which people are kept."
    raise too_slow(asking, f"{MOST_ENTRIES:,} uploads and people's days", advice, changes)


IN_DAYS = f"""p.{MINE.replace(" AND ", " AND p.")}
        AND p.day >= (step_of(%(d0)s, 1440) AT TIME ZONE 'UTC')::date
        AND p.day < (step_of(%(d1)s, 1440) AT TIME ZONE 'UTC')::date"""


def _steps(minutes: int, first: str, until: str) -> str:
    return (
        f"SELECT s.edits, {'s.changesets' if minutes == DAY else '0'} AS changesets, s.counts, s.measurements"
        f" FROM upload_sums AS s WHERE s.{MINE.replace(' AND ', ' AND s.')} AND s.minutes = {minutes}"
        f" AND s.begins >= step_of(%({first})s, {minutes}) AND s.begins < step_of(%({until})s, {minutes})"
    )


EDITS = f"""
SELECT coalesce(sum(edits), 0) FROM (
    {_steps(DAY, "d0", "d1")}
    UNION ALL {_steps(QUARTER, "q0", "d0")}
    UNION ALL {_steps(QUARTER, "d1", "q1")}
    UNION ALL SELECT edits, 0, NULL, NULL FROM uploads WHERE {MINE} AND sequence >= %(begin)s AND sequence < %(q0)s
    UNION ALL SELECT edits, 0, NULL, NULL FROM uploads
    WHERE {MINE} AND sequence >= greatest(%(q1)s, %(q0)s) AND sequence < %(end)s
) AS parts
"""
"""The edits of an owner that has quarters."""


def _moment(which: str, order: str) -> str:
    """When the first or last edit was: of the uploads of that minute."""
    return f"""(
        SELECT {which}(f.edited_at) FROM uploads AS u CROSS JOIN LATERAL (
            SELECT edited_at FROM changeset_edits AS f
            WHERE f.sequence = u.sequence AND f.changeset_id = u.changeset_id OFFSET 0
        ) AS f
        WHERE u.{MINE.replace(" AND ", " AND u.")} AND u.sequence = (
            SELECT sequence FROM uploads WHERE {MINE} AND sequence >= %(begin)s AND sequence < %(end)s
            ORDER BY sequence {order} LIMIT 1
        )
    )"""


TOTAL = f"""
WITH edges AS MATERIALIZED (
    SELECT * FROM uploads AS u WHERE {MINE} AND sequence >= %(begin)s AND sequence < %(q0)s
    UNION ALL
    SELECT * FROM uploads AS u WHERE {MINE} AND sequence >= greatest(%(q1)s, %(q0)s) AND sequence < %(end)s
), around AS MATERIALIZED (
    SELECT changeset_id, user_id, before FROM uploads
    WHERE {MINE} AND sequence >= %(begin)s AND sequence < %(d0)s
    UNION ALL
    SELECT changeset_id, user_id, before FROM uploads
    WHERE {MINE} AND sequence >= %(d1)s AND sequence < %(end)s
), rolled AS MATERIALIZED (
    {_steps(DAY, "d0", "d1")}
    UNION ALL
    {_steps(QUARTER, "q0", "d0")} AND %(owner)s <> 'user'
    UNION ALL
    {_steps(QUARTER, "d1", "q1")} AND %(owner)s <> 'user'
), parts AS MATERIALIZED (
    SELECT edits, counts, measurements FROM rolled
    UNION ALL
    SELECT u.edits, f.counts, f.measurements FROM edges AS u LEFT JOIN LATERAL ({{facts}}) AS f ON true
), people AS (
    SELECT user_id FROM around WHERE user_id IS NOT NULL GROUP BY user_id
), met AS MATERIALIZED (
    SELECT user_id FROM people_days AS p WHERE NOT %(all)s AND %(owner)s <> 'user' AND {IN_DAYS}
        AND (p.before IS NULL OR p.before < (step_of(%(d0)s, 1440) AT TIME ZONE 'UTC')::date)
)
SELECT (SELECT coalesce(sum(edits), 0) FROM parts),
    (SELECT coalesce(sum(changesets), 0)::bigint FROM rolled)
        - (SELECT count(*) FROM uploads WHERE {MINE} AND sequence >= %(d0)s AND sequence < %(d1)s
            AND step_of(before, 1440) < step_of(sequence, 1440) AND before >= %(begin)s)
        + (SELECT count(*) FROM around WHERE before IS NULL OR before < %(begin)s),
    CASE WHEN %(owner)s = 'user' THEN (SELECT count(*) FROM (SELECT FROM uploads
            WHERE {MINE} AND sequence >= %(begin)s AND sequence < %(end)s LIMIT 1) AS any_of)
        WHEN %(all)s AND %(owner)s = 'world' THEN (SELECT count(*) FROM aggregates_ranked
            WHERE owner = 'user' AND member_id = 0)
        WHEN %(all)s THEN (SELECT count(*) FROM aggregate_keys WHERE {MINE} AND measure = 'user')
        ELSE (SELECT count(*) FROM met)
            + (SELECT count(*) FROM people WHERE NOT EXISTS (SELECT FROM met WHERE met.user_id = people.user_id))
        END,
    (SELECT coalesce(sum(edits), 0) FROM uploads
        WHERE {MINE} AND user_id IS NULL AND sequence >= %(begin)s AND sequence < %(end)s),
    (SELECT count(*) FROM unnest(%(hidden)s::bigint[]) AS h
        WHERE EXISTS (SELECT FROM people WHERE user_id = h)
            OR EXISTS (SELECT FROM people_days AS p WHERE p.user_id = h AND {IN_DAYS})
            OR (%(owner)s = 'user' AND %(owner_id)s = h)),
    {_moment("min", "ASC")}, {_moment("max", "DESC")},
    (SELECT jsonb_object_agg(key, total) FROM (
        SELECT key, sum(value::numeric) AS total FROM parts, jsonb_each(counts) GROUP BY key) AS each)::text,
    (SELECT jsonb_object_agg(key, total) FROM (
        SELECT key, sum(value::numeric) AS total FROM parts, jsonb_each(measurements) GROUP BY key) AS each)::text
"""
OF_ALL_CHANGESETS = """
SELECT coalesce(g.edits, 0), coalesce(g.changesets, 0), CASE WHEN %(owner)s = 'user' THEN (g.changesets IS NOT
NULL)::int
        ELSE (SELECT count(*) FROM aggregate_keys AS k WHERE k.owner = %(owner)s
            AND k.owner_id = %(owner_id)s AND k.measure = 'user') END,
    g.first_edit, g.last_edit, g.counts::text, g.measurements::text
FROM (SELECT) AS one LEFT JOIN aggregates AS g ON g.owner = %(owner)s AND g.owner_id = %(owner_id)s AND g.member_id = 0
"""


def _of_all_changesets(asking: Asking, owned: Owned, hidden: tuple[int, ...]) -> Sums | None:
    if owned.owner in ("world", "country") or hidden:
        return None  # their times, and edits of nobody, are not rolled up
    row = asking.connection.execute(OF_ALL_CHANGESETS.encode(), owned._asdict()).fetchone()
    assert row is not None  # noqa: S101 - a LEFT JOIN of one row
    edits, changesets, users, first, last, counts, measurements = row
    nobodys = _nobodys(asking, owned)
    return Sums(edits, changesets, users, nobodys, 0, first, last, exact(counts), exact(measurements))


def _nobodys(asking: Asking, owned: Owned) -> Any:
    """Edits of changesets without a user."""
    row = asking.connection.execute(
        f"SELECT coalesce(sum(edits), 0) FROM uploads WHERE {MINE} AND user_id IS NULL".encode(),
        owned._asdict(),
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always answers
    return row[0]
