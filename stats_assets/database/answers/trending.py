"""The kind `trending`: the hashtags with most people in a window, and how many had been there in the one before."""

from dataclasses import replace
from typing import Any

from stats_assets.database.answers import by_keys
from stats_assets.database.answers.about import about
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.groups import ranked
from stats_assets.database.answers.lines import lines
from stats_assets.database.answers.sums import number
from stats_assets.questions.answer import Value
from stats_assets.questions.windows import Window

_BEFORE = """
SELECT h.hashtag, count(DISTINCT user_id) FROM ({lines}) AS lines
JOIN changesets_hashtags AS l USING (changeset_id) JOIN hashtags AS h ON h.id = l.hashtag_id
WHERE h.hashtag = ANY (%(tags)s) GROUP BY 1
"""


def answer(asking: Asking) -> dict[str, Value]:
    """`rows`: by people, never by edits; `users_before`: those of as long a time before, null where none is known."""
    found = ranked(asking, asking.subjects[0], "hashtags", ("users", "edits", "changesets"), "users")
    tags = [row["key"] for row in found.rows]
    if by_keys.trends(asking, asking.subjects[0]):
        now = by_keys.numbers(asking, asking.question.window, tags)
        for row in found.rows:
            row |= dict(zip(by_keys.KNOWN, now[row["key"]], strict=True))
    before = _before(asking, tags)
    return {
        "about": about(asking),
        "total_rows": found.total_rows,
        "rows": [
            {
                "rank": row["rank"],
                "tied": row["tied"],
                "hashtag": row["key"],
                "users": row["users"],
                "users_before": None if before is None else before.get(row["key"], 0),
                "edits": number(row["edits"]),
                "changesets": row["changesets"],
            }
            for row in found.rows
        ],
    }


def _before(asking: Asking, tags: list[Any]) -> dict[str, int] | None:
    since, until, begins = *_ends(asking.question.window), asking.standing.begins
    if since is None or until is None or begins is None or since - (until - since) < begins:
        return None
    subject, window = asking.subjects[0], Window(since - (until - since), since)
    if by_keys.trends(asking, subject):
        return {tag: known[-1] for tag, known in by_keys.numbers(asking, window, tags).items()}
    before = lines(replace(subject, question=replace(subject.question, window=window)), asking.vocabulary)
    return dict(
        asking.connection.execute(
            _BEFORE.format(lines=before.sql).encode(), {**before.given, "tags": tags}
        ).fetchall()
    )


def _ends(window: Window) -> tuple[Any, Any]:
    return window.since, window.until
