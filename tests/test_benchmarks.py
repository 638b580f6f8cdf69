"""The table of figures: what meets its target, how it is written, and that two commits are compared by it."""

import gzip
from pathlib import Path

import pytest

from benchmarks import catch_up, compare, figures, tick, visible
from benchmarks.empty_run import Moments
from benchmarks.figures import BEGIN, END, PAGE, Figure
from stats_assets.database.connection import Connection
from stats_assets.feeds.directory import DirectorySource
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.sequences import path_of
from stats_assets.streams import TABLE
from tests.osm.documents import count

COUNTING = Figure("F1", "minutes", "MB/s", 90.0, "bare iterparse", 60.0, "ratio", least=1.2)


@pytest.mark.parametrize(
    ("figure", "met", "wanted"),
    [
        (COUNTING, True, "≥ 1.2 ×"),
        (COUNTING._replace(ours=60.0), False, "≥ 1.2 ×"),
        (COUNTING._replace(judged="ours", least=None, most=100), True, "≤ 100 MB/s"),
        (COUNTING._replace(judged="more than the anchor", least=None, most=29), False, "≤ 29 MB/s more"),
        (COUNTING._replace(judged="more than the anchor", least=None, most=31), True, "≤ 31 MB/s more"),
        (COUNTING._replace(judged="ours", least=80, most=100), True, "≥ 80 MB/s, ≤ 100 MB/s"),
        (COUNTING._replace(least=None), None, ""),
        (COUNTING._replace(anchors=None, judged="ours"), True, "≥ 1.2 MB/s"),
    ],
)
def test_a_figure_is_judged_by_its_target(figure: Figure, met: bool | None, wanted: str) -> None:
    assert (figure.met, figure.wanted) == (met, wanted)


def test_a_line_has_all_of_a_figure() -> None:
    assert figures.row(COUNTING) == (
        "| F1 | minutes | bare iterparse | 90 MB/s | 60 MB/s | 1.5 | ≥ 1.2 × | yes |"
    )
    assert "**no**" in figures.row(COUNTING._replace(ours=1.0))


def test_the_page_gets_the_table_between_its_marks_and_keeps_the_rest(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        figures.write([COUNTING], page)
    text = page.read_text()
    assert (text.startswith("before\n"), text.endswith("\nafter\n"), "old" in text) == (True, True, False)
    assert (tmp_path / "figures.svg").read_text().count("<rect") == 2  # the page, and one bar
    assert (text.count(BEGIN), text.count(END), text.count(figures.row(COUNTING))) == (1, 1, 1)


def test_the_project_s_page_has_the_marks() -> None:
    text = PAGE.read_text()
    assert text.index(BEGIN) < text.index(END)


def test_figures_survive_the_way_from_one_process_to_another() -> None:
    assert figures.loaded(figures.dumped([COUNTING])) == [COUNTING]


def test_two_commits_are_compared_by_the_median_of_each() -> None:
    key = ("F1", "minutes", "MB/s")
    lines = compare.compared({key: [1.0, 50.0, 2.0]}, {key: [4.0, 3.0, 300.0]}).splitlines()
    assert lines[-1] == "| F1 | minutes | 2 MB/s | 4 MB/s | 2.00 |"
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("figure", "beyond"),
    [
        (COUNTING, 1.25),
        (COUNTING._replace(judged="ours", least=None, most=45), 0.5),
        (COUNTING._replace(least=None), None),
    ],
)
def test_a_plot_shows_how_far_beyond_its_target_a_figure_is(figure: Figure, beyond: float | None) -> None:
    assert figure.beyond == beyond


def test_a_directory_to_catch_up_with_has_bodies_that_differ_and_a_head(tmp_path: Path) -> None:
    """The drills run it whole, with a stack."""
    size = catch_up.make(tmp_path, 2)
    suffix = TABLE[catch_up.STREAM].suffix
    bodies = [
        gzip.decompress((tmp_path / (path_of(catch_up.FIRST + n) + suffix)).read_bytes()) for n in (0, 1)
    ]
    assert size == sum(map(len, bodies))
    first, second = (count(body) for body in bodies)
    assert (first.actions, first.features, first.errors) == (second.actions, second.features, second.errors)
    assert first.features > 0
    ids = [{changeset.changeset for changeset in found.changesets} for found in (first, second)]
    assert not ids[0] & ids[1]
    catch_up.say_head(tmp_path, catch_up.FIRST + 1)
    source = DirectorySource(str(tmp_path), suffix, Http("test", timeout=1, pause=0))
    assert source.head() == catch_up.FIRST + 1


def test_the_parts_from_published_to_visible_are_all_of_it(connection: Connection) -> None:
    found = visible.Measured(
        [visible.Minute(7, 100.0, 109.0)], {7: Moments(101.0, 101.5, 102.0, 103.0, 104.0, 111.0)}, {7: 106.0}
    )
    parts = {name: sum(values) for name, values in visible._parts(found).items()}
    beside = ("visible to the run's end", "run start (requested to step)")
    assert sum(value for name, value in parts.items() if name not in beside) == 9.0
    assert [parts[name] for name in beside] == [2.0, 2.5]
    assert not visible._applied(connection, 7)


def test_a_ledger_to_tick_over_is_as_large_as_asked_for(url: str, connection: Connection) -> None:
    tick.fill(url, 2_000_000, rows=500, blocks=7)
    counts = connection.execute(
        "SELECT (SELECT count(*) FROM ledger), (SELECT count(*) FROM ledger_blocks)"
    ).fetchone()
    assert counts is not None
    assert counts[0] >= 500
    assert counts[1] >= 7
