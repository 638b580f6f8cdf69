"""The kind `series`: a window in steps of a zone's clock or calendar."""
# ruff: noqa: S608 - SQL is made of constants

from datetime import datetime
from itertools import pairwise
from typing import Any

from stats_assets.database.answers import by_steps, one_owner
from stats_assets.database.answers.about import about
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.groups import days_of
from stats_assets.database.answers.labels import side_by_side
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.sums import column_sql, number
from stats_assets.questions import steps
from stats_assets.questions.addresses import address, instead
from stats_assets.questions.answer import Value
from stats_assets.questions.problem import Problem
from stats_assets.questions.windows import Window, floor, in_zone


def answer(asking: Asking) -> dict[str, Value]:
    """`series`, or `apart`: a list of each subject and its series, all of the same steps. Raises Problem."""
    by, edges = steps_of(asking)
    told = about(asking)
    query = told["query"]
    assert isinstance(query, dict)  # noqa: S101 - as it was made
    query["by"] = by
    found = side_by_side(asking, lambda one: {"series": _rows(asking, one, edges)})
    return {"about": told, "adds_up": {name: _adds_up(asking, name) for name in _columns(asking)}, **found}


def steps_of(asking: Asking) -> tuple[str, list[datetime]]:
    """How long the steps are, where each begins, and where the last ends. Raises Problem: too many."""
    since, until = _ends(asking)
    by = asking.question.by or (steps.usual(since, until) if since and until else "day")
    if not since or not until or since >= until:
        return by, []
    try:
        return by, steps.edges(since, until, by, asking.question.zone)
    except steps.TooManySteps as error:
        raise _too_many(asking, by, error.better) from None


def _columns(asking: Asking) -> tuple[str, ...]:
    return asking.question.columns


def _adds_up(asking: Asking, name: str) -> bool:
    """Whether the steps' numbers make the window's. By the changesets' clock a changeset is in one step."""
    if name == "changesets":
        return asking.question.clock == "changeset"
    return name not in ("users", "days")


def _ends(asking: Asking) -> tuple[datetime | None, datetime | None]:
    """The window's, or those of what there is; without both there is nothing."""
    window = asking.question.window
    since, until = window.since, window.until or asking.end
    if since is None:
        firsts = [moment for one in asking.subjects if (moment := first(asking, one)) is not None]
        since = floor(min(firsts)) if firsts else None
    return since, until


def first(asking: Asking, subject: Subject) -> datetime | None:
    """When the first minute begins in which a subject has anything."""
    owned = one_owner.owner_of(asking, subject)
    if owned is not None and asking.question.clock == "upload":
        return by_steps.first_moment(asking, owned)
    lines = asking.lines(subject)
    row = asking.connection.execute(
        f"SELECT min(moment) FROM ({lines.sql}) AS lines".encode(), lines.given
    ).fetchone()
    return None if row is None else row[0]


def _rows(asking: Asking, subject: Subject, edges: list[datetime]) -> list[dict[str, Value]]:
    if not edges:
        return []
    names, zone = _columns(asking), asking.question.zone
    found = by_steps.sums(asking, subject, edges, names)
    if found is None:
        found = sums(asking, subject, edges, names)
    nothing = [0] * len(names)
    return [
        {
            "from": in_zone(since, zone),
            "to": in_zone(until, zone),
            "missing_minutes": _missing(asking, since, until),
            "running": asking.complete_to is None or until > asking.complete_to,
            **dict(zip(names, map(number, found.get(place, nothing)), strict=True)),
        }
        for place, (since, until) in enumerate(pairwise(edges), 1)
    ]


def sums(
    asking: Asking, subject: Subject, edges: list[datetime], names: tuple[str, ...]
) -> dict[int, tuple[Any, ...]]:
    """Of each step (the first is 1) that has lines its columns, added up from these. Raises Problem: too slow."""
    lines = asking.lines(subject)
    given: dict[str, Any] = {**lines.given, "edges": edges}
    given["days"] = days_of(asking, lines) if "days" in names else None
    columns = ", ".join(column_sql(name, asking.vocabulary) for name in names)
    return {
        row[0]: row[1:]
        for row in asking.connection.execute(
            f"SELECT width_bucket(moment, %(edges)s::timestamptz[]) AS step, {columns}"
            f" FROM ({lines.sql}) AS lines GROUP BY 1".encode(),
            given,
        )
    }


def _missing(asking: Asking, since: datetime, until: datetime) -> int:
    first, last = Window(since, until).sequences
    assert first is not None and last is not None  # noqa: S101 - both ends are given
    return asking.minutes.missing_in(first, last)


def _too_many(asking: Asking, by: str, better: str | None) -> Problem:
    given = asking.question.given
    attempt = (
        instead(given, {"by": better})
        if better
        else instead(given, {"by": "month", "from": None, "to": None, "last": None, "period": None})
    )
    return Problem(
        "too-many-steps",
        "Too many steps",
        f"by={by} has more than {steps.MOST_STEPS:,} steps in this window. Take longer ones, or a shorter window.",
        status=422,
        parameter="by",
        attempt=address("series", attempt),
    )
