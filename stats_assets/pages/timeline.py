"""The curve of a page, its table, and the calendar of a person: which steps, and how each is labelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from markupsafe import Markup

from stats_assets.charts.calendar import calendar
from stats_assets.charts.curve import Step, curve
from stats_assets.charts.marks import top_of
from stats_assets.pages import shown
from stats_assets.pages.visit import Content
from stats_assets.pages.window import Window
from stats_assets.questions.steps import LENGTHS
from stats_assets.texts import numbers, times
from stats_assets.texts.language import Language

MOST = 62
"""Steps that a curve shows well."""
MEASURE = "edits"


@dataclass(frozen=True)
class Curve:
    """A picture, and the table behind it."""

    svg: Markup
    headings: Sequence[Markup]
    rows: Sequence[tuple[str, Sequence[Markup], Markup]]
    by: str
    adds_up: bool


def fitting(span: timedelta | None) -> str:
    """The smallest step that a window of this length can be shown by."""
    if span is None:
        return "month"
    return next((by for by, length in LENGTHS.items() if span / length <= MOST), "month")


def curve_of(content: Content, coverage: Content, window: Window, language: Language, **size: float) -> Curve:
    """From the answers `series` and `coverage`; `size`: a width and a height unlike a page's."""
    by = content.get("about", {}).get("query", {}).get("by") or "hour"
    spans = content.get("series") or []
    begins = times.parsed(coverage.get("begins"))
    doubtful = _spans((coverage.get("window") or {}).get("flagged") or [])
    steps, rows = [], []
    columns = [
        c for c in (spans[0] if spans else ()) if c not in ("from", "to", "missing_minutes", "running")
    ]
    for span in spans:
        start = times.parsed(span["from"])
        assert start is not None  # noqa: S101 -- each span says when it begins
        begin = start.astimezone(window.zone)
        told = times.parsed(span.get("to"))
        end = told.astimezone(window.zone) if told else begin + LENGTHS.get(by, LENGTHS["hour"])
        value = span.get(MEASURE)
        early = begins is not None and end <= begins
        flagged = any(first < end and last > begin for first, last in doubtful)
        missing = span.get("missing_minutes") or 0
        label = _label(begin, end, by, language)
        note = _note(language, missing, flagged, early, bool(span.get("running")))
        title = f"{label}: {numbers.whole(value or 0, language.locale)}" + (
            f" ({note.striptags()})" if note else ""
        )
        steps.append(
            Step(
                _short(begin, by, language),
                title,
                None if early else float(value or 0),
                missing=bool(missing),
                flagged=flagged,
                running=bool(span.get("running")),
            )
        )
        rows.append((label, [shown.number(span.get(column), column, language) for column in columns], note))
    most = top_of(max((step.value or 0 for step in steps), default=0))
    drawn = curve(steps, str(language.say("curve_title")), numbers.whole(int(most), language.locale), **size)
    return Curve(
        Markup(drawn),  # noqa: S704 -- charts/ escapes
        [shown.heading(column, language) for column in columns],
        rows,
        by,
        bool((content.get("adds_up") or {}).get("users", False)),
    )


def calendar_of(content: Content, coverage: Content, window: Window, language: Language) -> Markup:
    """A person's days."""
    days: dict[date, int] = {}
    for span in content.get("series") or []:
        if start := times.parsed(span["from"]):
            days[start.astimezone(window.zone).date()] = int(span.get(MEASURE) or 0)
    last = min((window.end or window.now), window.now).date()
    begins = times.parsed(coverage.get("begins"))
    months = language.locale.months["stand-alone"]["abbreviated"]
    drawn = calendar(
        days,
        max([last, *days]) if days else last,
        str(language.say("calendar_title", n=sum(1 for edits in days.values() if edits))),
        lambda day, edits: f"{times.day(day, language.locale)}: {numbers.whole(edits, language.locale)}",
        [str(months[number]) for number in range(1, 13)],
        begins=begins and begins.astimezone(window.zone).date(),
    )
    return Markup(drawn)  # noqa: S704 -- charts/ escapes


def _label(begin: datetime, end: datetime, by: str, language: Language) -> str:
    if by in ("15min", "30min", "hour"):
        return f"{times.day(begin.date(), language.locale)} {times.hour(begin)}–{times.hour(end)}"
    if by == "week":
        return times.days(begin.date(), (end - timedelta(minutes=1)).date(), language.locale)
    if by == "month":
        return str(language.locale.months["stand-alone"]["wide"][begin.month]) + f" {begin.year}"
    return times.day(begin.date(), language.locale)


def _short(begin: datetime, by: str, language: Language) -> str:
    if by in ("15min", "30min", "hour"):
        return times.hour(begin)
    month = str(language.locale.months["stand-alone"]["abbreviated"][begin.month])
    return f"{month} {begin.year}" if by == "month" else f"{begin.day} {month}"


def _note(language: Language, missing: int, flagged: bool, early: bool, running: bool) -> Markup:
    if early:
        return language.say("before_data")
    if missing:
        return language.say("step_missing", n=missing)
    if flagged:
        return language.say("step_flagged")
    return language.say("step_running") if running else Markup("")


def _spans(given: Sequence[Mapping[str, Any]]) -> Sequence[tuple[datetime, datetime]]:
    pairs = ((times.parsed(one.get("from")), times.parsed(one.get("to"))) for one in given)
    return [(first, last) for first, last in pairs if first and last]
