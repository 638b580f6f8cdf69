"""What trends in the world by upload: the hashtags of the window's days, each with its own uploads' index.

Not here: ranks of hashtags within an owner, and edits without any, which are added up from lines (groups.py).
"""
# ruff: noqa: S608 - SQL is made of constants

from typing import Any

from stats_assets.database.answers import by_days
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.by_days import DAY, Owned
from stats_assets.database.answers.limits import shorter, too_slow, uploads_in
from stats_assets.database.answers.subjects import Subject
from stats_assets.questions.windows import Window

KNOWN = ("users", "edits", "changesets")
MOST_UPLOADS = 80_000
"""A day of the planet's is less."""
_UPLOADS = """uploads AS u WHERE u.owner = 'hashtag' AND u.owner_id = {tag}
        AND u.sequence >= %(begin)s AND u.sequence < %(end)s"""
_GROUPS = f"""
SELECT h.hashtag AS key, sum(t.users)::bigint AS users, sum(t.edits) AS edits, sum(t.changesets)::bigint AS changesets
FROM (
    SELECT DISTINCT owner_id FROM upload_sums
    WHERE minutes = 1440 AND begins >= step_of(%(d0)s, 1440) AND begins < step_of(%(d1)s, 1440) AND owner = 'hashtag'
) AS o JOIN hashtags AS h ON h.id = o.owner_id CROSS JOIN LATERAL (
    SELECT sum(u.edits) AS edits, count(DISTINCT u.user_id) AS users,
        count(*) FILTER (WHERE u.before IS NULL OR u.before < %(begin)s) AS changesets
    FROM {_UPLOADS.format(tag="o.owner_id")} HAVING count(*) > 0
) AS t
"""
_USERS = f"""
SELECT h.hashtag, t.users FROM hashtags AS h CROSS JOIN LATERAL (
    SELECT count(DISTINCT u.user_id) AS users FROM {_UPLOADS.format(tag="h.id")}
) AS t WHERE h.hashtag = ANY (%(tags)s)
"""


def whose(asking: Asking, subject: Subject) -> Owned | None:
    """The world, whose hashtags can be ranked so; None: it is another's, or by the changesets' time."""
    owned = by_days.owner_of(asking, subject) if asking.question.clock == "upload" else None
    # What is queued may bring hashtags, of which only the lines know as yet.
    return None if owned is None or owned.owner != "world" or asking.standing.queued else owned


def groups(asking: Asking, owned: Owned) -> tuple[str, dict[str, Any]]:
    """A SELECT of key and KNOWN, but for its GROUP BY, and what it is given. Raises Problem."""
    begin, end = by_days.ends(asking.question.window)
    if uploads_in(asking, *owned, [(begin, end)], MOST_UPLOADS) > MOST_UPLOADS:
        changes = shorter(asking, *owned, MOST_UPLOADS)
        raise too_slow(asking, f"{MOST_UPLOADS:,} uploads", "Ask for a shorter window.", changes)
    return _GROUPS, {"begin": begin, "end": end, "d0": by_days.down(begin, DAY), "d1": by_days.up(end, DAY)}


def users(asking: Asking, window: Window, tags: list[str]) -> dict[str, int]:
    """How many users each of these hashtags had in a window."""
    begin, end = by_days.ends(window)
    given = {"begin": begin, "end": end, "tags": tags}
    return dict(asking.connection.execute(_USERS.encode(), given, prepare=False).fetchall())
