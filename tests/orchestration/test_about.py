"""What Dagster's UI says of each asset, check, job, sensor, schedule and config field: all of it, and it is right."""

import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from dagster import (
    AssetKey,
    AssetSpec,
    CodeReferencesMetadataValue,
    DagsterInstance,
    Definitions,
    TableSchema,
    UrlCodeReference,
)

from stats_assets import __version__
from stats_assets.database.columns import COLUMNS
from stats_assets.database.connection import Connection
from stats_assets.database.statistics.owners import OWNERS
from stats_assets.definitions import defs
from stats_assets.demo.feed import DemoFeed
from stats_assets.orchestration.assets.about import PAGES, linked
from stats_assets.orchestration.assets.statistics import statistics
from stats_assets.orchestration.assets.tables import FOUND_ALONE, observe, tables
from stats_assets.orchestration.charts import bars
from stats_assets.settings import PROJECT
from stats_assets.streams import TABLE
from stats_assets.system import Stats
from tests.orchestration.test_stream_sensor import environment  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[2]
BLOB = f"{PROJECT}/blob/v{__version__}/"
GRAPH = defs.resolve_asset_graph()
NAMES = sorted(key.to_user_string() for key in GRAPH.get_all_asset_keys())


@pytest.mark.parametrize("name", NAMES)
def test_an_asset_says_whose_it_is_what_it_holds_and_where_to_read_on(name: str) -> None:
    node = GRAPH.get(AssetKey(name))
    assert node.owners
    assert node.tags["layer"] in ("source", "raw", "facts", "statistics")
    assert node.kinds
    assert (node.description or "").endswith(".")
    assert node.group_name != "default"
    document = str(node.metadata["documentation"].value)
    assert document.startswith(f"{BLOB}docs/")
    file, _, anchor = document.removeprefix(BLOB).partition("#")
    text = (ROOT / file).read_text()
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert not anchor or anchor in anchors
    if name in COLUMNS:
        schema = node.metadata["dagster/column_schema"]
        assert isinstance(schema, TableSchema) or isinstance(schema.value, TableSchema)
        assert node.metadata["dagster/relation_identifier"] == name
    else:
        assert "dagster/column_schema" not in node.metadata


@pytest.mark.parametrize("name", NAMES)
def test_its_code_is_where_the_link_leads(name: str) -> None:
    references = GRAPH.get(AssetKey(name)).metadata["dagster/code_references"]
    assert isinstance(references, CodeReferencesMetadataValue)
    [place] = references.code_references
    assert isinstance(place, UrlCodeReference)
    file, line = place.url.removeprefix(BLOB).split("#L")
    lines = (ROOT / file).read_text().splitlines()
    assert re.match(r"(def |@)", lines[int(line) - 1])


def test_tables_and_views_that_are_asked_for_are_assets() -> None:
    assert set(COLUMNS) <= set(NAMES)


def test_all_that_one_can_start_or_set_explains_itself() -> None:
    repository = defs.get_repository_def()
    own = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    said: dict[str, str | None] = {one.name: one.description for one in own}
    said |= {one.name: one.description for one in repository.sensor_defs}
    said |= {one.name: one.description for one in repository.schedule_defs}
    assert [name for name, description in said.items() if not (description or "").endswith(".")] == []
    for key in GRAPH.asset_check_keys:
        assert (GRAPH.get_check_spec(key).description or "").endswith("."), key
    for job in own:
        for node in job.nodes:
            schema = node.definition.config_schema
            fields = getattr(schema and schema.config_type, "fields", None) or {}
            assert all(field.description for field in fields.values()), job.name


def test_pages_are_linked_where_the_web_servers_address_is_set() -> None:
    assert set(PAGES) <= set(NAMES)
    assert linked([statistics, *tables], None) == [statistics, *tables]
    for address in ("https://stats.example", "https://stats.example/"):
        found = Definitions(
            assets=linked([AssetSpec("changesets_feed"), statistics, *tables], address)
        ).resolve_asset_graph()
        pages = {
            key.to_user_string(): found.get(key).metadata["page"].value
            for key in found.get_all_asset_keys()
            if "page" in found.get(key).metadata
        }
        assert pages.pop("changesets_feed") == pages.pop("checkpoints") == "https://stats.example/quality"
        assert pages == dict.fromkeys((owner.view for owner in OWNERS.values()), "https://stats.example/")


def test_an_observation_says_rows_and_how_far_the_streams_are(stats: Stats) -> None:
    """Of an empty database, too."""
    with stats.look() as connection:
        found = observe(stats, connection)
    assert {stream.feed for stream in TABLE.values()} | set(COLUMNS) == set(found)
    assert all(found[name]["dagster/row_count"] == 0 for name in COLUMNS)
    assert found["checkpoints"]["changesets_committed_in_24_h"] == 0
    assert found["user_days"]["edits_by_day"].value.endswith(": none.")


def test_a_chart_is_small_enough_to_be_shown_at_once_and_names_its_ends_and_its_highest() -> None:
    said = bars("Edits", [("1 Jan", 0), ("2 Jan", 4), ("3 Jan", 2)], unit="edits")
    words, picture = said.split("\n\n")
    assert words == "Edits: 6 edits from 1 Jan to 3 Jan, 4 at most"
    svg = unquote(picture.removeprefix("![Edits](data:image/svg+xml,").removesuffix(")"))
    assert ElementTree.fromstring(svg)[0].attrib["d"] == "M240,64v-64M400,64v-32"  # noqa: S314 - our own
    assert not re.search(r"[\s()<>]", picture.removeprefix("![Edits](").removesuffix(")"))
    assert bars("Edits", [], unit="edits") == "Edits: none."
    most = [(f"{n:02d} Nov 23:00 UTC", 999_999_999 - n) for n in range(40)]
    assert len(bars("Edits by day, of all users", most, unit="edits")) < 1_000


def test_a_look_is_an_event_of_each_asset_and_a_failed_one_leaves_none_failed(
    feed: DemoFeed, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = defs.resolve_job_def("observation_job")
    with DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
        seen = {
            name: (
                instance.get_latest_materialization_event(AssetKey(name)) is not None,
                bool(instance.fetch_observations(AssetKey(name), limit=1).records),
            )
            for name in NAMES
        }
        assert {name for name, (made, _) in seen.items() if made} == set(FOUND_ALONE)
        feeds = {stream.feed for stream in TABLE.values()}
        assert {name for name, (_, looked) in seen.items() if looked} == {*COLUMNS, *feeds} - set(FOUND_ALONE)
        monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
        assert not job.execute_in_process(instance=instance, raise_on_error=False).success
        planned = instance.event_log_storage.get_asset_records([AssetKey("checkpoints")])
        assert [record.asset_entry.last_run_id for record in planned] == [
            record.run_id
            for record in instance.fetch_materializations(AssetKey("checkpoints"), limit=1).records
        ]
