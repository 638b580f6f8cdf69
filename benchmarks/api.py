"""How long the API's answers take, by kind of question: python -m benchmarks.api [--size 1600000]

Forty days of a made world (forty_days.py), of which the heaviest owners are asked for windows of any minutes: the
clock's and the processor's milliseconds, the median and p95 of each kind, and how many are refused as slow (whose
`try` is asked in their place). Not here: HTTP, assertions.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, cast
from urllib.parse import parse_qsl, urlsplit

from benchmarks.aggregates import say, tell, temporary_server
from benchmarks.figures import Figure
from benchmarks.forty_days import FIRST, make
from stats_assets.database.answers.answering import KINDS
from stats_assets.database.answers.asked import Asking, Counting
from stats_assets.database.answers.standing import standing
from stats_assets.database.connection import Connection, connect
from stats_assets.feeds.sequences import covers
from stats_assets.osm.categories import Categories
from stats_assets.questions.addresses import address
from stats_assets.questions.answer import Kind
from stats_assets.questions.parsing import parse
from stats_assets.questions.problem import Problem
from stats_assets.questions.vocabulary import Vocabulary

Given = tuple[tuple[str, str], ...]
WHO: dict[str, Given] = {
    "the heaviest hashtag": (("hashtag", "missingmaps"),),
    "an ordinary hashtag": (("hashtag", "hotosm-project-40"),),
    "a union of the file, 10,000 hashtags": (("hashtag", "hotosm-*"),),
    "another wildcard": (("hashtag", "tag12*"),),
    "two hashtags": (("hashtag", "tag30"), ("hashtag", "hotosm-project-40")),
    "the heaviest user": (("user", "2"),),
    "an ordinary user": (("user", "5000"),),
    "the heaviest country": (("country", "C1"),),
    "an ordinary country": (("country", "C60"),),
    "a hashtag in a country": (("hashtag", "missingmaps"), ("country", "C2")),
    "a hashtag's user": (("hashtag", "missingmaps"), ("user", "7")),
    "the world": (),
}
USUAL = "edits,changesets,buildings_added,road_km_added"
"""The columns of a page's board of people."""
BOARD = ("columns", "edits,changesets,users")
"""Those of its other boards."""
ASKED: dict[str, tuple[str, Given]] = {
    "totals": ("totals", ()),
    "series": ("series", ()),
    "series by hour": ("series", (("by", "hour"),)),
    "series by day, Nairobi": ("series", (("by", "day"), ("tz", "Africa/Nairobi"))),
    "users by edits": ("leaderboard", (("columns", "edits,changesets"),)),
    "users by edits, a page's columns": ("leaderboard", (("columns", USUAL),)),
    "users by a column": ("leaderboard", (("metric", "buildings_added"),)),
    "users by days": ("leaderboard", (("metric", "days"), ("columns", "days"))),
    "hashtags": ("leaderboard", (("of", "hashtags"), BOARD)),
    "countries": ("leaderboard", (("of", "countries"), BOARD)),
    "countries by a column": ("leaderboard", (("of", "countries"), ("metric", "buildings_added"))),
    "editors": ("leaderboard", (("of", "editors"), BOARD)),
    "changesets": ("changesets", ()),
    "newcomers": ("newcomers", ()),
    "live": ("live", (("columns", "edits,buildings_added"), ("limit", "10"))),
    "trending": ("trending", ()),
    "coverage": ("coverage", ()),
    "search": ("search", (("q", "missing"),)),
    "search, misspelt": ("search", (("q", "misingmpas"),)),
    "search for a user": ("search", (("q", "user 77"),)),
}
FILTERED = ("totals", "series", "users by edits, a page's columns", "countries", "changesets")
FILTERS: dict[str, Given] = {
    "": (),
    ", buildings": (("category", "buildings"),),
    ", JOSM": (("editor", "JOSM"),),
    ", also tag5": (("also", "tag5"),),
    ", changesets' clock": (("clock", "changeset"),),
}
NO_OWNER = ("trending", "coverage", "search")
"""Kinds that are of nobody."""


Key = tuple[str, str, str]
"""What, of whom, in which window."""


class Took(NamedTuple):
    """Milliseconds of one answer: by the clock, and of the processors, ours and the server's."""

    clock: float
    processor: float
    refused: bool = False


def _spent(connection: Connection) -> float:
    nanoseconds = int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0])
    return nanoseconds / 1e6 + time.process_time() * 1000


def _asked(
    connection: Connection, counting: Counting, now: datetime, kind: Kind, given: Sequence[tuple[str, str]]
) -> list[Took]:
    """Of an answer; or of a refusal, and of what it says to try."""
    began, spent, attempt = time.perf_counter(), _spent(connection), None
    with connection.transaction():
        try:
            question = parse(kind, tuple(given), now, counting.vocabulary)
            KINDS[kind](Asking(connection, question, replace(standing(connection), as_of=now), counting))
        except Problem as problem:
            if problem.status != 422 or problem.attempt is None:
                raise
            attempt = problem.attempt
    took = (time.perf_counter() - began) * 1000, _spent(connection) - spent
    if attempt is None:
        return [Took(*took)]
    if attempt == address(kind, tuple(given)):
        raise RuntimeError(f"refused, and said to be tried: {attempt}")
    tried = _asked(connection, counting, now, kind, parse_qsl(urlsplit(attempt).query))
    if any(one.refused for one in tried):
        say(f"  refused again: {attempt}")
    return [Took(*took, refused=True), *tried]


def windows(size: int) -> dict[str, Callable[[], list[tuple[str, str]]]]:
    """Kinds of windows: those of any minutes, drawn anew each time."""
    chosen = random.Random(size)  # noqa: S311
    first, last = covers(FIRST).until, covers(FIRST + size * 9 // 250).until

    def some(length: timedelta | None) -> list[tuple[str, str]]:
        room = (last - first) // timedelta(minutes=1)
        minutes = (
            chosen.randrange(room // 4, room) if length is None else min(room, length // timedelta(minutes=1))
        )
        since = first + timedelta(minutes=chosen.randrange(max(1, room - minutes)))
        until = since + timedelta(minutes=minutes)
        return [("from", f"{since:%Y-%m-%dT%H:%MZ}"), ("to", f"{until:%Y-%m-%dT%H:%MZ}")]

    return {
        "a mapathon of 210 minutes": lambda: some(timedelta(minutes=210)),
        "24 h": lambda: [("last", "24h")],
        "7 d": lambda: [("last", "7d")],
        "any window": lambda: some(None),
        "all": list,
    }


def questions(only: Sequence[str] = ()) -> Iterator[tuple[str, str, Kind, Given]]:
    """Each kind: what, of whom, and what is asked but for the window."""
    for what, (kind, more) in ASKED.items():
        for name, filtered in FILTERS.items():
            if (name and what not in FILTERED) or (only and not any(one in what + name for one in only)):
                continue
            for who, given in WHO.items():
                if (kind in NO_OWNER and given) or (kind == "newcomers" and not dict(given).keys() & PLACES):
                    continue
                yield what + name, who, cast(Kind, kind), (*given, *more, *filtered)


PLACES = {"hashtag", "country"}


def measured(url: str, size: int, number: int, only: Sequence[str] = ()) -> dict[Key, list[Took]]:
    """So many answers of each kind, and the first of a new connection before them."""
    table = Categories.load(None).categories
    measures = ((name, tuple(filter(None, (one.length, one.area)))) for name, one in table.items())
    counting = Counting(Vocabulary(tuple(measures)), "definitions", 0)
    found: dict[Key, list[Took]] = {}
    now = covers(FIRST + size * 9 // 250).until
    for what, who, kind, given in questions(only):
        with connect(url) as connection:
            for when, window in windows(size).items() if kind != "search" else (("", list),):
                took = [
                    one
                    for _ in range(number + 1)
                    for one in _asked(connection, counting, now, kind, [*given, *window()])
                ]
                found[what, who, when] = took
                _tell((what, who, when), took)
    return found


def p95(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def _tell(key: Key, took: list[Took]) -> None:
    tell(f"{' | '.join(key)} | {' '.join(f'{one.processor:.0f}{chr(33) * one.refused}' for one in took)}")


def report(found: dict[Key, list[Took]], least: float = 0) -> None:
    """A table of those whose p95 of the processor is above `least`."""
    say("| what | of whom | window | the first ms | median | p95 | of the processor | p95 | refused |")
    say("|---|---|---|---:|---:|---:|---:|---:|---:|")
    for key, took in found.items():
        if p95([one.processor for one in took[1:]]) <= least:
            continue
        cells = [
            f"{value:.0f}"
            for part in ("clock", "processor")
            for values in [sorted(getattr(one, part) for one in took[1:])]
            for value in (values[len(values) // 2], p95(values))
        ]
        cells.insert(0, f"{took[0].clock:.0f}")
        say(f"| {' | '.join((*key, *cells, str(sum(one.refused for one in took))))} |")


def figures(*, small: bool) -> list[Figure]:
    """F11: all kinds of question, and the slowest; by the processor, which other work changes least."""
    size = 2_000 if small else 1_600_000
    with temporary_server() as server:
        found = measured(make(server, size), size, 2 if small else 8)
    report(found)
    warm = {kind: [one.processor for one in took[1:]] for kind, took in found.items()}
    slowest = max(warm, key=lambda kind: p95(warm[kind]))
    every = p95([one for values in warm.values() for one in values])
    what = f"answers of {size:,} changesets, {len(warm):,} kinds of question"
    return [
        Figure("F11", f"{what}: processor, p95", "ms", every, most=50),
        Figure("F11", f"the slowest of them ({', '.join(slowest)}), p95", "ms", p95(warm[slowest])),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1_600_000, help="changesets (1600000)")
    parser.add_argument("--number", type=int, default=8, help="answers of each kind, after a first one (8)")
    parser.add_argument("--url", help="a database that was made before, of that size (a new one)")
    parser.add_argument("--least", type=float, default=0, help="only what takes more milliseconds (0)")
    parser.add_argument("--only", nargs="+", default=[], help=f"of {', '.join(ASKED)} (all)")
    given = parser.parse_args(arguments)
    if given.url:
        report(measured(given.url, given.size, given.number, given.only), given.least)
        return
    with temporary_server() as server:
        report(measured(make(server, given.size), given.size, given.number, given.only), given.least)


if __name__ == "__main__":
    main()
