"""An hour with late edits by OsmChange alone, and by turns with Overpass, with the times that servers have."""

from pathlib import Path

import pytest

from stats_assets.demo.world.world import World
from tests.osmchange_hours import Scale, begun

HOUR = Scale(minutes=60, latest=3300, poll=60)


@pytest.mark.drill
@pytest.mark.parametrize(
    "sources",
    [("OsmChange",), ("Overpass", "OsmChange", "Overpass"), ("OsmChange", "Overpass", "OsmChange")],
    ids=lambda sources: " ".join(sources),
)
def test_an_hour_is_counted_as_it_is_in_the_end(
    sources: tuple[str, ...], world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun(world, url, tmp_path / "data", monkeypatch, HOUR, sources[0]) as late:
        for source in sources:
            late.follow(source)
            late.hour.go_on(HOUR.minutes / len(sources))
            late.is_late()
        late.is_right()


@pytest.mark.drill
def test_a_failover_while_edits_are_late(
    world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two Overpasses, to each of which other edits are late, the first is away for a third of the hour."""
    with begun(world, url, tmp_path / "data", monkeypatch, HOUR, "Overpass") as late:
        late.take_the_second_too()
        late.hour.go_on(HOUR.minutes / 3)
        late.hour.feed.overpass.stop(20 * HOUR.minutes, "unreachable")
        late.hour.go_on(HOUR.minutes / 3)
        late.is_late()
        late.hour.go_on(HOUR.minutes / 3)
        late.is_right()
        assert late.second.overpass.asked
