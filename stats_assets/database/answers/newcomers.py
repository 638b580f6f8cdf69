"""The kind `newcomers`: who contributes to a hashtag, or in a country, for the first time in the window.

New to that, never to OpenStreetMap, of which nobody here knows. What lies before the data is not known either.
"""
# ruff: noqa: S608 - SQL is made of constants

from typing import Any

from stats_assets.database.answers import by_newcomers
from stats_assets.database.answers.about import about
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.groups import days_of
from stats_assets.database.answers.labels import names_of, own_address
from stats_assets.database.answers.lines import lines as lines_of
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.sums import columns_sql, number
from stats_assets.database.statistics.verification import are_whole
from stats_assets.questions.answer import Value
from stats_assets.questions.cursors import cursor
from stats_assets.questions.windows import to_the_second

_PAGE = """
WITH groups AS MATERIALIZED (
    SELECT user_id AS id, min(at) AS first, min(moment) AS minute, {columns} FROM ({lines}) AS lines
    WHERE user_id IS NOT NULL AND NOT user_id = ANY (%(hidden)s) GROUP BY user_id
), fresh AS MATERIALIZED (
    SELECT * FROM groups AS g WHERE {fresh}
)
SELECT (SELECT count(*) FROM fresh), p.id, p.first, {named}, extract(epoch FROM p.minute)::numeric
FROM (SELECT) AS always LEFT JOIN (
    SELECT * FROM fresh WHERE {after} ORDER BY minute DESC, id LIMIT %(limit)s
) AS p ON true ORDER BY p.minute DESC, p.id
"""


def answer(asking: Asking) -> dict[str, Value]:
    """`rows`: those who came last first, with what they did in the window. Raises Problem: too slow."""
    question, subject = asking.question, asking.subjects[0]
    names = question.columns
    total, rows = _rows(asking, subject)
    page, more = rows[: question.limit], len(rows) > question.limit
    users = names_of(asking, [row[0] for row in page])
    return {
        "about": about(asking),
        "total_rows": total,
        "rows": [
            {
                "user_id": row[0],
                "name": users.get(row[0]),
                "first": to_the_second(row[1]),
                **{name: number(value) for name, value in zip(names, row[2:-1], strict=True)},
            }
            for row in page
        ],
        "next": own_address(
            subject, "newcomers", cursor(str(page[-1][-1]), str(page[-1][0])) if more else None
        ),
    }


def _rows(asking: Asking, subject: Subject) -> tuple[int, list[tuple[Any, ...]]]:
    """How many there are, and one more than a page: user, first edit, columns, when their first minute began."""
    names = asking.question.columns
    columns = columns_sql(names, asking.vocabulary)
    given: dict[str, Any] = {"hidden": list(subject.hidden), "limit": asking.question.limit + 1}
    owned = by_newcomers.whose(asking, subject)
    if owned is not None:
        after = _after(asking, given, by_newcomers.MINUTE)
        return by_newcomers.page(asking, owned, columns, after, given)
    lines = asking.lines(subject)
    given |= {**lines.given, "days": days_of(asking, lines) if "days" in names else None}
    sql = _PAGE.format(
        columns=columns,
        lines=lines.sql,
        fresh=_fresh(asking, subject),
        after=_after(asking, given, "minute"),
        named=", ".join(f"p.c{place}" for place in range(len(names))),
    )
    found = asking.connection.execute(sql.encode(), given).fetchall()
    return found[0][0], [row[1:] for row in found if row[1] is not None]


# A user's days of all hashtags are few, whatever these are: the sum keeps the planner from a look for each of them.
_FRESH_BY_DAYS = """NOT EXISTS (
    SELECT FROM people_days AS p WHERE p.user_id = g.id AND p.owner = 'hashtag' AND p.owner_id + 0 = ANY (%(hashtags)s)
        AND p.day <= (step_of(%(first)s, 1440) AT TIME ZONE 'UTC')::date
        AND (p.day < (step_of(%(first)s, 1440) AT TIME ZONE 'UTC')::date OR EXISTS (
            SELECT FROM uploads AS u WHERE u.owner = 'hashtag' AND u.owner_id = p.owner_id AND u.user_id = p.user_id
                AND u.sequence > minute_of(step_of(%(first)s, 1440)) AND u.sequence < %(first)s OFFSET 0
        )) OFFSET 0
)"""


def _fresh(asking: Asking, subject: Subject) -> str:
    """That a user (g.id) has nothing before the window that carries the hashtags, or lies in the country."""
    question = subject.question
    if question.window.since is None:
        return "true"
    only_hashtags = subject.hashtags is not None and subject.country is None and not subject.also
    if question.clock == "upload" and only_hashtags and are_whole(asking.connection):
        return _FRESH_BY_DAYS
    where = ["c.user_id = g.id"]
    sequences = "c.augmented_diffs"
    source = "changesets AS c"
    if subject.country is not None:
        source += " JOIN changesets_countries AS p ON p.changeset_id = c.id"
        where.append("p.country_id = %(country_id)s")
        sequences = "p.augmented_diffs"
    if subject.hashtags is not None:
        source += " JOIN changesets_hashtags AS t ON t.changeset_id = c.id"
        where += ["t.hashtag_id = ANY (%(hashtags)s)", "t.tagged_by = g.id"]
    if subject.union is not None:
        source += " JOIN changesets_unions AS n ON n.changeset_id = c.id"
        where.append("n.union_id = %(union)s")
    where += [
        f"EXISTS (SELECT FROM changesets_hashtags AS l WHERE l.changeset_id = c.id AND l.hashtag_id = %(also_{n})s)"
        for n in range(len(subject.also or ()))
    ]
    where.append(
        f"EXISTS (SELECT FROM unnest({sequences}) AS s WHERE s < %(first)s)"
        if question.clock == "upload"
        else "c.counted_at <= %(since)s"
    )
    return f"NOT EXISTS (SELECT FROM {source} WHERE {' AND '.join(where)})"


def is_new(asking: Asking, subject: Subject, users: list[int]) -> set[int]:
    """Which of these users are new to the subject in its window."""
    if not users or (subject.hashtags is None and subject.union is None and subject.country is None):
        return set()
    owned = by_newcomers.whose(asking, subject)
    if owned is not None:
        return by_newcomers.new(asking, owned, users)
    given = {**lines_of(subject, asking.vocabulary).given, "asked": users}
    rows = asking.connection.execute(
        f"SELECT g.id FROM unnest(%(asked)s::bigint[]) AS g (id) WHERE {_fresh(asking, subject)}".encode(),
        given,
    ).fetchall()
    return {row[0] for row in rows}


def _after(asking: Asking, given: dict[str, Any], minute: str) -> str:
    after = asking.question.after
    if after is None:
        return "true"
    given["after_value"], given["after_key"] = after.value, after.key
    return (
        f"(extract(epoch FROM {minute})::numeric < %(after_value)s::numeric"
        f" OR extract(epoch FROM {minute})::numeric = %(after_value)s::numeric AND id > %(after_key)s::bigint)"
    )
