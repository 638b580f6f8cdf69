"""Addresses of questions: what `try`, `next` and `coverage` say."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from stats_assets.questions.answer import Given

API = "/api/v1"


def query_of(given: Given) -> str:
    """As it stands behind the `?`; colons, commas and `*` stay readable."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe=':,*')}" for name, value in given)


def address(kind: str, given: Given) -> str:
    """The address of a question."""
    query = query_of(given)
    return f"{API}/{kind}" + (f"?{query}" if query else "")


def instead(
    given: Given, changes: Mapping[str, Iterable[str] | str | None] | None = None, **more: str | None
) -> Given:
    """The parameters with others: each value of a name, or None to leave it out. What was there keeps its place."""
    wanted: dict[str, Iterable[str] | str | None] = {**(changes or {}), **more}
    found: list[tuple[str, str]] = []
    for name, value in given:
        if name not in wanted:
            found.append((name, value))
        elif name in wanted and not any(had == name for had, _ in found):
            found += _each(name, wanted[name])
    there = {name for name, _ in given}
    for name, values in wanted.items():
        if name not in there:
            found += _each(name, values)
    return found


def _each(name: str, values: Iterable[str] | str | None) -> list[tuple[str, str]]:
    if values is None:
        return []
    return [(name, value) for value in ([values] if isinstance(values, str) else values)]
