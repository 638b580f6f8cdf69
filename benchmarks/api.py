"""How long the API's totals take, by kind of question: python -m benchmarks.api [--size 1600000]

Forty days of a made world (forty_days.py), of which the heaviest owners are asked for windows of any minutes: the
clock's
and the processor's milliseconds, the median and p95 of each kind. Not here: HTTP, assertions.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from benchmarks.aggregates import say, temporary_server
from benchmarks.figures import Figure
from benchmarks.forty_days import FIRST, make
from stats_assets.database.answers.asked import Asking, Counting
from stats_assets.database.answers.standing import standing
from stats_assets.database.answers.totals import answer
from stats_assets.database.connection import Connection, connect
from stats_assets.feeds.sequences import covers
from stats_assets.osm.categories import Categories
from stats_assets.questions.parsing import parse
from stats_assets.questions.vocabulary import Vocabulary

WHO: dict[str, tuple[tuple[str, str], ...]] = {
    "a hashtag": (("hashtag", "missingmaps"),),
    "a union of the file, 10,000 hashtags": (("hashtag", "hotosm-*"),),
    "the heaviest user": (("user", "2"),),
    "the heaviest country": (("country", "C1"),),
    "the world": (),
}


class Took(NamedTuple):
    """Milliseconds of one answer: by the clock, and of the processors, ours and the server's."""

    clock: float
    processor: float


def _spent(connection: Connection) -> float:
    nanoseconds = int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0])
    return nanoseconds / 1e6 + time.process_time() * 1000


def _asked(connection: Connection, counting: Counting, given: Sequence[tuple[str, str]]) -> Took:
    began, spent = time.perf_counter(), _spent(connection)
    with connection.transaction():
        question = parse("totals", tuple(given), datetime(2030, 1, 1, tzinfo=UTC), counting.vocabulary)
        answer(Asking(connection, question, standing(connection), counting))
    return Took((time.perf_counter() - began) * 1000, _spent(connection) - spent)


def windows(size: int, number: int) -> dict[str, Callable[[], list[tuple[str, str]]]]:
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
        "any window": lambda: some(None),
        "all": list,
    }


def measured(url: str, size: int, number: int) -> dict[tuple[str, str], list[Took]]:
    """So many answers of each kind."""
    table = Categories.load(None).categories
    measures = ((name, tuple(filter(None, (one.length, one.area)))) for name, one in table.items())
    counting = Counting(Vocabulary(tuple(measures)), "definitions", 0)
    found: dict[tuple[str, str], list[Took]] = {}
    with connect(url) as connection:
        for who, given in WHO.items():
            for when, window in windows(size, number).items():
                for n in range(number + 1):
                    took = _asked(connection, counting, [*given, *window()])
                    if n:  # the first one fills the caches
                        found.setdefault((who, when), []).append(took)
    return found


def p95(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def report(found: dict[tuple[str, str], list[Took]]) -> None:
    say("| totals of | window | median ms | p95 | of the processor | p95 |\n|---|---|---:|---:|---:|---:|")
    for (who, when), took in found.items():
        parts = [sorted(getattr(one, part) for one in took) for part in Took._fields]
        cells = (f"{value:.0f}" for part in parts for value in (part[len(part) // 2], p95(part)))
        say(f"| {who} | {when} | {' | '.join(cells)} |")


def figures(*, small: bool) -> list[Figure]:
    """F11: the slowest kind of question."""
    size = 2_000 if small else 1_600_000
    with temporary_server() as server:
        found = measured(make(server, size), size, 2 if small else 40)
    report(found)
    slowest = max(found, key=lambda kind: p95([one.clock for one in found[kind]]))
    what = f"totals of {size:,} changesets, the slowest kind ({slowest[0]}, {slowest[1]}), p95"
    return [Figure("F11", what, "ms", p95([one.clock for one in found[slowest]]), most=50)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1_600_000, help="changesets (1600000)")
    parser.add_argument("--number", type=int, default=40, help="answers of each kind (40)")
    given = parser.parse_args(arguments)
    with temporary_server() as server:
        report(measured(make(server, given.size), given.size, given.number))


if __name__ == "__main__":
    main()
