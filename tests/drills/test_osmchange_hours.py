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
