"""An hour of minutes on a genuine Overpass's ways, with the times that servers have, until the last is settled.

In the end a table says what came of each, and what the server was asked.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from stats_assets.demo.world.world import World
from tests.hours import SCENARIOS, TABLE, Outcome, Scale, begins_again, passes

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
Note = Callable[[str, Outcome], None]


@pytest.fixture(scope="module")
def note(request: pytest.FixtureRequest) -> Iterator[Note]:
    """For the table that is printed in the end."""
    rows: list[str] = []
    yield lambda name, outcome: rows.append(outcome.row(name))
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        print("", TABLE, *rows, sep="\n")


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_hour_is_counted_as_the_server_has_it_in_the_end(
    name: str, world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note
) -> None:
    note(name, passes(name, HOUR, world, url, tmp_path / "data", monkeypatch))


def test_an_hour_in_which_the_changesets_numbering_begins_again(
    world: World,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., CompletedProcess[str]],
    note: Note,
) -> None:
    outcome = begins_again(HOUR, world, url, tmp_path / "data", monkeypatch, run)
    note("the changesets' numbering begins again", outcome)
