"""All changesets behind a question, newest first, as a stream: one snapshot, a server's cursor, some hundred at a time.

What a page of them holds is changesets.py's, and so are the rows here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from psycopg_pool import ConnectionPool

from stats_assets.database.answers.about import about
from stats_assets.database.answers.asked import Asking, Counting
from stats_assets.database.answers.changesets import row_of
from stats_assets.database.answers.groups import days_of
from stats_assets.database.answers.sizes import STREAMED
from stats_assets.database.answers.snapshot import snapshot
from stats_assets.database.answers.standing import standing
from stats_assets.database.answers.sums import columns_sql
from stats_assets.database.connection import Connection
from stats_assets.questions.answer import Given, Value
from stats_assets.questions.parsing import parse

AT_ONCE = 500
"""Rows that are fetched, and held, at a time."""
PATIENCE = 60
"""Seconds until the first rows are there, and for each further fetch."""
_NUMBERS = count()

_ALL = """
SELECT 0, 0, p.id, p.user_id, p.last, {named}, 0, c.created_at, c.closed_at, c.editor, c.comment, c.open,
    ARRAY(SELECT h.hashtag FROM changesets_hashtags AS l JOIN hashtags AS h ON h.id = l.hashtag_id
        WHERE l.changeset_id = p.id ORDER BY h.hashtag), u.name
FROM (
    SELECT changeset_id AS id, min(user_id) AS user_id, max(at) AS last, max(moment) AS minute, {columns}
    FROM ({lines}) AS lines GROUP BY changeset_id
) AS p LEFT JOIN changesets AS c ON c.id = p.id LEFT JOIN users AS u ON u.id = p.user_id
WHERE p.user_id IS NULL OR NOT p.user_id = ANY (%(hidden)s)
ORDER BY p.minute DESC, p.id DESC
"""


@dataclass(frozen=True)
class Stream:
    """`about` and the columns as an answer has them; `rows` are read as they are asked for."""

    about: Mapping[str, Value]
    columns: tuple[str, ...]
    rows: Iterator[dict[str, Value]]


@contextmanager
def every_changeset(pool: ConnectionPool[Connection], counting: Counting, given: Given) -> Iterator[Stream]:
    """The stream; its connection is held until the end. Raises Problem, also while it is read."""
    with snapshot(pool) as connection:
        connection.execute(f"SET LOCAL statement_timeout = '{PATIENCE}s'".encode())
        now = standing(connection)
        asking = Asking(connection, parse("changesets", given, now.as_of, counting.vocabulary), now, counting)
        yield Stream(about(asking), asking.question.columns, _rows(asking))


def _rows(asking: Asking) -> Iterator[dict[str, Value]]:
    subject, names = asking.subjects[0], asking.question.columns
    lines = asking.lines(subject, most=STREAMED)
    given: dict[str, Any] = {**lines.given, "hidden": list(subject.hidden)}
    given["days"] = days_of(asking, lines) if "days" in names else None
    sql = _ALL.format(
        named=", ".join(f"p.c{place}" for place in range(len(names))),
        columns=columns_sql(names, asking.vocabulary),
        lines=lines.sql,
    )
    named = asking.question.names
    with asking.connection.cursor(name=f"every_changeset_{next(_NUMBERS)}") as cursor:
        cursor.execute(sql.encode(), given)
        while rows := cursor.fetchmany(AT_ONCE):
            for row in rows:
                known = {row[3]: row[-1]} if named and row[-1] is not None else {}
                yield row_of(row[:-1], names, known)
