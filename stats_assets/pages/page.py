"""What every page of numbers has: its title, its window, totals, and the blocks that all share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from markupsafe import Markup

from stats_assets.pages import blocks, shown
from stats_assets.pages.filters import filters
from stats_assets.pages.timeline import Curve, curve_of, fitting
from stats_assets.pages.visit import WINDOW, Content, Found, Visit
from stats_assets.pages.window import Window, window_of
from stats_assets.texts import times

PERIODS = {
    "period_hour": ("last", "1h"),
    "period_day": ("last", "24h"),
    "period_week": ("period", "week"),
    "period_month": ("period", "month"),
    "period_year": ("period", "year"),
    "period_all": ("", ""),
}
COLUMNS = ("edits", "changesets", "buildings_added", "road_km_added")
OTHERS = "edits,changesets,users"
"""Columns of boards that are not of people."""
MOST_COLUMNS = 12
TARGETS, LONGEST_TARGET = (Decimal("1e-9"), Decimal("1e15")), 40
"""A target's bounds and characters: written out in full, one with a large exponent would fill the memory."""
TOO_SLOW, FEWEST = "too-slow", "edits,changesets"
"""The problem of an answer that would be slow, and the columns of a board of people that seldom are."""
WITHOUT_PEOPLE = "edits,buildings_added,road_km_added"
"""The columns of a curve whose people would be slow to tell apart in each step."""
NOBODY_SHOWN = "people-not-shown"
"""The problem of a server that shows no people (PEOPLE=none)."""
ROWS = 25
FEW_ROWS, MOST_ROWS = 20, "300"
"""Lines of a board that is not of people, and how many it may have."""


@dataclass(frozen=True)
class Page:
    """What is rendered: one of the templates, and what it is told."""

    template: str
    title: str
    told: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    of_a_person: bool = False
    """Search engines are asked to leave it out."""
    window: Window | None = None


@dataclass(frozen=True)
class Numbers:
    """A question's totals, and what stands beside them on each page of numbers."""

    visit: Visit
    given: tuple[tuple[str, str], ...]
    """What the page is of: hashtags, a user, a country."""
    content: Content
    window: Window
    coverage: Content
    """Of the window, not of the filter; empty where it can't be told."""

    @property
    def empty(self) -> bool:
        """Whether nothing was uploaded."""
        return not self.content["totals"].get("edits")

    def found(self, kind: Any, *more: tuple[str, str]) -> Found:
        """Another answer to the same question."""
        return self.visit.found(kind, *self.given, *more)

    def before(self) -> Content | None:
        """The totals of the window before, where that is whole."""
        window = self.window
        if not (window.begin and window.end):
            return None
        first = window.begin - (window.end - window.begin)
        kept = [(key, value) for key, value in self.visit.query if key not in WINDOW]
        earlier = self.visit.at([*kept, ("from", _minute(first)), ("to", _minute(window.begin))])
        found = earlier.found("totals", *self.given)
        if not found or not window_of(found.content.get("about", {}), self.visit.language, {}).counted:
            return None
        return found.content

    def curve(self, coverage: Content, **size: float) -> Curve | None:
        """Edits over time; `size`: a width and a height unlike a page's."""
        begin = self.window.begin or times.parsed(coverage.get("begins"))
        span = (self.window.end or self.window.now) - begin if begin else None
        by = self.visit.first("by") or fitting(span)
        found = self.found("series", ("by", by))
        if found.problem and found.problem.name == TOO_SLOW:
            found = self.found("series", ("by", by), ("columns", WITHOUT_PEOPLE))
        return curve_of(found.content, coverage, self.window, self.visit.language, **size) if found else None

    def board(self, of: str, new: frozenset[int] = frozenset(), /, **more: str) -> blocks.Board | None:
        """Who, where or with what, most first."""
        most = None
        if of != "users":
            more = {"columns": OTHERS, "limit": MOST_ROWS, **more}
            most = self.rows()
        found = self.found("leaderboard", ("of", of), *more.items())
        if of == "users" and found.problem and found.problem.name == TOO_SLOW:
            found = self.found("leaderboard", ("of", of), *(more | {"columns": FEWEST}).items())
        if found.problem and found.problem.name == NOBODY_SHOWN:
            return blocks.nobody(int(self.content["totals"].get("users") or 0))
        return blocks.board(found.content, self.visit, of, new, most) if found else None

    def rows(self) -> int:
        """How many lines a board that is not of people has: twenty, or as many as `rows` says."""
        asked = self.visit.first("rows")
        return min(int(asked[:6]), int(MOST_ROWS)) if asked.isascii() and asked.isdecimal() else FEW_ROWS

    def countries(self) -> tuple[blocks.Board | None, Markup | None]:
        """Where, as a board and as a map."""
        found = self.found("leaderboard", ("of", "countries"), ("columns", OTHERS), ("limit", MOST_ROWS))
        if not found:
            return None, None
        language = self.visit.language
        board = blocks.board(found.content, self.visit, "countries", most=self.rows())
        return board, blocks.map_of(found.content, language)

    def people(self, new: frozenset[int] = frozenset()) -> blocks.Board | None:
        """The leaderboard, as its visitor chose it."""
        visit, more = self.visit, {}
        for name, value in (("metric", visit.first("metric")), ("after", visit.first("after"))):
            if value:
                more[name] = value
        more["columns"] = ",".join(self.columns())
        more["limit"] = visit.first("limit") or str(ROWS)
        return self.board("users", new, **more)

    def columns(self) -> Sequence[str]:
        """Those chosen, or the usual ones."""
        chosen = [one for value in self.visit.all("columns") for one in value.split(",") if one]
        return chosen[:MOST_COLUMNS] or COLUMNS

    def choices(self) -> Sequence[tuple[str, str, bool]]:
        """Columns that can be chosen: name, label, whether it is. Those without a number are left out."""
        totals, chosen = blocks.flat(self.content["totals"]), self.columns()
        known = [
            *COLUMNS[:2],
            "days",
            *(column for column in totals if shown.split(column)[1] and totals[column]),
        ]
        return [
            (column, shown.plain_heading(column, self.visit.language), column in chosen)
            for column in dict.fromkeys([*known, *chosen])
        ]

    def nothing(self, kind: str, name: Markup | str) -> Markup:
        """That there were no uploads, of what and when."""
        window, say = self.window, self.visit.language.say
        if not (window.begin and window.end):
            return say(f"empty_{kind}", name=name)
        locale = self.visit.language.locale
        ends = {"from": window.begin, "to": window.end}
        short = window.end - window.begin <= timedelta(days=1)
        said = {
            key: times.hour(when) if short else f"{times.day(when.date(), locale)} {times.hour(when)}"
            for key, when in ends.items()
        }
        return say(f"empty_{kind}_window", name=name, **said)

    def told(self, columns: Sequence[str] = blocks.FOUR) -> dict[str, Any]:
        """What the templates of all such pages are told; `columns`: of the large numbers."""
        language, coverage = self.visit.language, self.coverage
        before = self.before()
        return {
            "numbers": self,
            "window": self.window,
            "four": blocks.four(self.content, language, before, columns, percent=self.window.counted),
            "not_compared": self.not_compared(before),
            "categories": blocks.categories(self.content, language),
            "measures": blocks.measures(self.content, language),
            "curve": None if self.empty else self.curve(coverage),
            "coverage": coverage,
            "quality": self.visit.window_to("/quality"),
            "periods": self.periods(),
            "fixed": self.fixed(),
            "filters": filters(self.visit),
            "targets": blocks.targets(self.content, targets_of(self.visit), language),
        }

    def not_compared(self, before: Content | None) -> Markup | None:
        """Why there are no percentages."""
        if not (self.window.begin and self.window.end) or self.empty:
            return None
        if before is None:
            return self.visit.language.say("before_not")
        return None if self.window.counted else self.visit.language.say("before_running")

    def periods(self) -> Sequence[tuple[str, str, bool]]:
        """Windows to choose: words, address, whether it is this one."""
        found = []
        for key, (name, value) in PERIODS.items():
            link = self.visit.link(drop=(*WINDOW, "by", "after"), **({name: value} if name else {}))
            own = any(self.visit.first(one) for one in WINDOW)
            found.append(
                (
                    str(self.visit.language.say(key)),
                    link,
                    self.visit.first(name) == value if name else not own,
                )
            )
        return found

    def fixed(self) -> str | None:
        """The address that keeps this window: `last=` and `period=` turned into dates."""
        if not (self.visit.first("last") or self.visit.first("period")) or not self.window.begin:
            return None
        begin, end = self.window.begin, self.window.end or self.window.now
        tz = {"tz": self.window.zone.key}
        return self.visit.link(drop=WINDOW, from_=_local(begin), to=_local(end), **tz)


def numbers_of(visit: Visit, *given: tuple[str, str]) -> Numbers:
    """Ask for the totals. Raises Problem."""
    content, coverage = visit.content("totals", *given), coverage_of(visit)
    window = window_of(content.get("about", {}), visit.language, coverage)
    return Numbers(visit, given, content, window, coverage)


def coverage_of(visit: Visit, *given: tuple[str, str]) -> Content:
    """What is missing in a visit's window; empty where that can't be told now."""
    return visit.found("coverage", *given).content


def targets_of(visit: Visit) -> Sequence[tuple[str, Decimal]]:
    """`target=buildings_added:1000`, as often as one likes; what can't be read is left out."""
    found = []
    for text in visit.all("target"):
        column, _, number = text.rpartition(":")
        try:
            target = Decimal(number[:LONGEST_TARGET])
        except InvalidOperation:
            continue
        if column and target.is_finite() and TARGETS[0] <= target <= TARGETS[1]:
            found.append((column, target))
    return found[:10]


def _minute(when: Any) -> str:
    return f"{when:%Y-%m-%dT%H:%M%z}"


def _local(when: Any) -> str:
    return f"{when:%Y-%m-%dT%H:%M}"
