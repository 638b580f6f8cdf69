"""Plausible and damaged diffs, counted as docs/definitions.md says; many more of them in `make torture`."""

import os

import pytest

from stats_assets.osm import strict
from tests.categories import keys as every_key
from tests.fuzz.comparing import counted, differences, document
from tests.fuzz.simple import Refused, count
from tests.telling import telling

DOCUMENTS, PARTS = 500, 10
# The same in each run, so that a run says something of the change alone: other ones by FUZZ_SEED, many by make torture.
FIRST = int(os.environ.get("FUZZ_SEED", "0"))
# Around a pole, twice around the Earth, a member way of one position, and once around by way of -180.
FOUND = (101968, 103410, 108733, 110226, 110314, 206409, 306312)


@pytest.mark.parametrize("part", telling(range(PARTS), 0, 4))
def test_what_is_made_is_counted_as_the_definitions_say(part: int) -> None:
    seeds = range(FIRST + part, FIRST + DOCUMENTS, PARTS)
    found = {seed: differences(document(seed)) for seed in seeds}
    assert {seed: what for seed, what in found.items() if what} == {}


@pytest.mark.parametrize("seed", FOUND)
def test_what_differed_once(seed: int) -> None:
    assert differences(document(seed)) == []


@pytest.mark.drill
def test_the_documents_show_all_that_can_happen() -> None:
    """Else the comparison would say nothing."""
    seen = {"refused": 0, "unreadable": 0, "nobody's": 0, "errors": 0}
    keys: set[str] = set()
    for seed in range(600):
        try:
            made = count(document(seed))
        except Refused:
            seen["refused"] += 1
            continue
        seen["unreadable"] += made.unreadable
        seen["nobody's"] += made.nobodys
        for changeset in made.changesets.values():
            seen["errors"] += changeset.errors
            keys |= changeset.whole.counts.keys() | changeset.whole.measures.keys()
    assert min(seen.values()) > 20, seen
    assert keys == set(every_key())


def test_much_is_read_ahead_of_lxml() -> None:
    """Else the ways to read would not be compared."""
    bodies = [body for body in map(document, range(0, 60, 3)) if b"<action" in body]
    actions = [body[body.index(b"<action") :].split(b"\n") for body in bodies]
    taken = [bool(strict.take(action, 0)[0]) for body in actions for action in body if b"<action" in action]
    assert sum(taken) > len(taken) / 4


def test_another_reading_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    body = next(b for b in map(document, range(0, 60, 3)) if b"<tag" in b)
    monkeypatch.setattr(strict, "read_tags", lambda inside: {})
    monkeypatch.setattr(strict, "read_way", lambda inside: (b"", b"", {}))
    assert "Python reads what lxml does not" in differences(body)


def test_a_wrong_count_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    body = next(b for b in map(document, range(100)) if len(counted(b).changesets) > 1)
    monkeypatch.setattr("tests.fuzz.simple.UNITS", 10**8)
    monkeypatch.setattr("tests.categories._WATERWAYS", {"fish_pass"})
    assert any(differences(document(seed)) for seed in range(20))
    monkeypatch.undo()
    assert differences(body) == []
