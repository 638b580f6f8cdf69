"""Some minutes with late edits, by OsmChange of one or two servers, or by turns with Overpass: all comes out right."""

from pathlib import Path

import pytest

from stats_assets.database.made_diffs import made_diffs
from stats_assets.demo.world.world import World
from tests.osmchange_hours import Scale, begun

SMALL = Scale(minutes=6, latest=600, poll=60, settle=900, cached=10)


@pytest.mark.drill
def test_late_edits_by_osmchange_alone(
    world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun(world, url, tmp_path / "data", monkeypatch, SMALL, "OsmChange") as late:
        late.hour.go_on(SMALL.minutes)
        late.is_late()
        late.is_right()
        assert late.hour.asked().total() == 0, "Overpass is not asked"


@pytest.mark.drill  # in the suite: test_settled_directory.py
def test_a_switch_while_edits_are_late(
    world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun(world, url, tmp_path / "data", monkeypatch, SMALL, "Overpass") as late:
        late.hour.go_on(SMALL.minutes)
        late.is_late()
        late.follow("OsmChange")
        late.is_right()


@pytest.mark.drill
def test_a_failover_while_edits_are_late(
    world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun(world, url, tmp_path / "data", monkeypatch, SMALL, "OsmChange of two") as late:
        late.hour.go_on(SMALL.minutes / 2)
        late.hour.feed.stop()
        late.hour.go_on(SMALL.minutes)
        late.is_late()
        read = {one["url"] for one in made_diffs(late.connection).contents}
        assert read == {late.hour.feed.osmchange_url, late.second.osmchange_url}
        late.hour.feed.start()
        late.is_right()
