"""The kind `search`: hashtags, users and countries by their beginning, or by nearly their letters.

Without an extension, which no reader may install: of a word with two wrong letters one of three parts is right.
"""

from collections.abc import Callable
from typing import Any

from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.subjects import after_all
from stats_assets.osm.hashtags import hashtags_in_comment
from stats_assets.questions.answer import Value
from stats_assets.questions.likeness import distance, forgiven, parts
from stats_assets.questions.windows import in_utc

_CANDIDATES = 2_000
_ORDER = ("exact", "prefix", "similar")
Row = tuple[Any, ...]

# Who is hidden takes no place in a list, and is found as little as who is not there.
_OF_HASHTAGS = """
SELECT h.hashtag, h.hashtag, coalesce(r.changesets, 0), r.last_edit FROM hashtags AS h
LEFT JOIN aggregates_ranked AS r ON r.owner = 'hashtag' AND r.owner_id = h.id AND r.member_id = 0 WHERE true
"""
_OF_USERS = """
SELECT u.id, u.name, coalesce(r.changesets, 0), r.last_edit FROM users AS u
LEFT JOIN aggregates_ranked AS r ON r.owner = 'user' AND r.owner_id = u.id AND r.member_id = 0
WHERE NOT EXISTS (SELECT FROM hidden_people AS p WHERE p.user_id = u.id)
"""
_OF_COUNTRIES = """
SELECT c.code, c.name, coalesce(r.changesets, 0), r.last_edit FROM countries AS c
LEFT JOIN aggregates_ranked AS r ON r.owner = 'country' AND r.owner_id = c.id AND r.member_id = 0
"""
_MOST_USED = " ORDER BY coalesce(r.changesets, 0) DESC LIMIT %(most)s"


def answer(asking: Asking) -> dict[str, Value]:
    """`results`: exact ones first, then those that begin so, then similar ones; of each the most used first."""
    question = asking.question
    q = question.q
    found = [*_hashtags(asking, q), *_users(asking, q), *_countries(asking, q)]
    found.sort(key=lambda one: (_ORDER.index(str(one["match"])), -_int(one["changesets"]), str(one["label"])))
    shown = found[: question.limit]
    return {"query": {"q": q, "limit": question.limit}, "results": shown, "next": None}


def _int(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _result(kind: str, key: Value, label: str, match: str, row: Row, page: str) -> dict[str, Value]:
    last = row[3]
    return {
        "type": kind,
        "key": key,
        "label": label,
        "match": match,
        "changesets": int(row[2]),
        "last": None if last is None else in_utc(last),
        "page": page,
    }


def _hashtags(asking: Asking, q: str) -> list[dict[str, Value]]:
    words = hashtags_in_comment("#" + q.removeprefix("#").replace(" ", ""))
    if not words:
        return []
    word = words[0]
    rows = _begin(asking, _OF_HASHTAGS, "h.hashtag", word)
    if len(rows) < asking.question.limit:
        rows += _similar(asking, _OF_HASHTAGS, "h.hashtag", word, {row[0] for row in rows})
    return [
        _result("hashtag", row[0], f"#{row[0]}", _match(word, row[1], str), row, f"/h/{row[0]}")
        for row in rows
    ]


def _users(asking: Asking, q: str) -> list[dict[str, Value]]:
    if not asking.question.names:
        return []
    rows: list[Row] = []
    if q.isascii() and q.isdigit() and len(q) < 19:
        rows += asking.connection.execute(f"{_OF_USERS} AND u.id = %s".encode(), (int(q),)).fetchall()
    word = q.lower()
    found = asking.connection.execute(
        f"{_OF_USERS} AND lower(u.name) LIKE %(begin)s{_MOST_USED}".encode(),
        {"begin": _like(word) + "%", "most": asking.question.limit},
        prepare=False,  # planned for this beginning, the index is used
    ).fetchall()
    if not found and not rows:
        found = _similar(asking, _OF_USERS, "lower(u.name)", word, set())
    known: dict[int, Row] = {row[0]: row for row in (*rows, *found)}
    return [
        _result(
            "user",
            row[0],
            row[1] or f"user {row[0]}",
            "exact" if str(row[0]) == q else _match(word, row[1] or "", str.lower),
            row,
            f"/uid/{row[0]}",
        )
        for row in known.values()
    ]


def _countries(asking: Asking, q: str) -> list[dict[str, Value]]:
    word = q.lower()
    rows = asking.connection.execute(
        f"{_OF_COUNTRIES} WHERE lower(c.code) = %(word)s OR lower(c.name) LIKE %(begin)s"
        f" OR lower(c.name) LIKE %(inner)s{_MOST_USED}".encode(),
        {
            "word": word,
            "begin": _like(word) + "%",
            "inner": "% " + _like(word) + "%",
            "most": asking.question.limit,
        },
    ).fetchall()
    return [
        _result(
            "country",
            row[0],
            row[1] or row[0],
            "exact" if word in (row[0].lower(), (row[1] or "").lower()) else "prefix",
            row,
            f"/c/{row[0]}",
        )
        for row in rows
    ]


def _begin(asking: Asking, query: str, column: str, word: str) -> list[Row]:
    return asking.connection.execute(
        f"{query} AND {column} >= %(begin)s AND {column} < %(end)s"
        f" ORDER BY {column} = %(begin)s DESC, coalesce(r.changesets, 0) DESC LIMIT %(most)s".encode(),
        {"begin": word, "end": after_all(word), "most": asking.question.limit},
    ).fetchall()


def _similar(asking: Asking, query: str, column: str, word: str, known: set[Any]) -> list[Row]:
    wrong = forgiven(word)
    if not wrong:
        return []
    rows = asking.connection.execute(
        f"{query} AND {column} LIKE ANY (%(parts)s) AND char_length({column}) BETWEEN %(least)s AND %(longest)s"
        f"{_MOST_USED}".encode(),
        {
            "parts": [f"%{_like(part)}%" for part in parts(word, wrong + 1)],
            "least": len(word) - wrong,
            "longest": len(word) + wrong,
            "most": _CANDIDATES,
        },
    ).fetchall()
    near = [(distance(word, row[1].lower(), wrong), row) for row in rows if row[0] not in known]
    kept = sorted(((far, -row[2], row) for far, row in near if far is not None), key=lambda one: one[:2])
    return [row for _, _, row in kept[: asking.question.limit]]


def _match(word: str, text: str, plain: Callable[[str], str]) -> str:
    text = plain(text)
    return "exact" if text == word else "prefix" if text.startswith(word) else "similar"


def _like(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
