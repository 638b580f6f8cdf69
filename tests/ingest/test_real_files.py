"""Real feed files through the whole system: each genuine answer to its outcome, real diffs to the rows of `stats`."""

import gzip
import json
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import ledger, pauses
from stats_assets.demo.answers.faults import Answer
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import NOT_YET
from stats_assets.streams import Stream
from stats_assets.system import Stats
from tests.conftest import DATA, real_file, settings_for
from tests.telling import telling
from tests.truth import exact_json

DIFFS: Stream = "augmented_diffs"
MINUTES = 5


@pytest.fixture
def minutes() -> int:
    return MINUTES


def test_real_diffs_through_feed_run_and_database_equal_the_command(
    url: str, connection: Connection, tmp_path: Path
) -> None:
    for name in ("2360002", "2360003"):
        shutil.copy(real_file(f"{name}.adiff.xml.gz"), tmp_path)
    with DemoFeed(directory=tmp_path) as feed:
        stats = Stats(settings_for(feed, url, tmp_path / "data"))
        report = run_range(stats.work(DIFFS), url, "run", 2360002, 2360003)
    assert (report.committed, report.actions) == (2, 780 + 1257)
    for sequence in (2360002, 2360003):
        assert rows(connection, sequence) == command(real_file(f"{sequence}.adiff.xml.gz"))


def command(file: Path) -> list[dict[str, Any]]:
    run = [
        sys.executable,
        "-c",
        "from stats_assets.cli.main import main; main()",
        "stats",
        "--json",
        str(file),
    ]
    found: list[dict[str, Any]] = exact_json(subprocess.run(run, check=True, capture_output=True).stdout)  # noqa: S603
    for changeset in found:
        changeset.pop("user")  # names are kept once, by the newest evidence
        changeset.pop("errors")
    return found


def rows(connection: Connection, sequence: int) -> list[dict[str, Any]]:
    query = """
        SELECT json_agg(json_build_object('changeset', changeset_id, 'uid', user_id, 'total_edits', total_edits,
            'counts', counts, 'measurements', measurements, 'countries', coalesce((
                SELECT json_object_agg(region, json_build_object('edit_count', edit_count, 'counts', c.counts,
                    'measurements', c.measurements))
                FROM changeset_edits_countries AS c
                WHERE c.sequence = e.sequence AND c.changeset_id = e.changeset_id), '{}'::json))
            ORDER BY changeset_id)::text
        FROM changeset_edits AS e WHERE sequence = %s
    """
    (text,) = connection.execute(query, (sequence,)).fetchone() or ("[]",)
    found: list[dict[str, Any]] = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return found


def test_a_real_changeset_file(url: str, connection: Connection, tmp_path: Path) -> None:
    for name in ("245.osm.gz", "2360002.adiff.xml.gz"):
        shutil.copy(real_file(name), tmp_path)
    with DemoFeed(directory=tmp_path) as feed:
        stats = Stats(settings_for(feed, url, tmp_path / "data"))
        assert run_range(stats.work("changesets"), url, "run", 245, 245).committed == 1
    row = connection.execute(
        "SELECT editor, comment, open, num_changes FROM changeset_metadata WHERE changeset_id = 31982803"
    ).fetchone()
    assert row == ("Potlatch 2", "Added Emerald Pool Waterfall", False, 4)


# What each genuine answer of an Overpass server leads to, when all other sequences answer well.
COMMITTED, WAITING, EARLY, REFUSED = (
    "committed",
    "waiting, an attempt counted",
    "not yet",
    "waiting, no attempt",
)
QUIET = "not done; the feed wants quiet"
OUTCOMES = {
    **dict.fromkeys(("future-next", "future-far", "partial-above-status"), EARLY),
    **dict.fromkeys(("killed-truncated", "cache-half-written", "cache-poisoned-empty"), WAITING),
    **dict.fromkeys(("remark-memory", "remark-timeout", "terminated-remark"), WAITING),
    "killed-before-output": WAITING,
    **dict.fromkeys(("rate-limited", "rate-limited-at-once"), QUIET),
    **dict.fromkeys(("overload-with-rate-limit", "overload-without-rate-limit"), WAITING),
    **dict.fromkeys(
        ("dispatcher-down", "dispatcher-crashed", "id-year-10000", "id-with-letters", "debug"), WAITING
    ),
    "duplicate-query": REFUSED,
}
STATUSES = ("status", "status-after-load", "status-2360020", "status-from-cache")
EMPTY_STATUSES = ("dispatcher-down-status", "dispatcher-crashed-status")


def recorded() -> list[str]:
    index = DATA / "overpass" / "index.json"
    return sorted(json.loads(index.read_text())) if index.exists() else ["index.json"]


TELLING = (  # of each outcome, and of each way that an answer is counted, one or two
    "ancient-not-empty",
    "cache-half-written",
    "dispatcher-crashed-status",
    "dispatcher-down",
    "duplicate-query",
    "future-next",
    "gzip",
    "id-with-letters",
    "killed-truncated",
    "late-after",
    "overload-with-rate-limit",
    "partial-above-status",
    "rate-limited",
    "remark-timeout",
    "script-delete-undelete",
    "script-empty-minute",
    "script-extreme-places",
    "script-unknown-members",
    "status",
)


@pytest.mark.parametrize("name", telling(recorded(), *(name for name in recorded() if name in TELLING)))
def test_a_genuine_answer_leads_to_its_outcome(
    name: str, feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    index = json.loads(real_file("overpass/index.json").read_text())[name]
    body = gzip.decompress(real_file(f"overpass/{name}.gz").read_bytes())
    kind = next((v for k, v in index["headers"].items() if k.lower() == "content-type"), "")
    encoding = next((v for k, v in index["headers"].items() if k.lower() == "content-encoding"), None)
    if encoding == "gzip":  # kept as sent; the demo's feed encodes by itself
        body = gzip.decompress(body)
    answer = Answer(index["status"], kind, body)
    if name in (*STATUSES, *EMPTY_STATUSES):
        feed.faults.put(lambda _: answer, path="/api/augmented_diff_status")
        report = run_range(stats.work(DIFFS), stats.url, "run", world.first, world.first)
        head = int(body) if name in STATUSES else None
        assert report.head == head
        assert bool(report.ended_early) == (name in EMPTY_STATUSES)
        return
    sequence = world.first + 2
    feed.faults.put(lambda _: _as_if_now(answer, name), stream=DIFFS, sequence=sequence)
    report = run_range(stats.work(DIFFS), stats.url, "run", world.first, feed.head)
    (row,) = ledger.rows(connection, DIFFS, [sequence])
    expected = OUTCOMES.get(name, COMMITTED)
    quiet = pauses.quiet(connection, DIFFS) is not None
    found = {
        ("committed", "idle", 0): COMMITTED,
        ("none", "waiting", 1): WAITING,
        ("none", "waiting", 0): REFUSED,
        ("none", "idle", 0): QUIET if quiet else EARLY,
    }[row.result, row.work, row.attempts]
    assert found == expected, report
    assert report.committed == {COMMITTED: MINUTES, EARLY: 2, QUIET: 2}.get(expected, MINUTES - 1)
    assert (report.ended_early == NOT_YET) == (expected == EARLY)


def _as_if_now(answer: Answer, name: str) -> Answer:
    """The answer with a database time that fits the demo's, unless its time being early is the point."""
    if OUTCOMES.get(name) == EARLY:
        return answer
    start = answer.body.find(b'osm_base="')
    if start < 0:
        return answer
    end = answer.body.index(b'"', start + 10)
    return Answer(
        answer.status,
        answer.kind,
        answer.body[:start] + b'osm_base="2099-01-01T00:00:00Z' + answer.body[end:],
    )
