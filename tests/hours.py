"""What befalls a stream within an hour on a genuine Overpass's ways, at any scale: a helper of tests, not a test.

How time passes and what is looked at in the end is hour.py's.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

import pytest

from stats_assets.database.connection import Connection, connect
from stats_assets.demo.answers.overpass_ways import REFUSALS, Answered, Outage, Refusal, Ways
from stats_assets.demo.answers.renumbering import Renumbered
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.late_edits import LateEdits
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.orchestration.current_system import current_stats
from tests.conftest import settings_for
from tests.hour import DIFFS, MOST_A_DAY, Hour, beginning

BEFORE = 3
"""Minutes that are there when it begins."""
PAUSE = 5
"""Seconds between two requests for bodies."""
NEW_NUMBER = 5
"""Of the newest changeset file, in a numbering that begins again."""


class Scale(NamedTuple):
    """minutes: how many have late edits; what comes after them is final at once. settle: SETTLE_SECONDS, None: as it
    is by default. cached: minutes of the server's disk cache. All else is in seconds; latest: of late edits.
    """

    minutes: int
    cached: int
    settle: float | None
    latest: float
    outage: float
    long_outage: float
    ban: float
    behind: float
    proxied: float
    poll: float


class Outcome(NamedTuple):
    """committed: minutes whose counted body is the server's last one, of so many. came_to: the requests by their
    answers; hour: the most of them within one; day: as many are they a day.
    """

    committed: int
    minutes: int
    came_to: Counter[Answered]
    heads: int
    bodies: int
    hour: int
    day: float

    def row(self, name: str) -> str:
        """A line of TABLE."""
        refused = ", ".join(f"{self.came_to[kind]} {kind}" for kind in REFUSALS if self.came_to[kind])
        down = ", ".join(f"{self.came_to[kind]} {kind}" for kind in get_args(Outage) if self.came_to[kind])
        return (
            f"| {name} | {self.committed} of {self.minutes} | {refused or 'none'} | {down or 'none'}"
            f" | {self.heads} + {self.bodies} | {self.hour} | {self.day:.0f} |"
        )


TABLE = """\
| scenario | committed, as it is in the end | refusals | while down | heads + bodies | most in an hour | a day |
|---|---|---|---|---|---|---|"""


class Scenario(NamedTuple):
    """befalls(hour, scale): what happens while the minutes with late edits pass. forced: refusals that it brings by
    itself, at most so many of each kind. a_day: the requests that a day of it may take.
    """

    ways: Callable[[Scale], dict[str, Any]]
    befalls: Callable[[Hour, Scale], None]
    forced: Mapping[Refusal, int] = MappingProxyType({})
    a_day: int = MOST_A_DAY


def _outage_and_ban(hour: Hour, scale: Scale) -> None:
    hour.go_on(3)
    hour.feed.overpass.stop(scale.outage, "unreachable")
    hour.go_on(scale.minutes / 2 - 3)
    hour.feed.overpass.ban(scale.ban)
    hour.go_on(scale.minutes / 2)


def _crash(hour: Hour, scale: Scale) -> None:
    hour.go_on(3)
    hour.feed.overpass.stop(scale.outage, "crashed")
    hour.go_on(scale.minutes - 3)


def _long_outage(hour: Hour, scale: Scale) -> None:
    """Of the dispatcher: its cache goes on answering, and then it answers for what is hours old by the clock."""
    hour.go_on(2)
    hour.feed.overpass.stop(scale.long_outage, "stopped")
    hour.go_on(scale.long_outage / 60 + scale.minutes - 2)


def _still(hour: Hour, scale: Scale) -> None:
    hour.go_on(3)
    hour.feed.overpass.stand_still(scale.outage)
    hour.go_on(scale.minutes - 3)


def _nothing(hour: Hour, scale: Scale) -> None:
    hour.go_on(scale.minutes)


SCENARIOS = {
    "late edits, an outage and a ban": Scenario(
        lambda scale: {"ban_seconds": scale.ban}, _outage_and_ban, {"banned": 1}
    ),
    # Who asks meanwhile makes it longer: quiet of one length would never end it.
    "a ban that does not say how long": Scenario(
        lambda scale: {"ban_seconds": scale.ban, "retry_after": False}, _outage_and_ban, {"banned": 8}
    ),
    "no cache, and a crash": Scenario(lambda scale: {"cached": 0}, _crash),
    "a server that catches up for long": Scenario(
        lambda scale: {"catches_up": 15, "most": 20, "ban_seconds": scale.ban},
        _long_outage,
        a_day=6000,  # so many minutes within few are no day of theirs
    ),
    "a head that stands still": Scenario(lambda scale: {}, _still),
    "a server that is late all the time": Scenario(lambda scale: {"behind": scale.behind}, _nothing),
    "a proxy that keeps every body": Scenario(lambda scale: {"proxied": scale.proxied}, _nothing),
}


@contextmanager
def begun(
    world: World, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, scale: Scale, **ways: Any
) -> Iterator[tuple[Hour, int, Connection]]:
    """The hour, the last minute to which something comes late, and a connection that lives in its time."""
    last = world.first + BEFORE + scale.minutes - 1
    late = LateEdits(gain=0.6, lose=0.4, latest=scale.latest, last=last)
    given: dict[str, Any] = {"late": late, "cached": scale.cached, **ways}
    with DemoFeed(world, history=BEFORE, ways=Ways(**given)) as feed:
        feed.pass_time(30)
        wanted: dict[str, object] = {
            "retry_first_seconds": 60,
            "retry_max_seconds": 3600,
            "retry_attempts": 8,
            "augmented_diffs_start": world.first,
            "changesets_start": world.changesets_first,
        }
        if scale.settle is not None:
            wanted["settle_seconds"] = scale.settle
        settings = settings_for(feed, url, folder).model_copy(update=wanted)
        # As at a public server: this one is of this machine.
        monkeypatch.setenv("OVERPASS_PAUSE_SECONDS", str(PAUSE))
        with beginning(feed, url, settings, monkeypatch, poll=scale.poll) as hour, connect(url) as connection:
            yield hour, last, connection


def passes(
    name: str, scale: Scale, world: World, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Outcome:
    """A scenario, until its last minute is settled: all is counted as the server has it in the end, and what it was
    asked is what a good guest asks.
    """
    scenario = SCENARIOS[name]
    with begun(world, url, folder, monkeypatch, scale, **scenario.ways(scale)) as (hour, last, connection):
        scenario.befalls(hour, scale)
        hour.settle(connection, last, round(scale.cached + scale.proxied / 30 + 60))
        stats = current_stats()
        files = hour.feed.changesets_head
        run_range(stats.work("changesets"), stats.url, "changesets", world.changesets_first, files)
        return _looked_at(hour, connection, last, files, scenario.forced, scenario.a_day)


def begins_again(
    scale: Scale,
    world: World,
    url: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., CompletedProcess[str]],
    **ways: Any,
) -> Outcome:
    """The changesets' numbering does: nothing is done below the cursor, but after a seek --from-feed all is as the
    feed has it, under its new numbers.
    """
    with begun(world, url, folder, monkeypatch, scale, **ways) as (hour, last, connection):
        hour.streams = (DIFFS, "changesets")
        hour.go_on(scale.minutes / 3)
        old = hour.feed.changesets_head
        hour.feed.source = Renumbered(hour.feed.source, old, NEW_NUMBER)
        hour.go_on(scale.minutes / 3)
        assert hour.cursors["changesets"] in (str(old - 1), str(old)), "nothing is done below the cursor"
        done = run(
            "seek", "--stream", "changesets", "--sequence", f"{NEW_NUMBER - 1}", "--from-feed", "--yes"
        )
        assert done.returncode == 0, done.stderr
        hour.go_on(scale.minutes / 3)
        hour.settle(connection, last, scale.cached + 60)
        hour.catch_up()
        reached = hour.feed.changesets_head
        assert hour.cursors["changesets"] == str(reached)
        newest = connection.execute(
            "SELECT count(*) FROM ledger WHERE stream = 'changesets' AND sequence BETWEEN %s AND %s"
            " AND result = 'committed'",
            (NEW_NUMBER, reached),
        ).fetchone()
        assert newest == (reached - NEW_NUMBER + 1,)
        return _looked_at(hour, connection, last, reached + old - NEW_NUMBER)


def _looked_at(
    hour: Hour,
    connection: Connection,
    last: int,
    files: int,
    forced: Mapping[Refusal, int] = MappingProxyType({}),
    a_day: int = MOST_A_DAY,
) -> Outcome:
    wrong = hour.wrong(connection, last)
    assert wrong == {}, hour.requests()
    assert hour.differences(connection, files) == []
    assert hour.out_of_time(connection) == {}
    assert hour.too_often() == {}
    assert hour.closest() >= PAUSE, "bodies are to be paced"
    came_to = hour.asked()
    avoidable = {kind: came_to[kind] for kind in REFUSALS if came_to[kind] > forced.get(kind, 0)}
    assert avoidable == {}, hour.requests()
    assert hour.a_day() < a_day, hour.requests()
    heads, minutes = hour.heads(), last - hour.feed.world.first + 1
    bodies = came_to.total() - heads
    return Outcome(minutes - len(wrong), minutes, came_to, heads, bodies, hour.most_an_hour(), hour.a_day())
