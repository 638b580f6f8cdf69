"""The invented world: the same everywhere, in the real feeds' shape, and every kind of edit in its first hour."""

import gzip
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from stats_assets.demo.answers.augmented_diff import degrees, write_augmented_diff
from stats_assets.demo.answers.changeset_file import ChangesetFile, write_changesets
from stats_assets.demo.world.elements import Map, Node, Stamp, Way
from stats_assets.demo.world.mappers import ANONYMOUS, RENAMED
from stats_assets.demo.world.minute import Minute, since, until
from stats_assets.demo.world.world import World

HOUR = 60
REAL = Path(__file__).parents[3] / "shared" / "data"
FINGERPRINT = """
import gzip, hashlib
from stats_assets.demo.world.world import World
world, digest = World(seed={seed}), hashlib.sha256()
for sequence in range(world.first, world.first + 40):
    digest.update(world.augmented_diff(sequence))
for sequence in range(world.changesets_first, world.newest_changeset_file(world.first + 39) + 1):
    digest.update(world.changeset_file(sequence).packed)
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def hour(world: World) -> list[ET.Element]:
    return [parse(world, world.first + number) for number in range(HOUR)]


@pytest.fixture(scope="module")
def changeset_files(world: World) -> list[ChangesetFile]:
    newest = world.newest_changeset_file(world.first + HOUR - 1)
    return [world.changeset_file(number).file for number in range(world.changesets_first, newest + 1)]


def parse(world: World, sequence: int) -> ET.Element:
    return ET.fromstring(gzip.decompress(world.augmented_diff(sequence)))  # noqa: S314 (our own text)


def fingerprint(seed: int, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    code = FINGERPRINT.format(seed=seed)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout  # noqa: S603


def test_every_process_has_the_same_world_and_every_seed_another() -> None:
    first = fingerprint(1, "1")
    assert fingerprint(1, "2") == first
    assert fingerprint(2, "1") != first


def test_a_minute_is_the_same_however_the_world_got_there(world: World) -> None:
    late, early = World(), world
    late.augmented_diff(late.first + 50)
    early.augmented_diff(early.first + 10)
    for number in (0, 10, 50):
        assert late.augmented_diff(late.first + number) == early.augmented_diff(early.first + number)
    newest = late.newest_changeset_file(late.first + 10)
    assert newest == early.newest_changeset_file(early.first + 10)
    assert late.changeset_file(newest) == early.changeset_file(newest)


def test_nothing_is_below_the_first(world: World) -> None:
    with pytest.raises(LookupError, match="below"):
        world.augmented_diff(world.first - 1)
    with pytest.raises(LookupError, match="below"):
        world.changeset_file(world.changesets_first - 1)


def test_minutes_follow_the_formula() -> None:
    assert since(0) == datetime(2012, 9, 12, 6, 55, tzinfo=UTC)
    assert until(2360002) == datetime(2017, 3, 9, 4, 18, tzinfo=UTC)


def test_timestamps_lie_in_their_minute_and_at_its_very_end_too(world: World, hour: list[ET.Element]) -> None:
    at_the_end = 0
    for number, root in enumerate(hour):
        begin, end = since(world.first + number), until(world.first + number)
        base = datetime.fromisoformat(root.find("meta").attrib["osm_base"])  # type: ignore[union-attr]
        assert base >= end
        for action in root.iter("action"):
            new = action[0] if action.get("type") == "create" else action.find("new/*")
            old = action.find("old/*")
            assert new is not None
            at = datetime.fromisoformat(new.attrib["timestamp"])
            minor = old is not None and old.attrib["version"] == new.attrib["version"]
            assert minor or begin < at <= end or new.attrib["changeset"] == "0"
            at_the_end += at == end
    assert at_the_end


def test_the_first_hour_has_every_kind_of_edit(world: World, hour: list[ET.Element]) -> None:
    seen: Counter[str] = Counter()
    for root in hour:
        for action in root.iter("action"):
            new = action[0] if action.get("type") == "create" else action.find("new/*")
            old = action.find("old/*")
            assert new is not None
            kind, tags = (
                action.attrib["type"],
                {tag.attrib["k"]: tag.attrib["v"] for tag in new.findall("tag")},
            )
            same = old is not None and old.attrib["version"] == new.attrib["version"]
            seen[f"{'minor' if same else kind} {new.tag}{'' if tags or kind == 'delete' else ' bare'}"] += 1
            seen[f"{kind} version {new.attrib['version']}"] += 1
            seen[f"relation {tags.get('type')}"] += new.tag == "relation"
            seen["hole"] += new.find("member[@role='inner']") is not None
            seen["anonymous"] += new.attrib["uid"] == "0" and new.attrib.get("user") == ""
            seen["nobody"] += new.attrib["changeset"] == "0"
            positions = ["lat" in nd.attrib for nd in new.findall("nd")]
            seen["no positions"] += bool(positions) and not any(positions)
            seen["bare member"] += any(len(member) == 0 for member in new.findall("member[@type='way']"))
    expected = [
        *("create node", "create node bare", "create way", "create way bare", "create relation"),
        *("modify node", "modify node bare", "modify way", "modify relation"),
        *("delete node", "delete way", "delete relation"),
        *("minor way", "minor way bare", "minor relation"),
        *("create version 1", "create version 2", "create version 3", "modify version 3"),
        *("relation multipolygon", "relation boundary", "relation route", "relation waterway", "hole"),
        *("anonymous", "nobody", "no positions", "bare member"),
    ]
    assert [kind for kind in expected if not seen[kind]] == []
    entries = [entry for entry in world.book.entries if entry.sequence < world.first + HOUR]
    counted = {key for entry in entries for key in entry.counts}
    assert len(counted) >= 30  # ten categories, each added, modified and deleted
    assert {len(entry.countries) for entry in entries} >= {0, 1, 2, 3}
    assert {key for entry in entries for key, _ in entry.measurements} >= {
        f"{measure}_{change}"
        for measure in ("road_km", "waterway_km", "coastline_km", "railline_km", "landuse_km2", "natural_km2")
        for change in ("added", "modified", "deleted")
    }
    assert any(entry.changeset < 2**31 for entry in entries)
    assert any(entry.changeset >= 2**31 for entry in entries)


def test_a_mapper_is_renamed_midway(world: World, hour: list[ET.Element]) -> None:
    names = [
        (number, element.attrib["user"])
        for number, root in enumerate(hour)
        for element in root.iter()
        if element.get("uid") == str(RENAMED.uid)
        and since(world.first + number).isoformat()[:16] < element.get("timestamp", "")
    ]
    assert {name for _, name in names} == {RENAMED.name, RENAMED.later}
    assert max(number for number, name in names if name == RENAMED.name) < min(
        number for number, name in names if name == RENAMED.later
    )


def test_elements_come_in_order_and_once(hour: list[ET.Element]) -> None:
    rank = {"node": 0, "way": 1, "relation": 2}
    for root in hour:
        elements = [action.find(".//*[@version]") for action in root.iter("action")]
        keys = [(rank[element.tag], int(element.attrib["id"])) for element in elements if element is not None]
        assert keys == sorted(set(keys))


def test_changesets_appear_when_opened_closed_and_commented(changeset_files: list[ChangesetFile]) -> None:
    appearances: dict[int, list[str]] = {}
    for file in changeset_files:
        ids = [changeset.id for changeset in file.changesets]
        assert ids == sorted(set(ids))
        for changeset in file.changesets:
            state = "commented" if changeset.discussion else "closed" if changeset.closed_at else "open"
            appearances.setdefault(changeset.id, []).append(state)
    ways = {tuple(states) for states in appearances.values()}
    assert {
        ("open",),
        ("open", "closed"),
        ("closed",),
        ("open", "closed", "commented"),
        ("commented",),
    } <= ways


def test_changeset_files_hold_what_happened_before_their_run(changeset_files: list[ChangesetFile]) -> None:
    runs = [file.last_run for file in changeset_files]
    assert all(file.newest is None or file.newest < file.last_run for file in changeset_files)
    gaps = [later - earlier for earlier, later in pairwise(runs)]
    assert max(gaps) > timedelta(seconds=100)
    assert sorted(gaps)[len(gaps) // 2] < timedelta(seconds=75)


def test_metadata_may_come_without_edits_late_or_never(
    world: World, changeset_files: list[ChangesetFile]
) -> None:
    last = world.first + HOUR - 1
    edited = {entry.changeset: entry.sequence for entry in world.book.entries if entry.sequence <= last}
    first_seen = {c.id: file.last_run for file in reversed(changeset_files) for c in file.changesets}
    assert set(first_seen) - set(edited)
    assert set(edited) - set(first_seen)
    assert any(first_seen[number] > until(edited[number] + 7) for number in set(edited) & set(first_seen))
    assert any(changeset.uid == ANONYMOUS for file in changeset_files for changeset in file.changesets)


def test_coordinates_have_seven_decimals() -> None:
    assert [degrees(value) for value in (0, -1, 123, 471523000, -1800000000)] == [
        *("0.0000000", "-0.0000001", "0.0000123", "47.1523000", "-180.0000000"),
    ]


def real(name: str) -> bytes:
    path = REAL / name
    if not path.exists():
        pytest.skip(f"the real feed file {name} is not there: it lies outside the repository")
    return gzip.decompress(path.read_bytes())


def test_an_empty_minute_is_overpass_s_byte_for_byte() -> None:
    base = datetime(2017, 3, 9, 4, 17, tzinfo=UTC)
    assert write_augmented_diff((), base) == real("overpass/future-next.gz")


def test_a_creation_and_a_deletion_are_overpass_s_byte_for_byte() -> None:
    """The first three actions of the one answer, and a building's deletion in the other, written anew."""
    at = datetime(2017, 3, 9, 4, 25, 5, tzinfo=UTC)
    base = datetime(2017, 3, 9, 5, 15, 2, tzinfo=UTC)
    atlas = Map()
    minute = Minute(atlas, 2360010)
    shop = {"name": "Brot & “Kuchen”", "shop": "bakery"}
    minute.put(Node(7000023504, Stamp(1, at, 46700000, 1000, "anna"), shop, (471523000, 95244000)))
    later = Stamp(1, at + timedelta(seconds=1), 46700000, 1000, "anna")
    numbers = range(7000023505, 7000023509)
    for step, number in enumerate(numbers):
        minute.put(Node(number, later, {}, (471530000 + 5000 * step, 95250000)))
    street = Stamp(1, at + timedelta(seconds=2), 46700000, 1000, "anna")
    minute.put(Way(900000324, street, {"highway": "service"}, tuple(numbers)))
    written = write_augmented_diff(minute.actions(), base)
    assert real("overpass/script-creates.gz").startswith(written.removesuffix(b"\n</osm>\n"))

    atlas, building = Map(), {"addr:housenumber": "4", "building": "yes"}
    planner = Stamp(1, datetime(2016, 2, 3, 4, 17, tzinfo=UTC), 20, 501, "town planner")
    corners = ((471403000, 95233000), (471403000, 95236000), (471406000, 95236000), (471406000, 95233000))
    numbers = range(7000022184, 7000022188)
    for number, corner in zip(numbers, corners, strict=True):
        atlas.put(Node(number, planner, {}, corner))
    atlas.put(Way(900000030, planner, building, (*numbers, numbers[0])))
    minute = Minute(atlas, 2360015)
    minute.drop(
        ("way", 900000030), Stamp(2, datetime(2017, 3, 9, 4, 30, 9, tzinfo=UTC), 46700000, 1000, "anna")
    )
    action = write_augmented_diff(minute.actions(), base).split(b"\n\n", 1)[1].removesuffix(b"\n</osm>\n")
    assert action in real("overpass/script-deletes.gz")


def test_changeset_files_look_like_the_planet_s(changeset_files: list[ChangesetFile]) -> None:
    begin, end = real("245.osm.gz").split(b"\n  <changeset", 1)[0], b"  </changeset>\n</osm>\n"
    full = next(file for file in changeset_files if file.changesets)
    assert write_changesets(full.changesets).startswith(begin + b"\n  <changeset id=")
    assert real("245.osm.gz").endswith(end)
    assert write_changesets(full.changesets).endswith(end)
    assert write_changesets(()) == begin.removesuffix(b">") + b"/>\n"
