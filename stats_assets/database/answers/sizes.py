"""How much an answer would have to read, by a cheap look before: which way is shortest, and what is refused as slow."""

from dataclasses import dataclass, replace
from datetime import datetime

from stats_assets.database.answers.subjects import Subject
from stats_assets.database.connection import Connection
from stats_assets.database.statistics.verification import are_whole
from stats_assets.questions.addresses import address, instead
from stats_assets.questions.problem import Problem
from stats_assets.questions.question import Question
from stats_assets.questions.windows import Window, last_of

MOST = 3_000
"""Uploads, or changesets, of an answer: facts of each are read."""
MOST_UNITED = 50_000
"""Of one about several hashtags, or all that begin alike, of which the server keeps no union."""
STREAMED = 300_000
"""Of an export, whose rows are sent as they are read."""
_SHORTER = ("7d", "24h", "1h", "30min")
_UPLOADS = """
SELECT count(*) FROM (
    SELECT FROM uploads WHERE owner = %(owner)s AND owner_id = ANY (%(ids)s)
        AND sequence >= %(first)s AND sequence <= %(last)s LIMIT %(most)s
) AS counted
"""
TIMED = {
    "user": ("changesets", "user_id", "counted_at"),
    "hashtag": ("changesets_hashtags", "hashtag_id", "tagged_at"),
    "union": ("changesets_unions", "union_id", "united_at"),
    "country": ("changesets_countries", "country_id", "counted_there_at"),
}
"""By the changesets' time: an owner's table, and in it whose each is, and when."""
_CHANGESETS = """
SELECT count(*) FROM (
    SELECT FROM {} WHERE {} = ANY (%(ids)s) AND {time} > coalesce(%(since)s, '-infinity'::timestamptz)
        AND {time} <= coalesce(%(until)s, 'infinity'::timestamptz) LIMIT %(most)s
) AS counted
"""
_WINDOW = """
EXPLAIN (FORMAT JSON) SELECT FROM changesets
WHERE counted_at > coalesce(%(since)s, '-infinity'::timestamptz)
    AND counted_at <= coalesce(%(until)s, 'infinity'::timestamptz)
"""


@dataclass(frozen=True, slots=True)
class Way:
    """By whose lines a subject's are found: an owner's, of which all else is a part; None: all of the window's."""

    owner: str | None
    ids: tuple[int, ...]
    lines: int
    """How many are read; no more than one above what is refused."""


WINDOW = Way(None, (), 0)


def way(connection: Connection, subject: Subject, now: datetime, most: int | None = None) -> Way:
    """The shortest way to a subject's lines. Raises Problem, with a question that is quick, where it is too long.

    most: how many lines may be read; None: as many as are quick.
    """
    most = _most(subject) if most is None else most
    found = shortest(connection, subject, most)
    if found.lines > most:
        quick = (
            text
            for text in _SHORTER
            if shortest(connection, _within(subject, last_of(text, now)), most).lines <= most
        )
        raise _too_slow(subject.question, most, next(quick, _SHORTER[-1]))
    return found


def _most(subject: Subject) -> int:
    question = subject.question
    united = subject.union is None and (
        len(question.hashtags) > 1 or any(tag.wildcard for tag in question.hashtags)
    )
    return MOST_UNITED if united else MOST


def shortest(connection: Connection, subject: Subject, most: int) -> Way:
    """The same, however long it is."""
    by_upload = subject.question.clock == "upload"
    if by_upload and not are_whole(connection):
        return WINDOW
    ways: list[Way] = []
    for owner, ids in subject.owners:
        least = min((one.lines for one in ways), default=most + 1)
        count = (
            uploads(connection, subject, owner, ids, least)
            if by_upload
            else _changesets(connection, subject.question, owner, ids, least)
        )
        ways.append(Way(owner, tuple(ids), count))
    least = min((one.lines for one in ways), default=most + 1)
    inside = (
        uploads(connection, subject, "world", [0], least)
        if by_upload
        else _window(connection, subject.question)
    )
    return min([*ways, Way(None, (), inside)], key=lambda one: one.lines)


def uploads(connection: Connection, subject: Subject, owner: str, ids: list[int], most: int) -> int:
    """How many uploads an owner has in the window, counted no further than to `most`."""
    first, last = subject.question.window.sequences
    row = connection.execute(
        _UPLOADS,
        {
            "owner": owner,
            "ids": ids,
            "first": max(0, first or 0),
            "last": 2**31 - 1 if last is None else max(-1, min(last, 2**31 - 1)),
            "most": most,
        },
    ).fetchone()
    return int(row[0]) if row else 0


def _changesets(connection: Connection, question: Question, owner: str, ids: list[int], most: int) -> int:
    table, whose, time = TIMED[owner]
    window = question.window
    row = connection.execute(
        _CHANGESETS.format(table, whose, time=time).encode(),
        {"ids": ids, "since": window.since, "until": window.until, "most": most},
        prepare=False,
    ).fetchone()
    return int(row[0]) if row else 0


def _window(connection: Connection, question: Question) -> int:
    """How many changesets a window has, as the planner guesses it."""
    row = connection.execute(
        _WINDOW, {"since": question.window.since, "until": question.window.until}
    ).fetchone()
    return int(row[0][0]["Plan"]["Plan Rows"]) if row else 0


def _within(subject: Subject, window: Window) -> Subject:
    return replace(subject, question=replace(subject.question, window=window))


def _too_slow(question: Question, most: int, shorter: str) -> Problem:
    best = instead(question.given, {"from": None, "to": None, "period": None, "last": shorter})
    what = "uploads" if question.clock == "upload" else "changesets"
    return Problem(
        "too-slow",
        "This would take too long",
        f"More than {most:,} {what} would have to be added up one by one. Ask for a shorter window, or for fewer"
        " hashtags; for a union that is asked for often, the server can keep one (UNIONS_FILE).",
        status=422,
        parameter="hashtag"
        if len(question.hashtags) > 1 or any(tag.wildcard for tag in question.hashtags)
        else "from",
        attempt=address(question.kind, best),
    )
