"""Whom and what a question is about, as the database knows them: ids of hashtags, users and countries."""

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from stats_assets.database.answers.people import hidden
from stats_assets.database.connection import Connection
from stats_assets.questions.addresses import address, instead
from stats_assets.questions.problem import Problem
from stats_assets.questions.question import Question, Tag

UNKNOWN_USER = "There is no user of this id or name here, or they are not shown."


@dataclass(frozen=True, slots=True)
class Subject:
    """What counts: None: whatever it is; an empty list: nothing does."""

    question: Question
    hashtags: list[int] | None = None
    union: int | None = None
    """A virtual hashtag that the server keeps, in place of the hashtags it stands for."""
    also: list[int] | None = None
    users: list[int] | None = None
    country: tuple[int, str] | None = None
    hidden: tuple[int, ...] = ()

    @property
    def owners(self) -> list[tuple[str, list[int]]]:
        """Those of the roll-ups' owners whose uploads hold all of its lines."""
        found = [
            ("union", None if self.union is None else [self.union]),
            ("hashtag", self.hashtags),
            ("user", self.users),
            ("country", None if self.country is None else [self.country[0]]),
            *(("hashtag", [tag]) for tag in self.also or ()),
        ]
        return [(owner, ids) for owner, ids in found if ids is not None]

    @property
    def one_owner(self) -> tuple[str, int] | None:
        """The one owner that it is, whole; None: it is a part of one, or of several."""
        if self.question.editors or self.question.restricted or self.also == [] or len(self.owners) > 1:
            return None
        owner, ids = self.owners[0] if self.owners else ("world", [0])
        return (owner, ids[0]) if len(ids) == 1 else None


def subjects(connection: Connection, question: Question) -> list[Subject]:
    """One for each that is answered by itself; a single one unless they are apart. Raises Problem."""
    not_shown = tuple(hidden(connection))
    users = _users(connection, question, not_shown)
    countries = [country_of(connection, question, text) for text in question.countries]
    also = [_ids(connection, (tag,)) for tag in question.also]
    base = Subject(
        question,
        also=None if not also else [] if not all(also) else [ids[0] for ids in also],
        users=list(dict.fromkeys(users)) if question.users else None,
        hidden=not_shown,
    )
    if question.combine == "together":
        return [
            replace(
                base,
                **_tagged(connection, question.hashtags),
                country=countries[0] if countries else None,
            )
        ]
    by_user = users if not question.hashtags and not question.countries else []
    return [
        replace(
            base,
            question=replace(
                question,
                hashtags=(tag,) if tag else (),
                countries=(place[1],) if place else (),
                users=question.users if user is None else (str(user),),
            ),
            **_tagged(connection, () if tag is None else (tag,)),
            country=place,
            users=base.users if user is None else [user],
        )
        for tag, place, user in product(
            question.hashtags or (None,), countries or (None,), by_user or (None,)
        )
    ]


def _tagged(connection: Connection, tags: tuple[Tag, ...]) -> dict[str, Any]:
    """By which hashtags: a union of the file, by its name or by its very patterns, is one owner once it is whole."""
    if not tags:
        return {}
    names = sorted({str(tag) for tag in tags})
    row = connection.execute(
        "SELECT id FROM unions WHERE (name = %(name)s"
        " OR (SELECT array_agg(p ORDER BY p) FROM unnest(patterns) AS p) = %(names)s)"
        " AND NOT EXISTS (SELECT FROM statistics_queue AS q WHERE q.id <= whole_from)"
        " ORDER BY name = %(name)s DESC, id LIMIT 1",
        {"name": names[0] if len(names) == 1 else None, "names": names},
    ).fetchone()
    if row is not None:
        return {"union": int(row[0])}
    return {"hashtags": _ids(connection, tags)}


def _users(connection: Connection, question: Question, not_shown: tuple[int, ...]) -> list[int]:
    """Of a live page's room those who have edited: others may be about to."""
    found = []
    for text in question.users:
        try:
            found.append(user_of(connection, question, text, not_shown))
        except Problem:
            if question.kind != "live" or not question.hashtags:
                raise
    return found


def _ids(connection: Connection, tags: tuple[Tag, ...]) -> list[int]:
    whole = [tag.text for tag in tags if not tag.wildcard]
    begins = [tag.text for tag in tags if tag.wildcard]
    return [
        row[0]
        for row in connection.execute(
            """
            SELECT id FROM hashtags WHERE hashtag = ANY (%(whole)s)
            UNION
            SELECT h.id FROM unnest(%(begins)s::text[], %(ends)s::text[]) AS w (begin, "end")
            JOIN hashtags AS h ON h.hashtag >= w.begin COLLATE "C" AND h.hashtag < w."end" COLLATE "C"
            UNION
            SELECT l.hashtag_id FROM unions AS u JOIN unions_hashtags AS l ON l.union_id = u.id
            WHERE u.name = ANY (%(names)s)
            """,
            {
                "names": [str(tag) for tag in tags],
                "whole": whole,
                "begins": begins,
                "ends": [after_all(text) for text in begins],
            },
        ).fetchall()
    ]


def after_all(begin: str) -> str:
    """The least text that is above all which begin so, by their bytes."""
    return begin + "\U0010ffff"


def user_of(
    connection: Connection, question: Question, text: str, not_shown: tuple[int, ...], *, by_id: bool = False
) -> int:
    """A user by id or name (by_id: by that alone); of several of one name the one who edited last.

    Raises Problem, the same for who is unknown and who is not shown.
    """
    row = None
    if text.isascii() and text.isdigit() and len(text) < 19:
        row = connection.execute("SELECT id FROM users WHERE id = %s", (int(text),)).fetchone()
    if row is None and not by_id:
        row = connection.execute(
            "SELECT u.id FROM users AS u LEFT JOIN aggregates_ranked AS r"
            " ON r.owner = 'user' AND r.owner_id = u.id AND r.member_id = 0"
            " WHERE u.name = %s AND NOT u.id = ANY (%s) ORDER BY r.last_edit DESC NULLS LAST, u.id DESC LIMIT 1",
            (text, list(not_shown)),
        ).fetchone()
    if row is None or row[0] in not_shown:
        raise Problem(
            "unknown-user",
            "No such user",
            UNKNOWN_USER,
            status=404,
            parameter="uid" if by_id else "user",
            attempt=address("search", [("q", text[:100])]),
        )
    return int(row[0])


def country_of(connection: Connection, question: Question, text: str) -> tuple[int, str]:
    """A country's id and code, by its code or an alias of it, whatever the letters. Raises Problem: unknown."""
    row = connection.execute(
        "SELECT c.id, c.code FROM countries AS c LEFT JOIN country_aliases AS a USING (code)"
        " WHERE %(text)s IN (c.code, a.alias) OR upper(%(text)s) IN (c.code, a.alias) LIMIT 1",
        {"text": text},
    ).fetchone()
    if row is None:
        raise Problem(
            "unknown-country",
            "No such country",
            f"{text[:60]!r} is no code of a country or region here; codes are ISO 3166's of three letters.",
            status=404,
            parameter="country",
            attempt=address(question.kind, instead(question.given, {"country": None})),
        )
    return int(row[0]), str(row[1])
