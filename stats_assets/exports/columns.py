"""Which columns an export has: those that are asked for, else all counts and measurements. Pure."""

from stats_assets.questions.answer import Given, Kind
from stats_assets.questions.parameters import OF_KIND
from stats_assets.questions.vocabulary import MOST_COLUMNS

FIRST = ("changesets", "edits")
"""What the rows of people begin with, whatever else they have."""
_NOT = {
    "leaderboard": ("users", "days"),
    "newcomers": ("users", "days"),
    "series": ("days",),
    "changesets": ("changesets", "users", "days"),
}
"""Of all there are those that say nothing in such rows, or are rather asked for."""


def asked_of(kind: Kind, given: Given) -> Given:
    """The question behind an export: with all columns where none are asked for."""
    if "columns" not in OF_KIND[kind]:
        return given
    names = _names(given)
    if not names:
        return [*given, ("columns", "all")]
    if kind in ("leaderboard", "newcomers") and names != ["all"]:
        more = [name for name in FIRST if name not in names]
        if len(names) + len(more) <= MOST_COLUMNS:
            return [*given, *(("columns", name) for name in more)]
    return given


def left_out(kind: Kind, given: Given) -> frozenset[str]:
    """Columns of that question's answer that the export leaves out."""
    if _names(given):
        return frozenset()
    kept = {value for name, value in given if name == "metric"}
    if ("of", "users") not in given and any(name == "of" for name, _ in given):
        kept.add("users")
    return frozenset(_NOT.get(kind, ())) - kept


def _names(given: Given) -> list[str]:
    return [part.strip() for name, value in given if name == "columns" for part in value.split(",")]
