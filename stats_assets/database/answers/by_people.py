"""Ranks of an owner's users by edits or changesets, from who uploaded on which day, and from uploads around the days.

Not here: ranks by other columns, and of others than users, which are added up from lines (groups.py).
"""
# ruff: noqa: S608 - SQL is made of constants

from typing import Any, NamedTuple

from stats_assets.database.answers import one_owner, whole_days
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.limits import (
    MOST_COUNTED,
    MOST_FACTS,
    MOST_RANKED,
    shorter,
    too_slow,
    uploads_in,
)
from stats_assets.database.answers.one_owner import Owned
from stats_assets.database.answers.subjects import Subject
from stats_assets.questions.problem import Problem
from stats_assets.questions.windows import Window

KNOWN = ("edits", "changesets")
_MINE = one_owner.MINE
_DAYS = f"""{_MINE} AND day >= (step_of(%(d0)s, 1440) AT TIME ZONE 'UTC')::date
        AND day < (step_of(%(d1)s, 1440) AT TIME ZONE 'UTC')::date"""
# Nobody's edits are in no day of a user's. What came again on a later day was counted on both.
_OF_DAYS = f"""
SELECT user_id AS key, sum(edits)::bigint AS edits, sum(changesets)::bigint AS changesets FROM (
    SELECT user_id, edits, changesets FROM people_days WHERE {_DAYS}
    UNION ALL
    SELECT user_id, 0, -1 FROM uploads WHERE {_MINE} AND sequence >= %(d0)s AND sequence < %(d1)s
        AND step_of(before, 1440) < step_of(sequence, 1440) AND before >= %(begin)s
    UNION ALL
    SELECT user_id, edits, 0 FROM uploads
    WHERE {_MINE} AND sequence >= %(d0)s AND sequence < %(d1)s AND user_id IS NULL
    UNION ALL
    SELECT user_id, edits, (before IS NULL OR before < %(begin)s)::int FROM uploads
    WHERE {_MINE} AND sequence >= %(begin)s AND sequence < %(d0)s
    UNION ALL
    SELECT user_id, edits, (before IS NULL OR before < %(begin)s)::int FROM uploads
    WHERE {_MINE} AND sequence >= %(d1)s AND sequence < %(end)s
) AS parts GROUP BY 1
"""
_OF_A_USER = f"""
SELECT user_id AS key, sum(edits)::bigint AS edits,
    count(*) FILTER (WHERE before IS NULL OR before < %(begin)s) AS changesets
FROM uploads WHERE {_MINE} AND sequence >= %(begin)s AND sequence < %(end)s GROUP BY 1
"""
# Of all time they are kept: the world's and a hashtag's in the order of their edits.
_RANKED = {
    "world": "SELECT owner_id AS key, edits, changesets FROM aggregates_ranked WHERE owner = 'user' AND member_id = 0",
    "hashtag": "SELECT member_id AS key, edits, changesets FROM aggregates_ranked"
    " WHERE owner = 'hashtag_user' AND owner_id = %(owner_id)s",
}
_KEYS = f"SELECT id AS key, edits, changesets FROM aggregate_keys WHERE {_MINE} AND measure = 'user'"
_NOBODYS = f"(SELECT coalesce(sum(edits), 0) FROM uploads WHERE {_MINE} AND user_id IS NULL)"


class Grouped(NamedTuple):
    """A SELECT of key, edits and changesets, and what it is given."""

    sql: str
    given: dict[str, Any]
    nobodys: str | None = None
    """SQL of nobody's edits, where they are in no row of it; such a SELECT may be asked again and again."""


def groups(asking: Asking, owned: Owned) -> Grouped:
    """An owner's users. Raises Problem: too slow."""
    parts = whole_days.parts(owned, *whole_days.ends(asking.question.window))
    given: dict[str, Any] = {**owned._asdict(), **whole_days.ends_of(parts)}
    if owned.owner == "user":
        return Grouped(_OF_A_USER, given)
    # Of a country they are kept as features, where edits are counts.
    if asking.question.window == Window() and owned.owner != "country":
        kept = _RANKED.get(owned.owner, _KEYS)
        _refuse(asking, owned, f"SELECT FROM ({kept}) AS kept", given, MOST_COUNTED)
        return Grouped(kept, given, _NOBODYS)
    entries = uploads_in(asking, *owned, parts.around, MOST_RANKED)
    _refuse(asking, owned, f"SELECT FROM people_days WHERE {_DAYS}", given, MOST_RANKED, entries)
    return Grouped(_OF_DAYS, given)


def _refuse(
    asking: Asking, owned: Owned, people: str, given: dict[str, Any], most: int, entries: int = 0
) -> None:
    """Raises Problem: more than `most` rows of `people`, and entries."""
    row = asking.connection.execute(
        f"SELECT count(*) FROM ({people} LIMIT {most + 1}) AS counted".encode(), given, prepare=False
    ).fetchone()
    if entries + (row[0] if row else 0) > most:
        changes = shorter(asking, *owned, MOST_RANKED)
        if not set(asking.question.columns) <= set(KNOWN):
            changes |= {
                "columns": ",".join(KNOWN)
            }  # of others facts would be read, which may be too many again
        raise too_slow(asking, f"{most:,} uploads and people's days", "Ask for a shorter window.", changes)


def fill(asking: Asking, subject: Subject, rows: list[dict[str, Any]], names: tuple[str, ...]) -> bool:
    """Add columns to the rows of a hashtag's users of all time, of the world's, or of one user. False: not by this way.

    Raises Problem: too slow.
    """
    owned = one_owner.owner_of(asking, subject)
    if owned is None or asking.question.clock != "upload" or "days" in names:
        return False
    users = [int(row["key"]) for row in rows]
    everything = asking.question.window == Window()
    given: dict[str, Any] = {"users": users, "owner_id": owned.owner_id}
    if everything and owned.owner in _KEPT:
        parts = _KEPT[owned.owner]
    elif owned.owner in ("world", "user"):
        parts, given = _OF_USERS, _given_of_users(asking, users)
    else:
        return False
    columns = [name for name in names if name != "users"]
    summed = "".join(
        f", coalesce(sum((coalesce(counts ->> n[{place}], measurements ->> n[{place}]))::numeric), 0)"
        for place in range(1, len(columns) + 1)
    )
    sql = f"SELECT id{summed} FROM ({parts}) AS parts, (SELECT %(names)s::text[] AS n) AS named GROUP BY id"
    found = {
        user: dict(zip(columns, values, strict=True))
        for user, *values in asking.connection.execute(
            sql.encode(), {**given, "names": columns}, prepare=False
        )
    }
    for row in rows:
        row |= {name: 1 if name == "users" else found.get(row["key"], {}).get(name, 0) for name in names}
    return True


def _given_of_users(asking: Asking, users: list[int]) -> dict[str, Any]:
    parts = whole_days.parts(Owned("user", 0), *whole_days.ends(asking.question.window))
    given: dict[str, Any] = {"users": users, **whole_days.ends_of(parts)}
    row = asking.connection.execute(_DAYS_OF_USERS.encode(), given, prepare=False).fetchone()
    days = row[0] if row else 0
    if days + uploads_in(asking, "user", users, parts.edges, MOST_FACTS) > MOST_FACTS:
        raise too_many_facts(asking)
    return given


_SUMS_OF_USERS = """upload_sums AS s WHERE s.owner = 'user' AND s.owner_id = {user} AND s.minutes = 1440
            AND s.begins >= step_of(%(d0)s, 1440) AND s.begins < step_of(%(d1)s, 1440)"""
_DAYS_OF_USERS = f"SELECT count(*) FROM {_SUMS_OF_USERS.format(user='ANY (%(users)s)')}"
_OF_ALL_USERS = """
    SELECT owner_id AS id, counts, measurements FROM aggregates
    WHERE owner = 'user' AND owner_id = ANY (%(users)s) AND member_id = 0
"""
_OF_PAIRS = """
    SELECT member_id AS id, counts, measurements FROM aggregates
    WHERE owner = 'hashtag_user' AND owner_id = %(owner_id)s AND member_id = ANY (%(users)s)
"""
_OF_USERS = f"""
    SELECT asked.id, s.counts, s.measurements FROM unnest(%(users)s::bigint[]) AS asked (id) CROSS JOIN LATERAL (
        SELECT s.counts, s.measurements FROM {_SUMS_OF_USERS.format(user="asked.id")} OFFSET 0
    ) AS s
    UNION ALL
    SELECT u.owner_id, f.counts, f.measurements
    FROM unnest(%(users)s::bigint[]) AS asked (id) CROSS JOIN LATERAL (
        SELECT * FROM uploads AS u WHERE u.owner = 'user' AND u.owner_id = asked.id
            AND u.sequence >= %(begin)s AND u.sequence < %(d0)s
        UNION ALL
        SELECT * FROM uploads AS u WHERE u.owner = 'user' AND u.owner_id = asked.id
            AND u.sequence >= %(d1)s AND u.sequence < %(end)s
    ) AS u CROSS JOIN LATERAL ({one_owner.OF_WHOLE}) AS f
"""


_KEPT = {"hashtag": _OF_PAIRS, "world": _OF_ALL_USERS, "user": _OF_ALL_USERS}


def too_many_facts(asking: Asking) -> Problem:
    """What is asked of people is in no sum that is kept."""
    metric = asking.question.metric if asking.question.metric in KNOWN else "edits"
    return too_slow(
        asking,
        f"{MOST_FACTS:,} uploads' facts",
        "Edits and changesets of people are quick, as their sums are kept.",
        {"columns": "edits,changesets", "metric": metric, "after": None},
    )
