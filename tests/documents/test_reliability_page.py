"""docs/reliability.md names tests: each of them must be there."""

import re
from pathlib import Path

from stats_assets.demo.answers.faults import KINDS

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs/reliability.md").read_text()


def test_each_test_that_it_names_is_there() -> None:
    sources = list((PROJECT / "tests").rglob("*.py"))
    files = {path.stem for path in sources}
    named = set(re.findall(r"\btest_\w+", PAGE))
    assert len(named) > 30
    text = "\n".join(path.read_text() for path in sources)
    assert named - files - set(re.findall(r"^def (test_\w+)", text, re.MULTILINE)) == set()


def test_each_kind_of_fault_has_its_line() -> None:
    shown = set(re.findall(r"\[(\w+)\]`", PAGE))
    assert set(KINDS) - shown == {"drop"}  # of no answer at all: as reset
