"""A made document, counted by the system and by the simple count: what differs, as a person reads it.

Run it for many documents: python -m tests.fuzz.comparing --documents 50000 --seed 1
"""

import argparse
import io
import sys
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

from stats_assets.feeds.outcomes import FeedError
from stats_assets.feeds.validation import judge_envelope
from stats_assets.osm import compiled, strict
from stats_assets.osm.categories import Categories
from stats_assets.osm.diff import count_diff
from stats_assets.osm.regions import Regions
from stats_assets.osm.statistics import DiffStatistics
from stats_assets.osm.told import Grammar
from tests.fuzz import simple
from tests.fuzz.making import Maker
from tests.fuzz.measuring import REGIONS

READERS: dict[str, Grammar] = {"Python": strict}
if compiled.MODULE is not None:
    READERS["C"] = compiled.MODULE
DAMAGES = (0.0, 0.1, 0.5)
# A ring's area depends in its last digits on the position that it begins at.
NEAR, NEARLY = Decimal("0.000000002"), Decimal("1e-13")


@cache
def categories() -> Categories:
    return Categories.load()


@cache
def regions() -> Regions:
    return Regions({code: (code, list(getattr(shape, "geoms", [shape]))) for code, shape in REGIONS.items()})


def document(seed: int) -> bytes:
    """The seed's document: a third of them is not damaged, a third a little."""
    return Maker(Random(seed), DAMAGES[seed % len(DAMAGES)]).document()  # noqa: S311 - not for secrets


def read(body: bytes, grammar: Grammar | None) -> DiffStatistics:
    return count_diff(io.BytesIO(body), categories=categories(), regions=regions(), grammar=grammar)


def counted(body: bytes) -> DiffStatistics:
    """By the system. Raises FeedError for a body that can't be used."""
    found = read(body, None)
    judge_envelope(found.envelope, url="made", until=None, unreadable=found.unreadable, of=found.actions)
    return found


def differences(body: bytes) -> list[str]:
    """What the system and the simple count say differently, or the system by its ways to read; none: they agree, also
    that it can't be used.
    """
    return [*_unlike_readings(body), *_unlike_the_simple_count(body)]


def _unlike_readings(body: bytes) -> Iterator[str]:
    expected = read(body, None)
    for name, grammar in READERS.items():
        if read(body, grammar) != expected:
            yield f"{name} reads what lxml does not"


def _unlike_the_simple_count(body: bytes) -> list[str]:
    try:
        expected = simple.count(body)
    except simple.Refused as refused:
        try:
            counted(body)
        except FeedError:
            return []
        return [f"counted, though {refused}"]
    try:
        found = counted(body)
    except FeedError as error:
        return [f"refused: {error}"]
    return list(_different(expected, found))


def _different(expected: simple.Count, found: DiffStatistics) -> Iterator[str]:
    yield from _unlike("actions", expected.actions, found.actions)
    yield from _unlike("unreadable", expected.unreadable, found.unreadable)
    nobodys = sum(error.changeset is None for error in found.errors)
    yield from _unlike("nobody's", expected.nobodys, nobodys)
    here = {one.changeset: one for one in found.changesets}
    yield from _unlike("changesets", sorted(expected.changesets), sorted(here))
    for number in expected.changesets.keys() & here.keys():
        mine, theirs = expected.changesets[number], here[number]
        name = f"changeset {number}"
        yield from _unlike(
            f"{name} uid, user, errors", (mine.uid, mine.user, mine.errors), (*theirs[1:3], theirs.errors)
        )
        yield from _unlike(f"{name} regions", sorted(mine.regions), sorted(theirs.countries))
        yield from _unlike_sums(name, mine.whole, theirs.counts, theirs.measurements)
        for code in mine.regions.keys() & theirs.countries.keys():
            part = theirs.countries[code]
            yield from _unlike(f"{name} {code} edits", mine.regions[code].edits, part.edit_count)
            yield from _unlike_sums(f"{name} {code}", mine.regions[code], part.counts, part.measurements)


def _unlike(what: str, expected: Any, found: Any) -> Iterator[str]:
    if expected != found:
        yield f"{what}: {expected} by the definitions, {found} here"


def _unlike_sums(
    what: str, expected: simple.Sums, counts: dict[str, int], measurements: dict[str, Decimal]
) -> Iterator[str]:
    yield from _unlike(what, dict(sorted(expected.counts.items())), counts)
    for key in sorted(expected.measures.keys() | measurements.keys()):
        mine = Decimal(expected.measures[key]).scaleb(-9)
        near = NEAR * expected.edits + mine * NEARLY if "_km2_" in key else 0
        if abs(mine - measurements.get(key, Decimal(0))) > near:
            yield from _unlike(f"{what} {key}", mine, measurements.get(key))


def main() -> None:
    """Compare many documents; the first that differs is printed, and ends it with 1."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    bad = 0
    for number, seed in enumerate(range(given.seed, given.seed + given.documents), 1):
        found = differences(document(seed))
        if found:
            bad += 1
            print(f"seed {seed}: {'; '.join(found)}")
        if number % 1000 == 0:
            print(f"{number} documents compared, {bad} differ", file=sys.stderr, flush=True)
    print(f"{given.documents} documents compared, {bad} differ")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
