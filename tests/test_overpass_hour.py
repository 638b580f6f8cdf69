"""Minutes on a genuine Overpass's ways, all scaled down: what is counted in the end, and what the server is asked.

The hours themselves, with the times that servers have and all else that befalls them, are drills.
"""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from stats_assets.demo.late_edits import LateEdits
from stats_assets.demo.renumbering import Renumbered
from stats_assets.demo.world import World
from tests.hour import DIFFS
from tests.hours import Scale, begun, passes

SCALED = Scale(
    minutes=12,
    cached=6,
    settle=420,
    latest=300,
    outage=150,
    long_outage=900,
    ban=90,
    behind=240,
    proxied=1500,
    poll=20,
)


def test_all_is_counted_as_the_server_has_it_in_the_end(
    world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes("late edits, an outage and a ban", SCALED, world, url, tmp_path / "data", monkeypatch)


def test_a_changeset_numbering_that_begins_again(
    world: World,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., CompletedProcess[str]],
) -> None:
    """Nothing is done below the cursor; after a seek --from-feed all is as the feed has it, under its new numbers."""
    new = 5
    never = LateEdits(gain=0, lose=0)
    with begun(world, url, tmp_path / "data", monkeypatch, SCALED, late=never) as (hour, _, connection):
        hour.streams = (DIFFS, "changesets")
        hour.go_on(3)
        before = hour.cursors["changesets"]
        old = hour.feed.changesets_head
        hour.feed.source = Renumbered(hour.feed.source, old, new)
        hour.go_on(4)
        assert hour.cursors["changesets"] == before
        done = run("seek", "--stream", "changesets", "--sequence", str(new - 1), "--from-feed", "--yes")
        assert done.returncode == 0, done.stderr
        hour.go_on(5)
        reached = hour.feed.changesets_head
        assert hour.cursors["changesets"] == str(reached)
        newest = connection.execute(
            "SELECT count(*) FROM ledger WHERE stream = 'changesets' AND sequence BETWEEN %s AND %s"
            " AND result = 'committed'",
            (new, reached),
        ).fetchone()
        assert newest == (reached - new + 1,)
        assert hour.differences(connection, reached + old - new) == []
