"""Minutes on a genuine Overpass's ways, all scaled down: what is counted in the end, and what the server is asked.

The hours themselves, with the times that servers have and all else that befalls them, are drills.
"""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from stats_assets.demo.world.late_edits import LateEdits
from stats_assets.demo.world.world import World
from tests.hours import Scale, begins_again, passes

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
    poll=30,
)


@pytest.mark.drill
def test_all_is_counted_as_the_server_has_it_in_the_end(
    world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes("late edits, an outage and a ban", SCALED, world, url, tmp_path / "data", monkeypatch)


@pytest.mark.drill
def test_a_changeset_numbering_that_begins_again(
    world: World,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., CompletedProcess[str]],
) -> None:
    scale, never = SCALED._replace(minutes=9, settle=0), LateEdits(gain=0, lose=0)
    begins_again(scale, world, url, tmp_path / "data", monkeypatch, run, late=never)
