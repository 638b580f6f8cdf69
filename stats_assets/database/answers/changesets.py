"""The kind `changesets`: those behind a question, newest first."""

from typing import Any

from stats_assets.database.answers import by_changesets
from stats_assets.database.answers.about import about
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.groups import days_of
from stats_assets.database.answers.labels import names_of, own_address
from stats_assets.database.answers.sums import columns_sql, number
from stats_assets.questions.answer import Value
from stats_assets.questions.cursors import cursor
from stats_assets.questions.windows import to_the_second

_GROUPS = """
    SELECT changeset_id AS id, min(user_id) AS user_id, max(at) AS last, max(moment) AS minute, {columns}
    FROM ({lines}) AS lines GROUP BY changeset_id
"""
_PAGE = """
WITH groups AS MATERIALIZED ({groups}), shown AS (
    SELECT * FROM groups WHERE user_id IS NULL OR NOT user_id = ANY (%(hidden)s)
), page AS (
    SELECT * FROM shown WHERE {after} ORDER BY minute DESC, id DESC LIMIT %(limit)s
)
SELECT (SELECT count(*) FROM shown), (SELECT count(*) FROM groups) - (SELECT count(*) FROM shown),
    p.id, p.user_id, p.last, {named}, extract(epoch FROM p.minute)::numeric, c.created_at, c.closed_at, c.editor,
    c.comment, c.open,
    ARRAY(SELECT h.hashtag FROM changesets_hashtags AS l JOIN hashtags AS h ON h.id = l.hashtag_id
        WHERE l.changeset_id = p.id ORDER BY h.hashtag)
FROM (SELECT) AS always LEFT JOIN page AS p ON true LEFT JOIN changesets AS c ON c.id = p.id
ORDER BY p.minute DESC, p.id DESC
"""


def answer(asking: Asking) -> dict[str, Value]:
    """`rows`: what each changeset has in the window. Hidden users' are counted, not listed. Raises Problem."""
    question, subject = asking.question, asking.subjects[0]
    names = question.columns
    given: dict[str, Any] = {"hidden": list(subject.hidden), "limit": question.limit + 1}
    columns, after, counted = columns_sql(names, asking.vocabulary), "true", None
    owned = by_changesets.whose(asking, subject)
    if owned is not None:
        groups, *counted = by_changesets.groups(asking, owned, columns, given)
    else:
        lines = asking.lines(subject)
        given |= {**lines.given, "days": days_of(asking, lines) if "days" in names else None}
        groups, after = _GROUPS.format(columns=columns, lines=lines.sql), _after(asking, given)
    named = ", ".join(f"p.c{place}" for place in range(len(names)))
    sql = _PAGE.format(groups=groups, named=named, after=after)
    found = asking.connection.execute(sql.encode(), given, prepare=False).fetchall()
    total, not_shown = counted or found[0][:2]
    rows = [row for row in found if row[2] is not None]
    page, more = rows[: question.limit], len(rows) > question.limit
    users = names_of(asking, [row[3] for row in page if row[3] is not None])
    width = len(names)
    return {
        "about": about(asking),
        "total_rows": total,
        "rows": [row_of(row, names, users) for row in page],
        "hidden_changesets": not_shown,
        "next": own_address(
            subject, "changesets", cursor(str(page[-1][5 + width]), str(page[-1][2])) if more else None
        ),
    }


def row_of(row: tuple[Any, ...], names: tuple[str, ...], users: dict[int, str]) -> dict[str, Value]:
    """What a changeset has in the window; the row begins with two that are not of it."""
    _, _, changeset, user, last = row[:5]
    _, created, closed, editor, comment, is_open, hashtags = row[5 + len(names) :]
    return {
        "changeset_id": changeset,
        "user_id": user,
        "name": users.get(user),
        "last": to_the_second(last),
        "created_at": None if created is None else to_the_second(created),
        "closed_at": None if closed is None else to_the_second(closed),
        "open": is_open,
        "editor": editor,
        "comment": comment,
        "hashtags": hashtags,
        **{name: number(value) for name, value in zip(names, row[5 : 5 + len(names)], strict=True)},
    }


def _after(asking: Asking, given: dict[str, Any]) -> str:
    after = asking.question.after
    if after is None:
        return "true"
    given["after_value"], given["after_key"] = after.value, after.key
    return "(extract(epoch FROM minute)::numeric, id) < (%(after_value)s::numeric, %(after_key)s::bigint)"
