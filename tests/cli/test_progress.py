"""How far long work is, and how long it takes yet: lines in a pipe, a bar in a terminal; by a clock of the test."""

import io
from itertools import pairwise

import pytest
from rich.console import Console

from stats_assets.cli import progress
from stats_assets.cli.progress import Progress
from stats_assets.database.statistics.shares import Extent, share


class Clock:
    """Seconds, as told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(progress, "say", lines.append)
    return lines


def piped() -> Console:
    return Console(file=io.StringIO(), width=80)


def terminal(width: int = 40) -> Console:
    return Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system=None, _environ={"TERM": "xterm"}
    )


def test_in_a_pipe_a_line_now_and_then_says_what_is_left(said: list[str]) -> None:
    clock = Clock()
    with Progress("sequences", 100, console=piped(), now=clock) as shown:
        for done in (20, 21, 40, 60, 100):
            shown.at(done)
            clock.now += 10.0
    assert said == ["40 of 100 sequences, about 60 s left", "100 of 100 sequences, about 0 s left"]


def test_what_was_done_before_is_no_speed(said: list[str]) -> None:
    """A pass that is gone on with at nine tenths is not nine times as quick."""
    clock = Clock()
    with Progress("comparing", console=piped(), now=clock) as shown:
        shown.at(0.9, "comparing user from 1 on")
        clock.now = 60.0
        shown.at(0.95, "comparing user from 9 on")
    assert said == ["comparing user from 9 on: 95 %, about 60 s left"]


def test_work_that_is_over_at_once_says_nothing(said: list[str]) -> None:
    console = piped()
    with Progress("sequences", 2, console=console, now=Clock()) as shown:
        shown.at(0)
        shown.at(2)
    assert said == []
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == ""


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_gets_a_bar_that_fits_and_goes_away(said: list[str], width: int) -> None:
    clock, console = Clock(), terminal(width)
    with Progress("comparing", console=console, now=clock) as shown:
        shown.at(0.0)
        clock.now = 600.0
        shown.at(0.25)
    assert isinstance(console.file, io.StringIO)
    written = console.file.getvalue()
    assert "25 %, about 30 min left" in written
    assert written.rstrip("\n").endswith("\x1b[2K")
    assert said == []


def test_a_dumb_terminal_gets_lines(said: list[str]) -> None:
    clock = Clock()
    console = Console(file=io.StringIO(), width=40, force_terminal=True, _environ={"TERM": "dumb"})
    with Progress("sequences", 4, console=console, now=clock) as shown:
        shown.at(0)
        clock.now = 30.0
        shown.at(1)
    assert said == ["1 of 4 sequences, about 90 s left"]
    assert isinstance(console.file, io.StringIO)
    assert "\x1b" not in console.file.getvalue()


def test_a_passs_share_grows_to_the_whole_by_the_rows_of_its_parts() -> None:
    parts = {"changesets": Extent(100, 199, 999), "user": Extent(1, 10, 2999), "country": Extent(0, 0, 0)}
    places = [
        ("changesets", 0),
        ("changesets", 100),
        ("changesets", 150),
        ("user", 0),
        ("user", 6),
        ("country", 0),
    ]
    shares = [share(parts, *place) for place in places]
    assert shares[:2] == [0, 0]
    assert shares[2] == pytest.approx(0.125, abs=0.001)
    assert shares[3] == pytest.approx(0.25, abs=0.001)
    assert shares[4] == pytest.approx(0.625, abs=0.001)
    assert all(earlier <= later <= 1 for earlier, later in pairwise(shares))
    assert share({"changesets": Extent(0, 0, 0)}, "changesets", 10**18) == 1
