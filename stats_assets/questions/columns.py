"""Which columns an answer has, and by which one it is ranked."""

from typing import NoReturn

from stats_assets.questions.parameters import OF_KIND
from stats_assets.questions.values import Values
from stats_assets.questions.vocabulary import MOST_COLUMNS, PLAIN

_FIRST = {
    "series": ("edits", "changesets", "users"),
    "newcomers": ("edits", "changesets"),
    "changesets": ("edits",),
}


def metric(values: Values) -> str:
    """The column that an answer is ranked by. Raises Problem."""
    metric = values.one("metric") or "edits"
    if metric not in values.vocabulary.columns:
        _no_column(values, "metric", metric)
    return metric


def columns(values: Values, metric: str) -> tuple[str, ...]:
    """Those asked for, or the usual ones. Raises Problem."""
    if "columns" not in OF_KIND[values.kind]:
        return ()
    names = [part.strip() for value in values.all.get("columns", []) for part in value.split(",")]
    ranked = (metric,) if "metric" in OF_KIND[values.kind] else ()
    if names == ["all"]:
        return values.vocabulary.columns
    for name in names:
        if name not in values.vocabulary.columns:
            _no_column(values, "columns", name)
    found = tuple(dict.fromkeys(names))
    if len(found) > MOST_COLUMNS:
        values.refuse(
            "columns",
            "too-many",
            "Too many columns",
            f"{len(found)} columns: {MOST_COLUMNS} are the most.",
            values.having("columns", ",".join(found[:MOST_COLUMNS])),
        )
    if found:
        return tuple(dict.fromkeys((*ranked, *found))) if ranked and metric not in found else found
    return values.vocabulary.usual(
        dict.fromkeys((*ranked, *_FIRST.get(values.kind, ("edits", "changesets"))))
    )


def _no_column(values: Values, name: str, value: str) -> NoReturn:
    values.refuse(
        name,
        "bad-value",
        "A column that is not known",
        f"{value[:60]!r} is no column: {', '.join(PLAIN)}, counts such as buildings_added, measurements such as"
        " road_km_added; /api/v1/definitions lists them.",
        values.having(name, "edits"),
    )
