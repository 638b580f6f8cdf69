"""An answer as one flat table: its columns in a fixed order, and its rows.

The columns are a promise (docs/exports.md): who reads a file by their names finds them next year. What is in a cell
is cells.py's, how it is written each form's.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stats_assets.exports.columns import FIRST
from stats_assets.questions.answer import Answer, Value

Content = Mapping[str, Any]
Row = Mapping[str, Value]
CHANGESET = (
    *("changeset_id", "user_id", "name", "last", "created_at", "closed_at"),
    *("open", "editor", "comment", "hashtags"),
)
_WHOSE = {"users": ("user_id", "name"), "countries": ("country", "name")}
_SUBJECT = ("hashtag", "country", "user")


@dataclass(frozen=True)
class Table:
    """A flat table."""

    columns: tuple[str, ...]
    rows: Iterable[Row]
    """Gone through once; what a row has not is empty."""
    about: Content | None = None
    """The answer's, where it has one."""


def table_of(answer: Answer, left_out: Collection[str] = ()) -> Table:
    """The table of an answer of any kind."""
    columns, rows = _KINDS[answer.kind](answer.content)
    return Table(tuple(name for name in columns if name not in left_out), rows, answer.content.get("about"))  # type: ignore[arg-type]


def stream_of(
    about: Content, columns: Iterable[str], rows: Iterable[Row], left_out: Collection[str] = ()
) -> Table:
    """The table of changesets that are read one after the other."""
    names = (*CHANGESET, *numbers_in_order(columns))
    return Table(tuple(name for name in names if name not in left_out), rows, about)


def numbers_in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Changesets and edits first, people and days next, then counts and measurements as they stand."""
    known = tuple(names)
    first = [name for name in (*FIRST, "users", "days") if name in known]
    return tuple(dict.fromkeys((*first, *known)))


def _query(content: Content) -> Content:
    found: Content = content["about"]["query"]
    return found


def _apart(
    content: Content, plain: Callable[[Content], list[Row]], own: Sequence[str]
) -> tuple[list[str], list[Row]]:
    """The rows of each subject, and the columns that say whose they are."""
    if "apart" not in content:
        return [], plain(content)
    names = [name for name in _SUBJECT if any(name in one for one in content["apart"])]
    called = {name: f"of_{name}" if name in own else name for name in names}
    return list(called.values()), [
        {**{called[name]: one.get(name) for name in names}, **row}
        for one in content["apart"]
        for row in plain(one)
    ]


def _totals(content: Content) -> tuple[Sequence[str], list[Row]]:
    query = _query(content)

    def rows(one: Content) -> list[Row]:
        totals = one["totals"]
        flat = {key: value for key, value in totals.items() if key not in ("counts", "measurements")}
        ends = {"from": query["from"], "to": query["to"]}
        return [{**ends, **flat, **totals["counts"], **totals["measurements"]}]

    whose, found = _apart(content, rows, ())
    names = [name for name in dict.fromkeys(key for row in found for key in row) if name not in whose]
    plain = [name for name in names if name not in ("from", "to")]
    return [*whose, "from", "to", *numbers_in_order(plain)], found


def _series(content: Content) -> tuple[Sequence[str], list[Row]]:
    whose, found = _apart(content, lambda one: list(one["series"]), ())
    return [*whose, "from", "to", "missing_minutes", "running", *numbers_in_order(_columns(content))], found


def _leaderboard(content: Content) -> tuple[Sequence[str], list[Row]]:
    of = str(_query(content)["of"])
    own = _WHOSE.get(of, (of[:-1],))
    whose, found = _apart(content, lambda one: list(one["rows"]), own)
    return [*whose, "rank", *own, *numbers_in_order(_columns(content))], found


def _columns(content: Content) -> Sequence[str]:
    found: Sequence[str] = _query(content)["columns"]
    return found


def _listed(*first: str) -> Callable[[Content], tuple[Sequence[str], list[Row]]]:
    def table(content: Content) -> tuple[Sequence[str], list[Row]]:
        return [*first, *numbers_in_order(_columns(content))], list(content["rows"])

    return table


def _trending(content: Content) -> tuple[Sequence[str], list[Row]]:
    return ("rank", "hashtag", "changesets", "edits", "users", "users_before"), list(content["rows"])


def _search(content: Content) -> tuple[Sequence[str], list[Row]]:
    return ("type", "key", "label", "match", "changesets", "last", "page"), list(content["results"])


def _coverage(content: Content) -> tuple[Sequence[str], list[Row]]:
    found: list[Row] = [
        {"what": what, **stretch}
        for what in ("missing", "flagged", "older_definitions")
        for stretch in content["window"][what]
    ]
    return ("from", "to", "what", "why", "next_try", "detail", "definitions"), found


def _definitions(content: Content) -> tuple[Sequence[str], list[Row]]:
    return ("name", "unit", "what"), list(content["columns"])


def _badges(content: Content) -> tuple[Sequence[str], list[Row]]:
    whose = {"user_id": content["user_id"], "name": content["name"]}
    found: list[Row] = [
        {**whose, **{("badge" if key == "name" else key): value for key, value in one.items()}}
        for one in content["badges"]
    ]
    return tuple(dict.fromkeys(("user_id", "name", "badge", *(key for row in found for key in row)))), found


_KINDS: dict[str, Callable[[Content], tuple[Sequence[str], list[Row]]]] = {
    "totals": _totals,
    "series": _series,
    "leaderboard": _leaderboard,
    "changesets": _listed(*CHANGESET),
    "newcomers": _listed("user_id", "name", "first"),
    "search": _search,
    "trending": _trending,
    "coverage": _coverage,
    "definitions": _definitions,
    "badges": _badges,
}
