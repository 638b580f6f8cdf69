"""The table of figures: what meets its target, how it is written, and that two commits are compared by it."""

from pathlib import Path

import pytest

from benchmarks import compare, figures
from benchmarks.figures import BEGIN, END, PAGE, Figure

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
