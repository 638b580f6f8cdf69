"""How complete the numbers are: feeds, coverage, holes, minutes in doubt, the last verification."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from stats_assets.charts.coverage import strip
from stats_assets.pages.page import Page
from stats_assets.pages.visit import WINDOW, Visit
from stats_assets.texts import times
from stats_assets.texts.language import Language

FEEDS = ("augmented_diffs", "changesets")
SHOWN = 100


def quality(visit: Visit) -> Page:
    """`/quality`. Raises Problem."""
    window = [(key, value) for key, value in visit.query if key in (*WINDOW, "tz")]
    content = visit.content("coverage", *window, shared=False)
    language, zone = visit.language, times.zone(visit.first("tz"))
    now = times.parsed(content.get("as_of")) or datetime.now(zone)
    inner = content.get("window") or {}
    clock = Clock(language, zone, now.astimezone(zone))
    begins = times.parsed(content.get("begins"))
    told = {
        "begins": times.day(begins.astimezone(zone).date(), language.locale) if begins else None,
        "feeds": [feed(key, (content.get("feeds") or {}).get(key) or {}, clock) for key in FEEDS],
        "made": made(content.get("made_diffs"), clock),
        "queued": content.get("queued_changesets") or 0,
        "minutes": inner.get("minutes"),
        "span": clock.span(inner.get("from"), inner.get("to")),
        "missing": spans(inner.get("missing") or [], clock),
        "flagged": spans(inner.get("flagged") or [], clock),
        "older": spans(inner.get("older_definitions") or [], clock),
        "strip": picture(inner, language),
        "verified": verified(content.get("verified") or {}, clock),
        "all": visit.link(drop=WINDOW) if window else None,
        "place": times.place(zone, language.locale),
    }
    return Page("quality.html", str(language.say("quality")), told)


class Clock:
    """Times of this page in words."""

    def __init__(self, language: Language, zone: ZoneInfo, now: datetime) -> None:
        self.language, self.zone, self.now = language, zone, now

    def at(self, text: str | None) -> str:
        """A moment."""
        when = times.parsed(text)
        return times.moment(when.astimezone(self.zone), self.now, self.language.locale) if when else ""

    def span(self, first: str | None, last: str | None) -> str:
        """From and to."""
        return f"{self.at(first)} – {self.at(last)}" if first and last else ""


def feed(key: str, given: Mapping[str, Any], clock: Clock) -> Mapping[str, Any]:
    """How far a feed is read."""
    say, state = clock.language.say, str(given.get("state") or "").replace(" ", "_")
    minutes = int(given.get("lag_seconds") or 0) // 60
    return {
        "name": say(f"feed_{key}"),
        "up_to": say("feed_up_to", time=clock.at(given["complete_to"])) if given.get("complete_to") else "",
        "lag": ""
        if given.get("lag_seconds") is None
        else say("feed_lag", n=minutes)
        if minutes
        else say("feed_now"),
        "state": say(f"state_{state}") if clock.language.knows(f"state_{state}") else state,
        "fine": state == "fine",
        "sequence": given.get("sequence"),
    }


def made(given: Mapping[str, Any] | None, clock: Clock) -> Markup | None:
    """How far augmented diffs of our own are made, where they are."""
    if given is None:
        return None
    return clock.language.say(
        "made_diffs",
        time=clock.at(given.get("complete_to")),
        late=int(given.get("late_versions") or 0),
        held=int(given.get("held_versions") or 0),
    )


def spans(given: Sequence[Mapping[str, Any]], clock: Clock) -> Sequence[Mapping[str, Any]]:
    """Stretches of minutes: when, why, when they are tried again."""
    found = []
    for one in given[:SHOWN]:
        why = str(one.get("why") or "")
        known = clock.language.knows(f"why_{why}")
        found.append(
            {
                "span": clock.span(one.get("from"), one.get("to")),
                "why": clock.language.say(f"why_{why}") if known else why,
                "next": clock.at(one.get("next_try")),
            }
        )
    return found


def picture(inner: Mapping[str, Any], language: Language) -> Markup | None:
    """The window as a strip: what is there, missing and in doubt."""
    first, last = times.parsed(inner.get("from")), times.parsed(inner.get("to"))
    if not first or not last or last <= first:
        return None
    whole: timedelta = last - first

    def parts(key: str) -> list[tuple[float, float]]:
        found = []
        for one in inner.get(key) or []:
            begin, end = times.parsed(one.get("from")), times.parsed(one.get("to"))
            if begin and end:
                found.append(((begin - first) / whole, (end - first) / whole))
        return found

    title = str(language.say("coverage_title"))
    return Markup(strip(parts("missing"), parts("flagged"), title))  # noqa: S704 -- charts/ escapes


def verified(given: Mapping[str, Any], clock: Clock) -> Markup:
    """The last verification in a sentence."""
    say = clock.language.say
    if not given.get("ended"):
        return say("verified_never")
    if not given.get("differences"):
        return say("verified_fine", time=clock.at(given["ended"]))
    return say("verified_differs", n=int(given["differences"]), time=clock.at(given["ended"]))
