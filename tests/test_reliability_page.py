"""docs/reliability.md names tests: each of them must be there."""

import re
from pathlib import Path

from stats_assets.demo.faults import KINDS

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "docs/reliability.md").read_text()


def test_each_test_that_it_names_is_there() -> None:
    sources = {path.name: path.read_text() for path in (PROJECT / "tests").rglob("*.py")}
    named = set(re.findall(r"\btest_\w+", PAGE))
    assert len(named) > 30
    functions = set(re.findall(r"^def (test_\w+)", "\n".join(sources.values()), re.MULTILINE))
    assert {name for name in named if name not in functions and f"{name}.py" not in sources} == set()


def test_each_kind_of_fault_has_its_line() -> None:
    shown = set(re.findall(r"\[(\w+)\]`", PAGE))
    assert set(KINDS) - shown == {"drop"}  # of no answer at all: as reset
