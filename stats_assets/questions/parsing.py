"""From parameters as they stand in an address to a Question, or to the Problem that says what is wrong with one.

Pure: what there is of hashtags, users and countries is the database's to say (database/answers/subjects.py).
"""

from collections.abc import Callable
from datetime import datetime
from typing import NoReturn, TypeVar, cast
from zoneinfo import ZoneInfo

from stats_assets.osm.hashtags import hashtags_in_comment
from stats_assets.questions import parameters, steps, windows
from stats_assets.questions.addresses import address, instead
from stats_assets.questions.answer import Given
from stats_assets.questions.cursors import after_of
from stats_assets.questions.editors import family
from stats_assets.questions.parameters import ALL, OF_KIND
from stats_assets.questions.problem import Problem
from stats_assets.questions.question import After, Asked, Clock, Combine, Of, Question, Tag
from stats_assets.questions.vocabulary import MOST_COLUMNS, PLAIN, Vocabulary
from stats_assets.questions.windows import NoTime, Window

_LONGEST = 300  # characters of a value: the longest hashtag or name has 255
_FIRST = {
    "series": ("edits", "changesets", "users"),
    "newcomers": ("edits", "changesets"),
    "changesets": ("edits",),
}


T = TypeVar("T")
_DEEPEST = 20  # how often an attempt is mended


def parse(kind: Asked, given: Given, now: datetime, vocabulary: Vocabulary) -> Question:
    """What is asked. `now`: by the feed's clock, in UTC. Raises Problem."""
    return _Reader(kind, given, now, vocabulary).question()


class _Reader:
    def __init__(
        self, kind: Asked, given: Given, now: datetime, vocabulary: Vocabulary, depth: int = 0
    ) -> None:
        self._kind, self._given, self._now, self._vocabulary = kind, given, now, vocabulary
        self._depth = depth
        self._notes: list[str] = []
        self._values: dict[str, list[str]] = {}
        most = sum(one.most for one in ALL.values())
        if len(given) > most:
            self._refuse(
                None,
                "too-many",
                "Too many parameters",
                f"{len(given):,} parameters: {most} are the most here.",
            )
        for name, value in given:
            self._take(name, value)

    def _take(self, name: str, value: str) -> None:
        known = OF_KIND[self._kind]
        if name not in known:
            said = f"of this question: {', '.join(known)}" if known else "here: this question takes none"
            others = [pair for pair in self._given if pair[0] in known]
            self._refuse(
                name[:60],
                "unknown-parameter",
                "A parameter that is not known",
                f"{name[:60]!r} is no parameter {said}.",
                others,
            )
        had = self._values.setdefault(name, [])
        most = ALL[name].most
        if len(had) == most:
            self._refuse(
                name,
                "repeated" if most == 1 else "too-many",
                "A parameter that is given too often",
                f"{name} is given more than {'once' if most == 1 else f'{most} times'}.",
                instead(self._given, {name: had[:1]}),
            )
        if name != "after" and len(value) > _LONGEST:
            self._refuse(
                name, "too-long", "A value that is too long", f"{name} has more than {_LONGEST} characters."
            )
        if not value.strip() or any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
            what = "empty" if not value.strip() else "not text: it holds a character that no text has"
            self._refuse(
                name, "bad-value", "A value that can't be used", f"{name} is {what}.", self._without(name)
            )
        had.append(value)

    def question(self) -> Question:
        zone_name = self._one("tz") or "UTC"
        try:
            zone = windows.zone_of(zone_name)
        except NoTime as error:
            self._refuse(
                "tz", "bad-zone", "A time zone that is not known", str(error), self._with("tz", "UTC")
            )
        countries = tuple(dict.fromkeys(map(self._country, self._values.get("country", []))))
        combine = self._combine(countries)
        hashtags = self._tags("hashtag")
        self._check_apart(combine, hashtags, countries)
        if self._kind == "newcomers" and not hashtags and not countries:
            self._refuse(
                "hashtag",
                "new-to-what",
                "New to what?",
                "Who is new to OpenStreetMap is not known here: name a hashtag or a country.",
                self._with("hashtag", ALL["hashtag"].example),
            )
        window, length = self._window(zone)
        of = cast(Of, self._choice("of"))
        metric = self._metric()
        return Question(
            kind=self._kind,
            given=tuple(self._given),
            hashtags=hashtags,
            also=self._tags("also"),
            combine=combine,
            users=tuple(dict.fromkeys(value.strip() for value in self._values.get("user", []))),
            countries=countries,
            clock=cast(Clock, self._choice("clock")),
            editors=tuple(dict.fromkeys(map(family, self._values.get("editor", [])))),
            categories=self._listed("category", [name for name, _ in self._vocabulary.categories]),
            changes=self._listed("kind", ALL["kind"].choices),
            window=window,
            length=length,
            zone=zone,
            by=self._by(window),
            of=of,
            metric=metric,
            columns=self._columns(metric),
            limit=self._limit(),
            after=self._after(),
            q=self._q(),
            names=self._choice("names") == "1",
            notes=tuple(self._notes),
        )

    def _one(self, name: str) -> str | None:
        values = self._values.get(name)
        return values[0].strip() if values else None

    def _choice(self, name: str) -> str:
        parameter = ALL[name]
        value = self._one(name) or parameter.default or ""
        if value not in parameter.choices:
            self._no_choice(name, value, parameter.choices)
        return value

    def _no_choice(self, name: str, value: str, choices: tuple[str, ...] | list[str]) -> NoReturn:
        good = ALL[name].example if ALL[name].example in choices else choices[0]
        self._refuse(
            name,
            "bad-value",
            "A value that is not known",
            f"{value[:60]!r} is no {name}: {', '.join(choices)}.",
            self._with(name, good),
        )

    def _listed(self, name: str, choices: tuple[str, ...] | list[str]) -> tuple[str, ...]:
        values = [part.strip() for value in self._values.get(name, []) for part in value.split(",")]
        for value in values:
            if value not in choices:
                self._no_choice(name, value, choices)
        return tuple(dict.fromkeys(values))

    def _tags(self, name: str) -> tuple[Tag, ...]:
        return tuple(dict.fromkeys(self._tag(name, value) for value in self._values.get(name, [])))

    def _check_apart(self, combine: Combine, tags: tuple[Tag, ...], countries: tuple[str, ...]) -> None:
        users = len(dict.fromkeys(self._values.get("user", []))) if not tags and not countries else 1
        number = max(1, len(tags)) * max(1, len(countries)) * max(1, users)
        if combine == "apart" and number > parameters.APART:
            name = "hashtag" if len(tags) > 1 else "user" if users > 1 else "country"
            self._refuse(
                name,
                "too-many",
                "Too many side by side",
                f"{number} side by side: {parameters.APART} are the most.",
                instead(
                    self._given,
                    {"combine": "together", "country": list(countries[:1]) or None},
                ),
            )

    def _tag(self, name: str, value: str) -> Tag:
        text = value.strip()
        wildcard = text.endswith("*") and name == "hashtag"
        stem = text[:-1] if wildcard else text
        found = hashtags_in_comment("#" + stem.removeprefix("#").removeprefix("\uff03"))
        same = len(found) == 1 and len(found[0]) >= len(stem.removeprefix("#").rstrip(":")) - 3
        if not same or any(mark in stem.removeprefix("#") for mark in "#,;* \t\n"):
            better = found[0] if found else ALL[name].example
            parts = [part for part in stem.replace(";", ",").split(",") if hashtags_in_comment(f"#{part}")]
            self._refuse(
                name,
                "bad-hashtag",
                "This is no hashtag",
                f"{text[:60]!r} is no hashtag as changesets have them. Several are given as {name}=a&{name}=b; a *"
                " stands at the end alone, and not in also.",
                self._with(name, parts[: ALL[name].most] if len(parts) > 1 else better),
            )
        if wildcard and len(found[0]) < parameters.LETTERS:
            self._refuse(
                name,
                "short-wildcard",
                "Too few letters before *",
                f"{text!r} would be nearly everything: at least {parameters.LETTERS} letters come before the *.",
                self._with(name, found[0]),
            )
        return Tag(found[0], wildcard)

    def _country(self, value: str) -> str:
        code = value.strip().upper()
        if not all(c.isalnum() or c in "-_. " for c in code):
            parts = [part.strip() for part in code.replace(";", ",").split(",")]
            self._refuse(
                "country",
                "bad-value",
                "This is no code of a country",
                f"{value[:60]!r} is no code of a country such as KEN. Several are given as country=KEN&country=UGA.",
                self._with("country", [p for p in parts if p.isalnum()][: parameters.COUNTRIES] or "KEN"),
            )
        return value.strip()

    def _combine(self, countries: tuple[str, ...]) -> Combine:
        given = self._one("combine")
        combine = cast(Combine, self._choice("combine"))
        if self._kind not in parameters.WITH_APART:
            if combine == "apart" or len(countries) > 1:
                name = "combine" if combine == "apart" else "country"
                rest = instead(self._given, {"combine": None, "country": list(countries[:1]) or None})
                if combine == "apart":
                    rest = instead(rest, {"hashtag": self._values.get("hashtag", [])[:1] or None})
                self._refuse(
                    name,
                    "not-apart",
                    "This is not answered side by side",
                    f"{self._kind} are of one country, and of hashtags together. Ask for each by itself.",
                    rest,
                    status=422,
                )
            return combine
        if len(countries) > 1:
            if given == "together":
                self._refuse(
                    "combine",
                    "regions-do-not-add",
                    "Countries cannot be added together",
                    "A road across a border counts in both. Ask for each (combine=apart), or for a region of your own"
                    " that holds both.",
                    self._with("combine", "apart"),
                    status=422,
                )
            return "apart"
        return combine

    def _window(self, zone: ZoneInfo) -> tuple[Window, str | None]:
        ways = [name for name in ("from", "to", "last", "period") if name in self._values]
        if ways[:2] == ["from", "to"]:
            del ways[1]
        if len(ways) > 1:
            others = dict.fromkeys(n for n in ("from", "to", "last", "period") if n != ways[-1])
            self._refuse(
                ways[-1],
                "two-windows",
                "Two windows",
                "A window is said by from and to, or by last, or by period: not by two of them.",
                instead(self._given, others),
            )
        if "last" in self._values:
            text = self._one("last") or ""
            return self._timed("last", lambda: windows.last_of(text, self._now)), text
        if "period" in self._values:
            text = self._one("period") or ""
            return self._timed("period", lambda: windows.period_of(text, zone, self._now)), text
        if self._kind == "trending" and not ways:
            return windows.last_of("24h", self._now), "24h"
        ends = [self._end(name, zone) for name in ("from", "to")]
        since, until = ends
        if since is not None and until is not None and since >= until:
            turned = since > until
            self._refuse(
                "to",
                "empty-window",
                "The window has no time in it",
                f"to is {'before' if turned else 'the same minute as'} from.",
                instead(self._given, {"from": self._values["to"], "to": self._values["from"]})
                if turned
                else self._without("to"),
            )
        return Window(since, until), None

    def _end(self, name: str, zone: ZoneInfo) -> datetime | None:
        value = self._one(name)
        if value is None:
            return None
        time, said = self._timed(name, lambda: windows.time_of(value, zone))
        if said is not None:
            self._notes.append(f"{name}: {said}")
        return time

    def _timed(self, name: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except NoTime as error:
            said = (
                "no-such-time"
                if "exist" in str(error)
                else "seconds"
                if "seconds" in str(error)
                else "bad-time"
            )
            self._refuse(
                name,
                said,
                "A time that can't be used",
                f"{name}: {error}",
                self._with(name, error.better) if error.better else self._without(name),
            )

    def _by(self, window: Window) -> str | None:
        by = self._one("by")
        if by is None:
            return None
        if by not in steps.LENGTHS:
            self._no_choice("by", by, tuple(steps.LENGTHS))
        return by

    def _metric(self) -> str:
        metric = self._one("metric") or "edits"
        if metric not in self._vocabulary.columns:
            self._no_column("metric", metric)
        return metric

    def _columns(self, metric: str) -> tuple[str, ...]:
        if "columns" not in OF_KIND[self._kind]:
            return ()
        names = [part.strip() for value in self._values.get("columns", []) for part in value.split(",")]
        ranked = (metric,) if "metric" in OF_KIND[self._kind] else ()
        if names == ["all"]:
            return self._vocabulary.columns
        for name in names:
            if name not in self._vocabulary.columns:
                self._no_column("columns", name)
        found = tuple(dict.fromkeys(names))
        if len(found) > MOST_COLUMNS:
            self._refuse(
                "columns",
                "too-many",
                "Too many columns",
                f"{len(found)} columns: {MOST_COLUMNS} are the most.",
                self._with("columns", ",".join(found[:MOST_COLUMNS])),
            )
        if found:
            return tuple(dict.fromkeys((*ranked, *found))) if ranked and metric not in found else found
        return self._vocabulary.usual(
            dict.fromkeys((*ranked, *_FIRST.get(self._kind, ("edits", "changesets"))))
        )

    def _no_column(self, name: str, value: str) -> NoReturn:
        self._refuse(
            name,
            "bad-value",
            "A column that is not known",
            f"{value[:60]!r} is no column: {', '.join(PLAIN)}, counts such as buildings_added, measurements such as"
            " road_km_added; /api/v1/definitions lists them.",
            self._with(name, "edits"),
        )

    def _limit(self) -> int:
        text = self._one("limit")
        if text is None:
            return {"search": 10, "trending": 10, "live": 10}.get(self._kind, parameters.USUAL_ROWS)
        if (
            not (text.isascii() and text.isdigit() and len(text) < 10)
            or not 1 <= int(text) <= parameters.MOST_ROWS
        ):
            good = str(parameters.MOST_ROWS if text.isascii() and text.isdigit() and text.strip("0") else 50)
            self._refuse(
                "limit",
                "bad-value",
                "A limit that can't be used",
                f"limit is a number from 1 to {parameters.MOST_ROWS:,}.",
                self._with("limit", good),
            )
        return int(text)

    def _after(self) -> After | None:
        text = self._one("after")
        if text is None:
            return None
        try:
            return after_of(text, by_id=self._kind != "leaderboard" or self._choice("of") == "users")
        except ValueError:
            self._refuse(
                "after",
                "bad-cursor",
                "No place to go on from",
                "after is the `next` of the answer before, as it stands there.",
                self._without("after"),
            )

    def _q(self) -> str:
        if self._kind != "search":
            return ""
        q = self._one("q")
        if q is None:
            self._refuse(
                "q", "missing", "Nothing is looked for", "q says what is looked for.", self._with("q", "osm")
            )
        return q

    def _with(self, name: str, value: str | list[str]) -> Given:
        return instead(self._given, {name: value})

    def _without(self, name: str) -> Given:
        return instead(self._given, {name: None})

    def _refuse(
        self,
        parameter: str | None,
        name: str,
        title: str,
        detail: str,
        attempt: Given | None = None,
        status: int = 400,
    ) -> NoReturn:
        raise Problem(
            name,
            title,
            detail,
            status=status,
            parameter=parameter,
            attempt=None if attempt is None else self._working(attempt),
        )

    def _working(self, given: Given) -> str | None:
        """The attempt's address, mended until it parses: one that is refused too would be no help."""
        if self._depth == _DEEPEST:
            return None
        try:
            _Reader(self._kind, given, self._now, self._vocabulary, self._depth + 1).question()
        except Problem as problem:
            return problem.attempt
        return address(self._kind, given)
