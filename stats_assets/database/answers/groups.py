"""Sums over lines by a key, ranked: of users, hashtags, countries or editors. Ties share a rank."""

from dataclasses import dataclass, replace
from typing import Any

from stats_assets.database.answers import by_keys, by_people, one_owner
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.limits import MOST_FACTS
from stats_assets.database.answers.lines import Lines
from stats_assets.database.answers.sizes import shortest
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.sums import column_sql
from stats_assets.questions.cursors import cursor
from stats_assets.questions.editors import family_sql
from stats_assets.questions.exact_json import plain
from stats_assets.questions.question import After
from stats_assets.questions.steps import days


@dataclass(frozen=True, slots=True)
class Group:
    """By what lines are summed. `type` is the key's in SQL."""

    key: str
    join: str
    type: str


GROUPS = {
    "users": Group("user_id", "", "bigint"),
    "hashtags": Group(
        "h.hashtag",
        "LEFT JOIN changesets_hashtags AS l USING (changeset_id) LEFT JOIN hashtags AS h ON h.id = l.hashtag_id",
        "text",
    ),
    "countries": Group("region", "", "text"),
    "editors": Group(family_sql("editor"), "", "text"),
}

# The group of no key stays out of the ranks, but not out of what is said of it. Ranks are counted from the page's first
# row on: all are grouped, and only the page's are sorted. What is kept in their order is not even read.
_RANKED = """
WITH groups AS {how} (
    {groups}
), shown AS (
    SELECT * FROM groups WHERE key IS NOT NULL AND NOT key = ANY (%(hidden)s::{type}[])
), page AS (
    SELECT * FROM shown WHERE {after} ORDER BY {metric} DESC, key{collate} LIMIT %(limit)s
), first AS (
    SELECT {metric} AS value FROM page ORDER BY 1 DESC LIMIT 1
)
SELECT (SELECT count(*) FROM shown), {without},
    (SELECT count(*) FROM groups WHERE key = ANY (%(hidden)s::{type}[])),
    (SELECT count(*) FROM shown, first WHERE {metric} > value),
    (SELECT count(*) FROM shown, first WHERE {metric} = value), p.*
FROM (SELECT) AS always LEFT JOIN page AS p ON true ORDER BY p.{metric} DESC, p.key{collate}
"""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A page of the ranks."""

    total_rows: int
    without_key: Any
    """Edits of no user (or hashtag, country, editor)."""
    hidden: int
    rows: list[dict[str, Any]]
    """Each with rank, tied, key, and the columns by name."""
    after: str | None
    """Where the next page goes on; None: there is none."""


def ranked(asking: Asking, subject: Subject, of: str, columns: tuple[str, ...], metric: str) -> Ranked:
    """The ranks of a subject, `limit` of them after the question's place. Raises Problem."""
    question, group = asking.question, GROUPS[of]
    names = tuple(dict.fromkeys((metric, "edits", *columns)))
    owned = quick(asking, subject, of, metric)
    now: tuple[str, ...] = by_people.KNOWN
    nobodys: str | None = None
    if owned is not None:
        numbered = {name: name for name in now}
        groups, given, nobodys = by_people.groups(asking, owned)
    elif (owned := by_keys.whose(asking, subject, of, names)) is not None:
        now = by_keys.KNOWN
        numbered = {name: name for name in now}
        groups, given = by_keys.groups(asking, owned, of)
    else:
        lines = asking.lines(subject, regions=of == "countries")
        now = names
        numbered = {name: "edits" if name == "edits" else f"c{number}" for number, name in enumerate(now)}
        given = {**lines.given, "days": days_of(asking, lines) if "days" in now else None}
        summed = ", ".join(f"{column_sql(name, asking.vocabulary)} AS {numbered[name]}" for name in now)
        groups = f"SELECT {group.key} AS key, {summed} FROM ({lines.sql}) AS lines {group.join} GROUP BY 1"  # noqa: S608
    collate = ' COLLATE "C"' if group.type == "text" else ""
    given["hidden"] = list(subject.hidden) if of == "users" else []
    given["limit"] = question.limit + 1
    sql = _RANKED.format(
        groups=groups,
        how="NOT MATERIALIZED" if nobodys else "MATERIALIZED",
        without=nobodys or "(SELECT coalesce(sum(edits), 0) FROM groups WHERE key IS NULL)",
        metric=numbered[metric],
        collate=collate,
        type=group.type,
        after=_after(question.after, numbered[metric], group, collate, given),
    )
    found = asking.connection.execute(sql.encode(), given).fetchall()
    total, without_key, hidden, above, as_many = found[0][:5]
    rows = [
        {"rank": 0, "tied": False, "key": row[5], **dict(zip(now, row[6:], strict=True))}
        for row in found
        if row[5] is not None
    ]
    _rank(rows, metric, int(above), int(as_many))
    more = len(rows) > question.limit
    rows = rows[: question.limit]
    _fill(asking, subject, rows, tuple(name for name in names if name not in now))
    after = cursor(plain_of(rows[-1][metric]), str(rows[-1]["key"])) if more else None
    return Ranked(total, without_key, hidden, rows, after)


def _rank(rows: list[dict[str, Any]], metric: str, above: int, as_many: int) -> None:
    """1, 2, 2, 4: from the first row on, above which there are so many, and as many as it has so many (itself, too)."""
    first = place = 0
    for place, row in enumerate(rows):
        if row[metric] != rows[first][metric]:
            above, first = above + (as_many if first == 0 else place - first), place
        row["rank"] = above + 1
        near = rows[max(0, place - 1) : place] + rows[place + 1 : place + 2]
        row["tied"] = any(one[metric] == row[metric] for one in near) or (first == 0 and as_many > 1)


def quick(asking: Asking, subject: Subject, of: str, metric: str) -> one_owner.Owned | None:
    """Whose uploads rank by themselves; None: they do not."""
    if of != "users" or metric not in by_people.KNOWN or asking.question.clock != "upload":
        return None
    return one_owner.owner_of(asking, subject)


def _fill(asking: Asking, subject: Subject, rows: list[dict[str, Any]], names: tuple[str, ...]) -> None:
    """Add these columns to the rows of users."""
    if not names or not rows:
        return
    if by_people.fill(asking, subject, rows, names):
        return
    shown = replace(subject, users=[row["key"] for row in rows])
    if shortest(asking.connection, shown, MOST_FACTS).lines > MOST_FACTS:
        raise by_people.too_many_facts(asking)
    lines = asking.lines(shown)
    given = {**lines.given, "days": days_of(asking, lines) if "days" in names else None}
    columns = ", ".join(column_sql(name, asking.vocabulary) for name in names)
    found = {
        row[0]: row[1:]
        for row in asking.connection.execute(
            f"SELECT user_id, {columns} FROM ({lines.sql}) AS lines GROUP BY 1".encode(),  # noqa: S608
            given,
        )
    }
    for row in rows:
        row |= dict(zip(names, found.get(row["key"], [0] * len(names)), strict=True))


def plain_of(value: Any) -> str:
    """A number as a cursor has it."""
    return str(value) if isinstance(value, int) else plain(value)


def _after(after: After | None, metric: str, group: Group, collate: str, given: dict[str, Any]) -> str:
    if after is None:
        return "true"
    given["after_value"], given["after_key"] = after.value, after.key
    return (
        f"({metric} < %(after_value)s::numeric OR {metric} = %(after_value)s::numeric"
        f" AND key{collate} > %(after_key)s::{group.type})"
    )


def days_of(asking: Asking, lines: Lines) -> list[Any]:
    """When the days of the lines begin in the question's zone."""
    since, until = asking.question.window.since, asking.question.window.until
    if since is None or until is None:
        row = asking.connection.execute(
            f"SELECT min(moment), max(moment) FROM ({lines.sql}) AS lines".encode(),  # noqa: S608 - made of constants
            lines.given,
        ).fetchone()
        assert row is not None  # noqa: S101 - an aggregate always answers
        since, until = since or row[0], until or row[1]
    if since is None or until is None:
        return []
    return days(since, min(until, max(since, asking.end)), asking.question.zone)
