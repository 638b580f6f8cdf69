"""Sums over lines by a key, ranked: of users, hashtags, countries or editors. Ties share a rank."""

from dataclasses import dataclass
from typing import Any

from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.lines import Lines
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

# The group of no key stays out of the ranks, but not out of what is said of it.
_RANKED = """
WITH groups AS MATERIALIZED (
    SELECT {key} AS key, {columns} FROM ({lines}) AS lines {join} GROUP BY 1
), ranked AS (
    SELECT *, rank() OVER (ORDER BY {metric} DESC) AS rank, count(*) OVER (PARTITION BY {metric}) > 1 AS tied
    FROM groups WHERE key IS NOT NULL AND NOT (key::text = ANY (%(hidden)s::text[]))
), page AS (
    SELECT * FROM ranked WHERE {after} ORDER BY {metric} DESC, key{collate} LIMIT %(limit)s
)
SELECT (SELECT count(*) FROM ranked), (SELECT coalesce(sum(edits), 0) FROM groups WHERE key IS NULL),
    (SELECT count(*) FROM groups WHERE key::text = ANY (%(hidden)s::text[])), p.*
FROM (SELECT) AS always LEFT JOIN page AS p ON true ORDER BY p.rank, p.key{collate}
"""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A page of the ranks. `rows`: rank, tied, key, and the columns by name."""

    total_rows: int
    without_key: Any
    """Edits of no user (or hashtag, country, editor)."""
    hidden: int
    rows: list[dict[str, Any]]
    after: str | None
    """Where the next page goes on; None: there is none."""


def ranked(asking: Asking, subject: Subject, of: str, columns: tuple[str, ...], metric: str) -> Ranked:
    """The ranks of a subject, `limit` of them after the question's place. Raises Problem."""
    question, group = asking.question, GROUPS[of]
    lines = asking.lines(subject, regions=of == "countries")
    names = tuple(dict.fromkeys((metric, "edits", *columns)))
    collate = ' COLLATE "C"' if group.type == "text" else ""
    numbered = {name: f"c{number}" for number, name in enumerate(names)}
    numbered["edits"] = "edits"
    given: dict[str, Any] = {
        **lines.given,
        "hidden": [str(one) for one in subject.hidden] if of == "users" else [],
        "limit": question.limit + 1,
        "days": days_of(asking, lines) if "days" in names else None,
    }
    sql = _RANKED.format(
        key=group.key,
        columns=", ".join(f"{column_sql(name, asking.vocabulary)} AS {numbered[name]}" for name in names),
        lines=lines.sql,
        join=group.join,
        metric=numbered[metric],
        collate=collate,
        after=_after(question.after, numbered[metric], group, collate, given),
    )
    found = asking.connection.execute(sql.encode(), given).fetchall()
    total, without_key, hidden = found[0][:3]
    rows = [
        {"rank": row[-2], "tied": row[-1], "key": row[3], **dict(zip(names, row[4:-2], strict=True))}
        for row in found
        if row[-2] is not None
    ]
    more = len(rows) > question.limit
    rows = rows[: question.limit]
    last = rows[-1] if more else None
    return Ranked(
        total, without_key, hidden, rows, cursor(plain_of(last[metric]), str(last["key"])) if last else None
    )


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
    return [] if since is None or until is None else days(since, until, asking.question.zone)
