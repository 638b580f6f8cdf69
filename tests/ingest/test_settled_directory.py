"""A directory whose state says how far its bodies are settled: read once more when it says so, and not before."""

import gzip
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, build_sensor_context

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import asked
from stats_assets.database.ledger.due_again import late
from stats_assets.database.ledger.heads import head_of
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.feeds.body import Body
from stats_assets.feeds.directory import DirectorySource
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.sequences import covers, path_of
from stats_assets.ingest.feed_head import of_tick
from stats_assets.ingest.mode import BY_HAND, LATE, LIVE, Mode
from stats_assets.ingest.read import settled_to
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import Report
from stats_assets.orchestration import stream_sensor
from stats_assets.orchestration.partitions import LATE_TAG
from stats_assets.settings import Settings
from stats_assets.streams import TABLE, Stream
from stats_assets.system import Stats
from tests.conftest import settings_for
from tests.truth import differences, statistics_of, truth_of

DIFFS: Stream = "augmented_diffs"
FIRST = 7_000_000
HOUR = timedelta(hours=1)
NODE = (
    '<action type="create"><node id="{id}" version="1" timestamp="{time:%FT%TZ}" uid="31" user="a" changeset="2"'
    ' lat="1" lon="2"><tag k="highway" v="crossing"/></node></action>'
)


class Made:
    """A directory of made documents, written as a maker does: the documents, then the state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, sequence: int, *ids: int, base: datetime | None) -> None:
        until = covers(sequence).until
        nodes = "".join(NODE.format(id=n, time=until) for n in ids)
        meta = "" if base is None else f'<meta osm_base="{base:%FT%TZ}"/>'
        file = self.folder / f"{path_of(sequence)}.adiff.xml.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'<osm version="0.6">{meta}{nodes}</osm>')

    def state(self, sequence: int, settled: int | None) -> None:
        said = "" if settled is None else f"settled: {settled}\n"
        last_run = covers(sequence).until
        text = f"---\nlast_run: {last_run:%F %T}.000000000 +00:00\nsequence: {sequence}\n{said}"
        (self.folder / "state.yaml").write_text(text)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    (tmp_path / "made").mkdir()
    return Made(tmp_path / "made")


@pytest.fixture
def system(made: Made, url: str, tmp_path: Path) -> Stats:
    return Stats(
        Settings(
            database_url=url,
            augmented_diffs_url=str(made.folder),
            stats_data_dir=tmp_path / "data",
            retry_first_seconds=0.001,
            retry_max_seconds=0.001,
        )
    )


def go(system: Stats, mode: Mode = LIVE, first: int = FIRST, last: int = FIRST + 4) -> Report:
    with system.connect() as connection:  # what is known of the head is of before the state was written
        connection.execute("UPDATE heads SET asked_at = asked_at - interval '1 hour'")
    return run_range(system.work(DIFFS), system.url, f"run-{uuid.uuid4()}", first, last, mode)


def settled(connection: Connection) -> list[int]:
    found = connection.execute("SELECT sequence FROM ledger WHERE settled_at IS NOT NULL ORDER BY 1")
    return [row[0] for row in found.fetchall()]


def counted(connection: Connection) -> dict[int, tuple[int, int]]:
    """Actions, and reads in vain, of each sequence."""
    found = connection.execute("SELECT sequence, actions, rereads FROM ledger ORDER BY 1").fetchall()
    return {sequence: (actions, rereads) for sequence, actions, rereads in found}


def test_what_is_above_the_states_settled_is_read_once_more_when_that_has_passed_it(
    made: Made, system: Stats, connection: Connection
) -> None:
    for sequence in range(FIRST, FIRST + 5):
        made.write(sequence, 1, base=covers(sequence).until)
    made.state(FIRST + 4, FIRST + 1)
    assert go(system).committed == 5
    assert settled(connection) == [FIRST, FIRST + 1]
    assert late(connection, DIFFS, FIRST + 1, batch=0) == []
    made.write(FIRST + 2, 1, 2, base=covers(FIRST + 2).until + 2 * HOUR)  # the other stays as it is
    made.state(FIRST + 4, FIRST + 3)
    assert go(system, LATE).verdicts == {"committed": 1, "unchanged": 1}
    assert settled(connection) == [*range(FIRST, FIRST + 4)]
    assert counted(connection) == {n: (2 if n == FIRST + 2 else 1, 0) for n in range(FIRST, FIRST + 5)}
    assert go(system, LATE).due == 0
    made.state(FIRST + 4, FIRST + 4)
    assert go(system, LATE).verdicts == {"unchanged": 1}
    assert settled(connection) == [*range(FIRST, FIRST + 5)]


def test_a_tick_asks_for_the_second_read(made: Made, system: Stats, connection: Connection) -> None:
    for sequence in range(FIRST, FIRST + 5):
        made.write(sequence, 1, base=covers(sequence).until)
    made.state(FIRST + 4, FIRST - 1)
    go(system)
    connection.execute("UPDATE ledger SET fetched_at = fetched_at - interval '3 h'")

    def asked_for() -> list[str]:
        with DagsterInstance.ephemeral() as instance:
            connection.execute("DELETE FROM streams; DELETE FROM heads")
            connection.execute(
                "INSERT INTO streams (stream, origin, checkpoint) VALUES (%s, %s, %s)",
                (DIFFS, FIRST, FIRST + 4),
            )
            context = build_sensor_context(instance=instance, cursor=str(FIRST + 4))
            result: Any = stream_sensor.tick(context, system, DIFFS)
        return [request.tags[LATE_TAG] for request in result.run_requests or ()]

    assert asked_for() == []
    made.state(FIRST + 4, FIRST)
    assert asked_for() == ["true"]


@pytest.mark.parametrize(
    ("bases", "counts"),
    [
        ((HOUR, 2 * HOUR), 2),
        ((2 * HOUR, HOUR), 1),
        ((HOUR, HOUR), 2),
        ((None, HOUR), 2),
        ((HOUR, None), 2),
        ((None, None), 2),
    ],
)
def test_the_later_osm_base_counts_else_the_later_read(
    bases: tuple[timedelta | None, timedelta | None],
    counts: int,
    made: Made,
    system: Stats,
    connection: Connection,
) -> None:
    for settled_to_, ids, base in zip((FIRST - 1, FIRST), ((1,), (1, 2)), bases, strict=True):
        made.write(FIRST, *ids, base=None if base is None else covers(FIRST).until + base)
        made.state(FIRST, settled_to_)
        go(system, LIVE if settled_to_ < FIRST else LATE, last=FIRST)
    assert counted(connection)[FIRST] == (counts, 0)
    assert settled(connection) == [FIRST]


def test_where_the_state_says_nothing_all_is_settled_at_once(
    made: Made, system: Stats, connection: Connection
) -> None:
    made.write(FIRST, 1, base=covers(FIRST).until)
    made.state(FIRST, None)
    go(system, last=FIRST)
    assert settled(connection) == [FIRST]
    assert settled_to(system.source(DIFFS), 3900, FIRST) == FIRST


def test_of_an_archived_body_its_own_osm_base_tells(
    made: Made, system: Stats, connection: Connection
) -> None:
    """When it was fetched the state may have said less."""
    for sequence, after in ((FIRST, 2 * HOUR), (FIRST + 1, HOUR / 2), (FIRST + 2, None)):
        made.write(sequence, 1, base=None if after is None else covers(sequence).until + after)
    made.state(FIRST + 2, -1)
    go(system, last=FIRST + 2)
    assert settled(connection) == []
    connection.execute("DELETE FROM ledger; DELETE FROM ledger_blocks")
    made.state(FIRST + 2, FIRST + 2)
    report = go(system, last=FIRST + 2)
    assert (report.committed, settled(connection)) == (3, [FIRST])
    assert go(system, LATE, last=FIRST + 2).verdicts == {"unchanged": 2}
    assert settled(connection) == [FIRST, FIRST + 1, FIRST + 2]


def test_by_hand_without_a_state_the_last_one_counts(
    made: Made, system: Stats, connection: Connection
) -> None:
    made.write(FIRST, 1, base=covers(FIRST).until)
    made.state(FIRST, FIRST - 1)
    of_tick(connection, system.source(DIFFS), DIFFS, FIRST - 1)
    (made.folder / "state.yaml").unlink()
    assert go(system, BY_HAND, last=FIRST).committed == 1
    assert settled(connection) == []


def test_a_directory_whose_bodies_fail_gets_no_late_run_a_tick(
    made: Made, system: Stats, connection: Connection
) -> None:
    for sequence in range(FIRST, FIRST + 5):
        made.write(sequence, 1, base=covers(sequence).until)
    made.state(FIRST + 4, FIRST - 1)
    go(system)
    for sequence in range(FIRST, FIRST + 5):
        (made.folder / f"{path_of(sequence)}.adiff.xml.gz").write_text("<html>out of order</html>")
    made.state(FIRST + 4, FIRST + 4)
    assert "out of order" in str(go(system, LATE).ended_early)
    assert asked.fails(connection, DIFFS)


def test_our_own_archive_says_nothing_of_it(system: Stats, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_text("<osm/>")
    archive = system.archive(DIFFS)
    archive.put(Body(FIRST, path, "http://feed/1", 6, datetime.now(UTC), 0.1))
    assert DirectorySource(archive.url, TABLE[DIFFS].suffix, Http("test")).ask().settled is None


def _made_of(
    world: World, made: Made, feed: DemoFeed, sequence: int, fault: faults.Fault | None = None
) -> None:
    """A made document: the world's minute with its own head, and late edits missing where a fault says so."""
    body = gzip.decompress(world.augmented_diff(sequence))
    if fault is not None:
        body = fault(faults.Answer(200, "text/xml", body)).body
    file = made.folder / f"{path_of(sequence)}.adiff.xml.gz"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(body.replace(b"Overpass API", b"a maker")))


@pytest.mark.parametrize("back", [False, True], ids=["to a made directory", "and back"])
def test_a_switch_in_mid_lateness_counts_nothing_twice_and_loses_nothing(
    back: bool,
    made: Made,
    world: World,
    feed: DemoFeed,
    url: str,
    tmp_path: Path,
    connection: Connection,
) -> None:
    """Each has a part of the minutes' edits at first; what was not settled is done again from the new one."""
    first, head = world.first, feed.head
    middle = first + 4
    overpass = Stats(settings_for(feed, url, tmp_path / "data"))
    later = Stats(
        settings_for(feed, url, tmp_path / "data", settle_seconds=120)
    )  # an hour is two minutes here
    directory = Stats(settings_for(feed, url, tmp_path / "data", augmented_diffs_url=str(made.folder)))

    def tick(system: Stats, cursor: int) -> None:
        connection.execute("UPDATE streams SET instance_id = NULL")
        with DagsterInstance.ephemeral() as instance:
            stream_sensor.tick(build_sensor_context(instance=instance, cursor=str(cursor)), system, DIFFS)

    for sequence in range(first, head + 1):
        feed.faults.put(faults.thinner(0.4), stream=DIFFS, sequence=sequence)
        _made_of(world, made, feed, sequence, faults.thinner(0.5))
    made.state(head, first - 1)
    connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint) VALUES (%s, %s, %s)", (DIFFS, first, first - 1)
    )
    tick(overpass, first - 1)
    assert go(overpass, first=first, last=middle).committed == 5
    tick(directory, middle)
    assert head_of(connection, DIFFS).source == str(made.folder)
    go(directory, first=middle + 1, last=head)
    assert settled(connection) == []
    last = directory
    if back:
        tick(overpass, head)
        assert head_of(connection, DIFFS).source == f"{feed.url}/api/augmented_diff"
        feed.advance(3)
        last = later
    feed.faults.clear()
    for sequence in range(first, head + 1):
        _made_of(world, made, feed, sequence)
    made.state(head, head)
    report = go(last, LATE, first=first, last=head)
    assert report.committed == head - first + 1
    assert settled(connection) == [*range(first, head + 1)]
    run_range(overpass.work("changesets"), url, "changesets", world.changesets_first, feed.changesets_head)
    apply_queue(connection)
    ends = {"augmented_diffs": head, "changesets": feed.changesets_head}
    assert differences(truth_of(feed.url, **ends), statistics_of(connection)) == []
