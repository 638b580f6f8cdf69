"""How much an answer would have to read, by a cheap look before: which way is shorter, and what is refused as slow."""

from dataclasses import dataclass

from stats_assets.database.answers.subjects import Subject
from stats_assets.database.connection import Connection
from stats_assets.questions.addresses import address, instead
from stats_assets.questions.answer import Given
from stats_assets.questions.problem import Problem
from stats_assets.questions.question import Question

MOST_OF_MANY = 50_000
"""Changesets of a union of hashtags."""
MOST = 300_000
"""Lines of all else."""
_OF_OWNERS = (
    "SELECT coalesce(sum(changesets), 0)::bigint FROM aggregates_ranked"
    " WHERE owner = %s AND owner_id = ANY (%s) AND member_id = 0"
)


@dataclass(frozen=True, slots=True)
class Size:
    """`by_changesets`: whether the subject's changesets are the shorter way; `lines`: how many are read about."""

    by_changesets: bool
    lines: int


def size(connection: Connection, subject: Subject) -> Size:
    """How large a subject's lines are, about. Raises Problem where they are too many to be quick."""
    owned = [
        _owned(connection, owner, ids)
        for owner, ids in (
            ("hashtag", subject.hashtags),
            ("user", subject.users),
            ("country", subject.country and [subject.country[0]]),
            *(("hashtag", [tag]) for tag in subject.also or ()),
        )
        if ids is not None
    ]
    changesets = min(owned) if owned else None
    inside = _window(connection, subject.question)
    found = Size(False, inside)
    if changesets is not None and (changesets * 3 <= inside or changesets < 1_000):
        found = Size(True, changesets)
    many = subject.hashtags is not None and (
        len(subject.hashtags) > 1 or any(tag.wildcard for tag in subject.question.hashtags)
    )
    most = MOST_OF_MANY if many else MOST
    if found.lines > most:
        raise _too_slow(subject.question, found, most, many)
    return found


def _owned(connection: Connection, owner: str, ids: list[int]) -> int:
    row = connection.execute(_OF_OWNERS, (owner, ids)).fetchone()
    return int(row[0]) if row else 0


def _window(connection: Connection, question: Question) -> int:
    """How many lines a window has, as the planner guesses it."""
    first, last = question.window.sequences
    if question.clock == "upload":
        query = "SELECT FROM changeset_edits WHERE sequence BETWEEN %(first)s AND %(last)s"
    else:
        query = (
            "SELECT FROM changesets WHERE counted_at > coalesce(%(since)s, '-infinity'::timestamptz)"
            " AND counted_at <= coalesce(%(until)s, 'infinity'::timestamptz)"
        )
    given = {
        "first": first if first is not None else -1,
        "last": last if last is not None else 2**62,
        "since": question.window.since,
        "until": question.window.until,
    }
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {query}".encode(), given).fetchone()
    return int(row[0][0]["Plan"]["Plan Rows"]) if row else 0


def _too_slow(question: Question, found: Size, most: int, many: bool) -> Problem:
    given: Given = question.given
    if many and question.window.until is not None and any(tag.wildcard for tag in question.hashtags):
        best = instead(given, {"hashtag": [question.hashtags[0].text]})
    else:
        best = instead(given, {"from": None, "to": None, "period": None, "last": "24h"})
    what = "changesets" if found.by_changesets else "uploads"
    return Problem(
        "too-slow",
        "This would take too long",
        f"About {found.lines:,} {what} would have to be added up, and {most:,} are the most. Ask for a shorter window,"
        " or for fewer hashtags; for a union that is asked for often, the server can keep one (UNIONS_FILE).",
        status=422,
        parameter="hashtag" if many else "from",
        attempt=address(question.kind, best),
    )
