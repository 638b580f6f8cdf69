"""The demo's planet and OsmChange: what they say is what its Overpass answers once all has come."""

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests

from stats_assets.demo.answers.fault_rules import Faults
from stats_assets.demo.answers.faults import Answer, Request
from stats_assets.demo.answers.overpass_ways import Ways
from stats_assets.demo.answers.replication import BEFORE, OSMCHANGE_FIRST, Replication
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.late_edits import LateEdits
from stats_assets.demo.world.minute import since, until
from stats_assets.demo.world.world import World
from tests.augment.brute_force import Written, differences, read_history, read_osmchange
from tests.augment.comparing import Action, read_diff

HISTORY = 100
SETTLED = 60
"""So many of its minutes: by then all that is late has come."""
LATE = LateEdits(gain=0.5, lose=0.4)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@contextmanager
def serving(world: World) -> Iterator[DemoFeed]:
    with DemoFeed(world, history=HISTORY, ways=Ways(late=LATE, cached=0)) as feed:
        feed.pass_time(30)
        yield feed


def get(url: str) -> bytes:
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    return answer.content


def path_of(sequence: int) -> str:
    digits = f"{sequence:09d}"
    return f"{digits[:3]}/{digits[3:6]}/{digits[6:]}"


def state(text: bytes) -> tuple[int, datetime]:
    found = re.fullmatch(rb"#.*\nsequenceNumber=(\d+)\ntimestamp=(.*)\n", text)
    assert found
    return int(found[1]), datetime.fromisoformat(found[2].decode().replace("\\:", ":"))


def all_versions(feed: DemoFeed, folder: Path) -> list[Written]:
    planet = folder / "planet.osm.gz"
    planet.write_bytes(get(feed.planet_url))
    newest, _ = state(get(f"{feed.osmchange_url}/state.txt"))
    bodies = (get(f"{feed.osmchange_url}/{path_of(n)}.osc.gz") for n in range(OSMCHANGE_FIRST, newest + 1))
    return [*read_history(planet), *(written for body in bodies for written in read_osmchange(body))]


def as_printed(actions: list[Action]) -> list[Action]:
    """Where the stand-in errs as Overpass does: of a deletion in no changeset it knows nothing, and prints zeros."""
    return [
        action._replace(new=action.new._replace(version=0, timestamp="1970-01-01T00:00:00Z"))
        if action.new.changeset == 0
        else action
        for action in actions
    ]


def test_planet_and_osmchange_say_what_overpass_answers(world: World, tmp_path: Path) -> None:
    minutes = range(world.first, world.first + SETTLED)
    with serving(world) as feed:
        versions = all_versions(feed, tmp_path)
        answers = {n: get(f"{feed.url}/api/augmented_diff?id={n}") for n in minutes}
    expected = differences(versions, minutes)
    for number, answer in answers.items():
        assert as_printed(expected[number]) == read_diff(answer), number
    assert sum(map(len, expected.values())) > 500
    assert any(as_printed(actions) != actions for actions in expected.values())
    keys = [(written.kind, written.id, written.side.version) for written in versions]
    assert len(keys) == len(set(keys))


def test_numbers_times_and_states(world: World) -> None:
    with serving(world) as feed:
        newest, time = state(get(f"{feed.osmchange_url}/state.txt"))
        assert newest == OSMCHANGE_FIRST + HISTORY - 1
        for number in (newest, newest - 1, OSMCHANGE_FIRST, OSMCHANGE_FIRST - BEFORE):
            said, cut = state(get(f"{feed.osmchange_url}/{path_of(number)}.state.txt"))
            minute = world.first + number - OSMCHANGE_FIRST
            assert said == number
            assert cut - until(minute) in (timedelta(seconds=1), timedelta(seconds=2))
            assert number != newest or cut == time
        for missing in (newest + 1, OSMCHANGE_FIRST - BEFORE - 1):
            assert (
                requests.get(f"{feed.osmchange_url}/{path_of(missing)}.osc.gz", timeout=10).status_code == 404
            )
        feed.pass_time(30 + 1)  # the minute is over, and its file is cut a second or two later
        before = state(get(f"{feed.osmchange_url}/state.txt"))[0]
        feed.pass_time(2)
        assert (before, state(get(f"{feed.osmchange_url}/state.txt"))[0]) == (newest, newest + 1)
        planet = gzip.decompress(get(feed.planet_url))
        found = re.search(rb'timestamp="([^"]*)"', planet)
        assert found
        assert since(world.first) - timedelta(minutes=1) < datetime.fromisoformat(found[1].decode())


def test_the_files_have_all_that_happens(world: World) -> None:
    """Late with their own times, in the second after the minute, several of one element, deletions, undeletions."""
    replication = Replication(world, LATE)
    seen, last = set[str](), dict[tuple[str, int], tuple[int, bool]]()
    for number in range(OSMCHANGE_FIRST, OSMCHANGE_FIRST + HISTORY):
        file = replication.file(number)
        ids = list[tuple[str, int]]()
        for written in read_osmchange(file.packed):
            ref, at = (written.kind, written.id), datetime.fromisoformat(written.side.timestamp)
            assert at <= file.time
            minute = until(world.first + number - OSMCHANGE_FIRST)
            seen |= {"late"} if at <= minute - timedelta(seconds=120) else set()
            seen |= {"in the second after"} if at > minute else set()
            seen |= {"twice in a file"} if ref in ids else set()
            version, visible = last.get(ref, (0, True))
            seen |= {"undeleted"} if written.side.visible and not visible else set()
            seen |= {"before its predecessor"} if written.side.version > version + 1 and version else set()
            seen |= set() if written.side.visible else {"deleted"}
            last[ref] = written.side.version, written.side.visible
            ids.append(ref)
    assert seen >= {"late", "in the second after", "twice in a file", "undeleted", "deleted"}


def test_hours_in_one_file(world: World) -> None:
    """Nothing is published for a while, and then all of it at once."""
    stopped, plain = Replication(world), Replication(world)
    stopped.stops[world.first + 10] = 45
    numbers = range(OSMCHANGE_FIRST, OSMCHANGE_FIRST + 20)
    files = [stopped.file(number) for number in numbers]
    times = [file.time for file in files]
    assert times[10] - times[9] >= timedelta(minutes=44)
    assert stopped.newest(until(world.first + 30)) == numbers[9]
    assert stopped.newest(times[10]) == numbers[10]
    whole = [v for n in range(numbers[10], numbers[10] + 45) for v in read_osmchange(plain.file(n).packed)]
    assert sorted(read_osmchange(files[10].packed)) == sorted(whole)
    assert read_osmchange(files[11].packed) == read_osmchange(plain.file(numbers[11] + 44).packed)


def test_as_a_folder(world: World, tmp_path: Path) -> None:
    replication = Replication(world, LATE)
    replication.write(tmp_path, OSMCHANGE_FIRST + 3, OSMCHANGE_FIRST - 2)
    root = tmp_path / "osmchange"
    assert state((root / "state.txt").read_bytes())[0] == OSMCHANGE_FIRST + 3
    assert len(list(root.glob("*/*/*.osc.gz"))) == len(list(root.glob("*/*/*.state.txt"))) == 6
    for number in range(OSMCHANGE_FIRST - 2, OSMCHANGE_FIRST + 4):
        assert (root / f"{path_of(number)}.osc.gz").read_bytes() == replication.file(number).packed
    assert next(read_history(tmp_path / "planet.osm.gz")).kind == "node"


def test_faults_of_osmchange(world: World) -> None:
    faults, file = Faults(), Replication(world).file(OSMCHANGE_FIRST + 5)
    answer, versions = Answer(200, "application/gzip", file.packed), read_osmchange(file.packed)
    request = Request(f"/osmchange/{path_of(file.sequence)}.osc.gz", "osmchange", file.sequence)
    assert len(versions) > 3
    for name, expected in (
        ("reversed_order", versions[::-1]),
        ("doubled", [v for v in versions for _ in "12"]),
    ):
        faults.put_json({"fault": name, "stream": "osmchange", "sequence": file.sequence, "times": 1})
        assert read_osmchange(faults.spoil(request, answer).body) == expected
    torn = {"fault": "cut", "path": "*/state.txt", "arguments": {"share": 0.5}}
    back = {"fault": "earlier_state", "path": "*/state.txt", "arguments": {"minutes": 7}}
    for rule, expected_number in ((back, file.sequence - 7), (torn, None)):
        faults.clear()
        faults.put_json(rule)
        spoiled = faults.spoil(
            Request("/osmchange/state.txt", "osmchange"), Answer(200, "text/plain", file.state)
        )
        number = re.search(rb"sequenceNumber=(\d+)\n", spoiled.body)
        assert (int(number[1]) if number else None) == expected_number
        assert (b"timestamp=" in spoiled.body) == (rule is back)
