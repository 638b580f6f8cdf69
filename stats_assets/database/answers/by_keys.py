"""Ranks of an owner's hashtags, countries or editors by edits, changesets or users, and what trends, from uploads.

No fact is read: an owner's uploads are a range of an index, of the world also those of all hashtags, or countries. Not
here: ranks of users (by_people.py), and ranks by other columns, which are added up from lines (groups.py).
"""
# ruff: noqa: S608 - SQL is made of constants

from typing import Any

from stats_assets.database.answers import by_days, one_owner, whole_days
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.limits import shorter, too_slow, uploads_in
from stats_assets.database.answers.one_owner import MINE, Owned
from stats_assets.database.answers.subjects import Subject
from stats_assets.questions.editors import family_sql
from stats_assets.questions.windows import Window

KNOWN = ("edits", "changesets", "users")
MOST_WALKED = 10_000
"""Uploads of an owner, for each of which it is looked up where, or with what, it was."""
MOST_UPLOADS = 20_000
"""Uploads of all hashtags, or of all countries, in the window."""
MOST_TRENDING = 50_000
"""The same of what trends, which is about a day of the planet's: only its people are told apart."""
_RANGE = "sequence >= %(begin)s AND sequence < %(end)s"
_FRESH = "count(*) FILTER (WHERE {0}.before IS NULL OR {0}.before < %(begin)s)"
# Users are told apart once they are few.
_SUMMED = "sum(edits)::bigint AS edits, sum(changesets)::bigint AS changesets, count(user_id) AS users"
_MINE = f"(SELECT * FROM uploads WHERE {MINE} AND {_RANGE}) AS u"
_OF_OWNER = {
    "editors": f"""
SELECT key, sum(edits)::bigint AS edits, sum(changesets)::bigint AS changesets, count(DISTINCT user_id) AS users FROM (
    SELECT {family_sql("editor")} AS key, user_id, edits, changesets FROM (
        SELECT c.editor, u.user_id, sum(u.edits) AS edits, {_FRESH.format("u")} AS changesets
        FROM {_MINE} CROSS JOIN LATERAL (
            SELECT editor FROM changesets AS c WHERE c.id = u.changeset_id OFFSET 0
        ) AS c GROUP BY 1, 2
    ) AS parts
) AS families GROUP BY 1
""",
    "countries": f"""
SELECT n.code AS key, {_SUMMED} FROM (
    SELECT c.owner_id, u.user_id, sum(c.edits) AS edits, {_FRESH.format("c")} AS changesets
    FROM {_MINE} CROSS JOIN LATERAL (
        SELECT owner_id, edits, before FROM uploads AS c
        WHERE c.changeset_id = u.changeset_id AND c.owner = 'country' AND c.sequence = u.sequence OFFSET 0
    ) AS c GROUP BY 1, 2
) AS parts JOIN countries AS n ON n.id = owner_id GROUP BY 1
""",
    "hashtags": f"""
SELECT h.hashtag AS key, {_SUMMED} FROM (
    SELECT l.hashtag_id, u.user_id, sum(u.edits) AS edits, {_FRESH.format("u")} AS changesets
    FROM {_MINE} LEFT JOIN LATERAL (
        SELECT hashtag_id FROM changesets_hashtags AS l WHERE l.changeset_id = u.changeset_id OFFSET 0
    ) AS l ON true GROUP BY 1, 2
) AS parts LEFT JOIN hashtags AS h ON h.id = hashtag_id GROUP BY 1
""",
}
_OF_ALL = f"""
    SELECT owner_id, {_SUMMED} FROM (
        SELECT owner_id, user_id, sum(edits) AS edits, {_FRESH.format("u")} AS changesets
        FROM uploads AS u WHERE owner = '{{}}' AND {_RANGE} GROUP BY 1, 2
    ) AS parts GROUP BY 1
"""
# Of those that rank the other numbers are looked up.
_TRENDING = f"""
SELECT h.hashtag AS key, 0 AS edits, 0 AS changesets, users FROM (
    SELECT owner_id, count(user_id) AS users FROM (
        SELECT DISTINCT owner_id, user_id FROM uploads WHERE owner = 'hashtag' AND {_RANGE}
    ) AS people GROUP BY 1
) AS parts JOIN hashtags AS h ON h.id = owner_id
"""
_OF_WORLD = {
    "hashtags": f"""
SELECT h.hashtag AS key, edits, changesets, users FROM ({_OF_ALL.format("hashtag")}) AS parts
JOIN hashtags AS h ON h.id = owner_id
UNION ALL
SELECT NULL, ({by_days.EDITS})
    - (SELECT coalesce(sum(edits), 0) FROM (SELECT DISTINCT changeset_id, sequence, edits FROM uploads
        WHERE owner = 'hashtag' AND {_RANGE}) AS tagged), 0, 0
""",
    "countries": f"""
SELECT n.code AS key, edits, changesets, users FROM ({_OF_ALL.format("country")}) AS parts
JOIN countries AS n ON n.id = owner_id
""",
}
_NUMBERS = f"""
SELECT h.hashtag, t.* FROM hashtags AS h CROSS JOIN LATERAL (
    SELECT coalesce(sum(u.edits), 0)::bigint, {_FRESH.format("u")}, count(DISTINCT u.user_id) FROM uploads AS u
    WHERE u.owner = 'hashtag' AND u.owner_id = h.id AND {_RANGE}
) AS t WHERE h.hashtag = ANY (%(tags)s)
"""


_OWNERS = {"hashtags": "hashtag", "countries": "country"}


def whose(asking: Asking, subject: Subject, of: str, names: tuple[str, ...]) -> Owned | None:
    """Whose uploads rank so; None: not by this way."""
    if of == "users" or not set(names) <= set(KNOWN) or asking.question.clock != "upload":
        return None
    owned = one_owner.owner_of(asking, subject)
    return None if owned is None or (of == "countries" and owned.owner == "country") else owned


def groups(asking: Asking, owned: Owned, of: str) -> tuple[str, dict[str, Any]]:
    """A SELECT of key and KNOWN, and what it is given. Raises Problem: too slow."""
    begin, end = whole_days.ends(asking.question.window)
    given = {**owned._asdict(), **whole_days.ends_of(whole_days.parts(owned, begin, end))}
    trending = asking.question.kind == "trending"
    if owned.owner == "world" and of in _OF_WORLD:
        owner, most = _OWNERS[of], MOST_TRENDING if trending else MOST_UPLOADS
        _refuse(asking, owner, None, most)
        return _TRENDING if trending else _OF_WORLD[of], given
    _refuse(asking, *owned, MOST_WALKED)
    return _OF_OWNER[of], given


def _refuse(asking: Asking, owner: str, owner_id: int | None, most: int) -> None:
    if uploads_in(asking, owner, owner_id, [whole_days.ends(asking.question.window)], most) > most:
        changes = shorter(asking, owner, owner_id, most)
        raise too_slow(asking, f"{most:,} uploads", "Ask for a shorter window.", changes)


def trends(asking: Asking, subject: Subject) -> bool:
    """Whether what trends is found by uploads."""
    owned = whose(asking, subject, "hashtags", KNOWN)
    return owned is not None and owned.owner == "world"


def numbers(asking: Asking, window: Window, tags: list[str]) -> dict[str, tuple[int, ...]]:
    """What each of these hashtags had in a window: KNOWN, in their order."""
    begin, end = whole_days.ends(window)
    given = {"begin": begin, "end": end, "tags": tags}
    rows = asking.connection.execute(_NUMBERS.encode(), given, prepare=False).fetchall()
    return {tag: tuple(values) for tag, *values in rows}
