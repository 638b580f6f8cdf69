"""Every kind of fault that the demo's feed knows, once and for good: what the system makes of it.

`docs/reliability.md` is the same table in words; kinds that it lacks are found here.
"""

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import ledger
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.answers.fault_rules import Rule
from stats_assets.demo.answers.faults import KINDS
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.feeds.http_client import Http
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import Report
from stats_assets.streams import Stream
from stats_assets.system import Stats
from tests.conftest import settings_for
from tests.telling import telling
from tests.truth import differences, statistics_of, truth_of

SEQUENCES = 5
BAD = 2


class Case(NamedTuple):
    """ends_as: work and result of the sequence when the fault is there for good. rest: whether all others get in."""

    ends_as: tuple[str, str]
    arguments: Mapping[str, Any] = MappingProxyType({})
    stream: Stream = "augmented_diffs"
    path: str | None = None
    rest: bool = True
    heals_by_itself: bool = True


QUARANTINED = ("quarantined", "none")
COUNTED = ("idle", "committed")
CASES = {
    "status": Case(QUARANTINED, {"code": 503}),
    "html": Case(QUARANTINED),
    "plain_html": Case(QUARANTINED),
    "duplicate_query": Case(("waiting", "none")),
    "missing": Case(("hole", "none"), stream="changesets"),
    "empty": Case(QUARANTINED),
    "cut": Case(QUARANTINED),
    "remark": Case(QUARANTINED),
    "broken_geometry": Case(COUNTED),
    "broken_gzip": Case(QUARANTINED),
    "wrong_length": Case(QUARANTINED),
    "reset": Case(QUARANTINED),
    "redirect_loop": Case(QUARANTINED),
    "early_base": Case(("idle", "none"), {"seconds": 10**8}, rest=False),
    "behind": Case(("idle", "none"), {"sequences": 30}, path="*stat*", rest=False),
    "thinner": Case(COUNTED, heals_by_itself=False),  # until it is settled: tests/ingest/test_late.py
    "shuffled": Case(COUNTED, stream="changesets"),
    "stall": Case(QUARANTINED, {"seconds": 5, "at": 0.5}),
    "drop": Case(QUARANTINED),
}


class Follower:
    """Runs over the first sequences of a stream, one after the other; all pauses are over at once."""

    def __init__(self, feed: DemoFeed, world: World, url: str, connection: Connection, folder: Path) -> None:
        self.feed, self.connection, self.url = feed, connection, url
        self.stats = Stats(settings_for(feed, url, folder, hole_grace_seconds=0.001))
        vars(self.stats)["http"] = Http("test", timeout=1, pause=0.01)
        self.starts: dict[Stream, int] = {
            "augmented_diffs": world.first,
            "changesets": world.changesets_first,
        }

    def follow(self, stream: Stream, times: int = 1) -> Report:
        start = self.starts[stream]
        for _ in range(times):
            report = run_range(
                self.stats.work(stream), self.url, f"run-{uuid.uuid4()}", start, start + SEQUENCES - 1
            )
            self.connection.execute("UPDATE ledger SET not_before = now() WHERE not_before IS NOT NULL")
            self.connection.execute("UPDATE streams SET paused_until = NULL, quiet_until = NULL")
        return report

    def rows(self, stream: Stream) -> list[ledger.LedgerRow]:
        start = self.starts[stream]
        return ledger.rows(self.connection, stream, range(start, start + SEQUENCES))


@pytest.fixture
def follower(feed: DemoFeed, world: World, url: str, connection: Connection, tmp_path: Path) -> Follower:
    return Follower(feed, world, url, connection, tmp_path / "data")


@pytest.fixture
def put(feed: DemoFeed, follower: Follower) -> Callable[..., Rule]:
    def put(kind: str, **how: Any) -> Rule:
        case = CASES[kind]
        where: dict[str, Any] = {"stream": case.stream, "sequence": follower.starts[case.stream] + BAD}
        return feed.faults.put(
            KINDS[kind](**case.arguments), **({"path": case.path} if case.path else where), **how
        )

    return put


def test_every_kind_is_here() -> None:
    assert set(CASES) == set(KINDS)


SOON_OVER = (  # what tells more where it passes; each of the others is for good in the suite, and passes in drills
    "status",
    "plain_html",
    "duplicate_query",
    "cut",
    "remark",
    "broken_gzip",
    "redirect_loop",
    "early_base",
    "shuffled",
    "drop",
)


@pytest.mark.parametrize("kind", telling(CASES, *(kind for kind in CASES if kind not in SOON_OVER)))
def test_a_fault_for_good(kind: str, follower: Follower, put: Callable[..., Rule]) -> None:
    case = CASES[kind]
    put(kind)
    follower.follow(case.stream, times=3)
    rows = follower.rows(case.stream)
    assert (rows[BAD].work, rows[BAD].result) == case.ends_as
    others = {row.result for row in rows if row is not rows[BAD]}
    assert (others == {"committed"}) is case.rest


@pytest.mark.parametrize("kind", telling(CASES, *SOON_OVER))
def test_a_fault_that_passes(
    kind: str, follower: Follower, put: Callable[..., Rule], feed: DemoFeed, connection: Connection
) -> None:
    rule = put(kind, times=1)
    for stream in follower.starts:
        follower.follow(stream, times=3)
    assert rule.times == 0, "the fault befell nothing"
    rows = [row for stream in follower.starts for row in follower.rows(stream)]
    assert {(row.work, row.result, row.attempts) for row in rows} == {("idle", "committed", 0)}
    apply_queue(connection)
    ends = {stream: start + SEQUENCES - 1 for stream, start in follower.starts.items()}
    found = differences(truth_of(feed.url, **ends), statistics_of(connection))
    assert (found == []) is CASES[kind].heals_by_itself
