"""The kind `changesets`: those behind a question, newest first."""

from typing import Any

from stats_assets.database.answers.about import about
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.groups import days_of
from stats_assets.database.answers.labels import names_of, own_address
from stats_assets.database.answers.sums import columns_sql, number
from stats_assets.questions.answer import Value
from stats_assets.questions.cursors import cursor
from stats_assets.questions.windows import to_the_second

_PAGE = """
WITH groups AS MATERIALIZED (
    SELECT changeset_id AS id, min(user_id) AS user_id, max(at) AS last, {columns}
    FROM ({lines}) AS lines GROUP BY changeset_id
), shown AS (
    SELECT * FROM groups WHERE user_id IS NULL OR NOT user_id = ANY (%(hidden)s)
), page AS (
    SELECT * FROM shown WHERE {after} ORDER BY last DESC, id DESC LIMIT %(limit)s
)
SELECT (SELECT count(*) FROM shown), (SELECT count(*) FROM groups) - (SELECT count(*) FROM shown),
    p.*, extract(epoch FROM p.last)::numeric, c.created_at, c.closed_at, c.editor, c.comment, c.open,
    ARRAY(SELECT h.hashtag FROM changesets_hashtags AS l JOIN hashtags AS h ON h.id = l.hashtag_id
        WHERE l.changeset_id = p.id ORDER BY h.hashtag)
FROM (SELECT) AS always LEFT JOIN page AS p ON true LEFT JOIN changesets AS c ON c.id = p.id
ORDER BY p.last DESC, p.id DESC
"""


def answer(asking: Asking) -> dict[str, Value]:
    """`rows`: what each changeset has in the window. Hidden users' are counted, not listed."""
    question, subject = asking.question, asking.subjects[0]
    lines, names = asking.lines(subject), question.columns
    given: dict[str, Any] = {**lines.given, "hidden": list(subject.hidden), "limit": question.limit + 1}
    given["days"] = days_of(asking, lines) if "days" in names else None
    sql = _PAGE.format(
        columns=columns_sql(names, asking.vocabulary),
        lines=lines.sql,
        after=_after(asking, given),
    )
    found = asking.connection.execute(sql.encode(), given).fetchall()
    rows = [row for row in found if row[2] is not None]
    page, more = rows[: question.limit], len(rows) > question.limit
    users = names_of(asking, [row[3] for row in page if row[3] is not None])
    width = len(names)
    return {
        "about": about(asking),
        "total_rows": found[0][0],
        "rows": [row_of(row, names, users) for row in page],
        "hidden_changesets": found[0][1],
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
    return "(extract(epoch FROM last)::numeric, id) < (%(after_value)s::numeric, %(after_key)s::bigint)"
