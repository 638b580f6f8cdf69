"""The whole state of a running window: what the live page is sent each time."""

from dataclasses import replace
from typing import Any

from stats_assets.database.answers import by_days
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.groups import ranked
from stats_assets.database.answers.labels import names_of
from stats_assets.database.answers.newcomers import is_new
from stats_assets.database.answers.news import news
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.sums import number, total
from stats_assets.questions.answer import Value
from stats_assets.questions.windows import in_utc, to_the_second

SHOWN = ("buildings_added", "road_km_added")


def answer(asking: Asking) -> dict[str, Value]:
    """With hashtags, `user` names the people in the room: who of them uploads without a hashtag is told, too."""
    question, subject = asking.question, asking.subjects[0]
    room = subject.users if question.hashtags else None
    board = replace(subject, users=None) if room is not None else subject
    found = ranked(asking, board, "users", question.columns, question.metric)  # first what may be refused
    sums = by_days.total(asking, board) or total(asking.connection, asking.lines(board), board.hidden)
    users = [row["key"] for row in found.rows]
    names, fresh = names_of(asking, users), is_new(asking, board, users)
    until, now = question.window.until, asking.standing.as_of
    numbers = {**sums.counts, **sums.measurements}
    return {
        "as_of": to_the_second(now),
        "complete_to": None if asking.complete_to is None else in_utc(asking.complete_to),
        "left_seconds": None if until is None else max(0, int((until - now).total_seconds())),
        "totals": {
            "edits": number(sums.edits),
            "changesets": sums.changesets,
            "users": sums.users,
            **{name: number(numbers.get(name, 0)) for name in SHOWN if name in asking.vocabulary.columns},
        },
        "rows": [
            {
                "rank": row["rank"],
                "tied": row["tied"],
                "user_id": row["key"],
                "name": names.get(row["key"]),
                **{name: number(row[name]) for name in question.columns},
                "new_here": row["key"] in fresh,
            }
            for row in found.rows
        ],
        "without_hashtag": None if room is None else _without(asking, subject),
        "news": news(asking, subject),
    }


def _without(asking: Asking, subject: Subject) -> dict[str, Value]:
    """What the room's people upload in changesets that carry none of the hashtags."""
    plain = replace(subject.question, hashtags=(), also=())
    lines = asking.lines(replace(subject, question=plain, hashtags=None, union=None, also=None))
    given: dict[str, Any] = {**lines.given, "tags": subject.hashtags, "kept": subject.union}
    row = asking.connection.execute(
        f"SELECT count(DISTINCT user_id), coalesce(sum(edits), 0) FROM ({lines.sql}) AS lines"  # noqa: S608
        " WHERE NOT EXISTS (SELECT FROM changesets_hashtags AS l WHERE l.changeset_id = lines.changeset_id"
        " AND l.hashtag_id = ANY (coalesce(%(tags)s, (SELECT array_agg(hashtag_id) FROM unions_hashtags"
        " WHERE union_id = %(kept)s))))".encode(),
        given,
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always answers
    return {"users": row[0], "edits": number(row[1])}
