"""An hour of minutes on a genuine Overpass's ways, with the times that servers have, until the last is settled."""

from pathlib import Path

import pytest

from stats_assets.demo.world import World
from tests.hours import SCENARIOS, Scale, passes

HOUR = Scale(
    minutes=60,
    cached=60,
    settle=None,
    latest=3300,
    outage=600,
    long_outage=7200,
    ban=300,
    behind=600,
    proxied=7200,
    poll=15,
)


@pytest.mark.parametrize("name", SCENARIOS)
def test_all_is_counted_as_the_server_has_it_in_the_end(
    name: str, world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(passes(name, HOUR, world, url, tmp_path / "data", monkeypatch))
