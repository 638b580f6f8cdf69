"""Categories and regions that change while all goes on: noticed, said, and brought up to date from the archive."""

import gzip
import json
import uuid
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, build_sensor_context

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.spans import counted_under_older
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.database.statistics.passes import verify
from stats_assets.definitions import defs
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.feed_head import known_of
from stats_assets.ingest.mode import BY_HAND
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import Report
from stats_assets.orchestration.stream_checks import evaluate
from stats_assets.osm.categories import CategoriesError
from stats_assets.settings import Settings
from stats_assets.streams import STREAMS, Stream
from stats_assets.system import Stats
from tests.conftest import MINUTES, Run, database, settings_for
from tests.database.test_statistics import aggregates
from tests.recompute import recomputed

DIFFS: Stream = "augmented_diffs"
Do = Callable[..., Report]


@pytest.fixture
def categories(tmp_path: Path) -> Path:
    path = tmp_path / "categories.yaml"
    path.write_bytes((files("stats_assets.osm") / "data" / "categories.yaml").read_bytes())
    return path


@pytest.fixture
def regions(tmp_path: Path) -> Path:
    path = tmp_path / "regions.geojson"
    packed = (files("stats_assets.osm") / "data" / "regions.geojson.gz").read_bytes()
    path.write_bytes(gzip.decompress(packed))
    return path


@pytest.fixture
def given(feed: DemoFeed, url: str, tmp_path: Path, categories: Path, regions: Path) -> Settings:
    return settings_for(feed, url, tmp_path / "data", categories_file=categories, regions_file=regions)


@pytest.fixture
def stats(given: Settings) -> Stats:
    return Stats(given)


@pytest.fixture
def do(stats: Stats) -> Do:
    def call(start: int, end: int, **how: Any) -> Report:
        return run_range(stats.work(DIFFS), stats.url, f"run-{uuid.uuid4()}", start, end, **how)

    return call


def rename_category(categories: Path) -> None:
    text = categories.read_text().replace("  buildings:\n", "  houses:\n")
    assert "  houses:\n" in text
    categories.write_text(text)


def change_regions(regions: Path) -> None:
    """Kenya gets another name, and half the world becomes a region."""
    document = json.loads(regions.read_text())
    kenya = next(feature for feature in document["features"] if feature["properties"]["code"] == "KEN")
    kenya["properties"]["name"] = "Jamhuri ya Kenya"
    north = {"type": "Polygon", "coordinates": [[[-180, 0], [180, 0], [180, 90], [-180, 90], [-180, 0]]]}
    properties = {"code": "NORTH", "name": "The northern half"}
    document["features"].append({"type": "Feature", "properties": properties, "geometry": north})
    regions.write_text(json.dumps(document))


def older(stats: Stats, connection: Connection) -> list[tuple[int, int]]:
    return counted_under_older(connection, DIFFS, stats.reader(DIFFS).definitions)


@pytest.mark.parametrize("what", ["categories", "regions"])
def test_a_change_is_noticed_said_and_counted_from_the_archive(
    what: str,
    feed: DemoFeed,
    world: World,
    stats: Stats,
    given: Settings,
    do: Do,
    connection: Connection,
    server: str,
    categories: Path,
    regions: Path,
) -> None:
    first, last = world.first, feed.head
    do(first, last - 5)
    assert older(stats, connection) == []
    kenya = connection.execute("SELECT id FROM countries WHERE code = 'KEN'").fetchone()
    if what == "categories":
        rename_category(categories)
    else:
        change_regions(regions)
    do(last - 4, last)  # the stream goes on, by the new ones
    assert older(stats, connection) == [(first, last - 5)]
    check = evaluate(stats, connection, DIFFS, last, known_of(connection, stats.source(DIFFS), DIFFS))[
        "same_definitions"
    ]
    assert not check.passed
    assert f"--start {first} --end {last - 5}" in (check.description or "")
    feed.stop()
    report = do(first, last - 5, mode=BY_HAND)
    feed.start()
    assert (report.committed, report.left) == (MINUTES - 5, 0)
    apply_queue(connection)
    assert older(stats, connection) == []
    assert evaluate(stats, connection, DIFFS, last, known_of(connection, stats.source(DIFFS), DIFFS))[
        "same_definitions"
    ].passed
    assert verify(connection, "test").differences == []
    found = aggregates(connection)
    assert found == recomputed(connection)
    with database(server) as fresh:
        anew = Stats(given.model_copy(update={"database_url": fresh}))
        run_range(anew.work(DIFFS), fresh, "run", first, last)
        with anew.connect() as other:
            apply_queue(other)
            assert aggregates(other) == found
    if what == "categories":
        assert any("houses_added" in user["counts"] for user in found["users"].values())
        assert not any("buildings_added" in user["counts"] for user in found["users"].values())
    else:
        assert found["countries"]["NORTH"]["edit_count"] > 0
        row = connection.execute("SELECT id, name FROM countries WHERE code = 'KEN'").fetchone()
        assert row == (*(kenya or ()), "Jamhuri ya Kenya")


def test_who_reads_no_bodies_has_the_readers_definitions(given: Settings, categories: Path) -> None:
    categories.write_text(categories.read_text().replace("- highway", "- highways", 1))
    known = set()
    for packaged in ({}, {"regions_file": None}, {"regions_file": None, "categories_file": None}):
        stats = Stats(given.model_copy(update=packaged))
        for stream in STREAMS:
            assert stats.definitions(stream) == stats.reader(stream).definitions
        known.add(stats.definitions(DIFFS))
    assert len(known) == 2  # the file of regions is the packaged one


def test_spans_of_several_older_definitions(connection: Connection) -> None:
    assert counted_under_older(connection, DIFFS, "new") == []
    for sequence in range(40):
        definitions = "ab"[sequence // 10] if sequence < 20 else "c" if sequence == 30 else "new"
        connection.execute(
            "INSERT INTO ledger (stream, sequence, result, definitions) VALUES (%s, %s, 'committed', %s)",
            (DIFFS, sequence, definitions),
        )
    for sequence in (710, 712):  # an island's
        connection.execute(
            "INSERT INTO ledger (stream, sequence, result, definitions) VALUES (%s, %s, 'committed', 'a')",
            (DIFFS, sequence),
        )
    connection.execute(
        "INSERT INTO ledger_blocks (stream, block, done) VALUES (%(s)s, 0, 40), (%(s)s, 700, 2), (%(s)s, 800, 0)",
        {"s": DIFFS},
    )
    assert counted_under_older(connection, DIFFS, "new") == [(0, 19), (30, 30), (710, 712)]
    assert counted_under_older(connection, DIFFS, "other") == [(0, 39), (710, 712)]
    assert counted_under_older(connection, "changesets", "other") == []


def test_a_file_that_is_broken_stops_the_counting_and_is_said(
    given: Settings, stats: Stats, categories: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = categories.read_text()
    categories.write_text(good + "  nonsense: [\n")
    with pytest.raises(CategoriesError):
        stats.work(DIFFS)
    for name in Settings.model_fields:
        if getattr(given, name) is not None:
            monkeypatch.setenv(name.upper(), str(getattr(given, name)))
    repository = defs.get_repository_def()
    with DagsterInstance.ephemeral() as instance:
        context = build_sensor_context(instance=instance, repository_def=repository)
        sensor = repository.get_sensor_def(f"{DIFFS}_stream")
        result: Any = sensor(context)
        assert result.run_requests == []
        assert "Nothing is counted until that is mended" in result.skip_reason.skip_message
        events = {event.check_name: event for event in result.asset_events}
        assert not events["same_definitions"].passed
        assert str(categories) in events["same_definitions"].description
        categories.write_text(good)
        mended: Any = sensor(context)
        assert len(mended.run_requests) == 1


def test_status_says_what_was_counted_under_older_definitions(
    run: Run, feed: DemoFeed, world: World, given: Settings, do: Do, categories: Path
) -> None:
    do(world.first, feed.head)
    environment = {
        n.upper(): str(getattr(given, n)) for n in Settings.model_fields if getattr(given, n) is not None
    }
    assert (
        json.loads(run("status", "--json", **environment).stdout)["streams"][DIFFS]["older_definitions"] == []
    )
    rename_category(categories)
    found = json.loads(run("status", "--json", **environment).stdout)
    assert found["streams"][DIFFS]["older_definitions"] == [[world.first, feed.head]]
    assert f"--start {world.first} --end {feed.head}" in run("status", **environment).stdout
    categories.write_text("[]")
    broken = run("status", **environment)
    assert (broken.returncode, str(categories) in broken.stderr) == (2, True)
