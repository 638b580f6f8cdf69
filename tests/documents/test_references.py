"""No reference is dead: sections that are cited, files, tests and names that documents tell of, links and anchors."""

from pathlib import Path

import pytest

from tests.references import KINDS, Project, all_dead

ROOT = Path(__file__).parents[2]
FOLDERS = ("stats_assets", "tests", "docs", "deploy", "benchmarks")
FROZEN = ("0002_fact_partitions.sql", "0003_aggregates.sql", "0003_statistics.sql")
"""SQL that was released and can't be changed: it cites pages and files as they were called then."""
NO_PAGES = ("tests/references.py", "tests/documents/test_references.py")
"""They hold dead references on purpose."""


def _files() -> dict[str, str]:
    ends = tuple(f".{end}" for end in (*KINDS.replace("ya?ml", "yaml|yml").split("|"), "md"))
    found = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        found += [
            path for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts and path.is_file()
        ]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(found)
        if path.name.endswith(ends) or path.name in ("Makefile", "Dockerfile")
    }


PROJECT = Project(ROOT, _files())


def test_nothing_refers_to_what_is_not_there() -> None:
    pages = [path for path in PROJECT.files if path not in NO_PAGES and not path.endswith(FROZEN)]
    assert len(pages) > 300
    assert all_dead(PROJECT, pages) == []


SMALL = Project(
    ROOT,
    {
        "README.md": "# A thing\n\n## Its use\n\n## Its use\n",
        "docs/pages.md": "# Pages\n\n## 1. One\n\n### 1.1 `a` and b\n\n```sh\n# 7. no heading\n```\n\n## 2. Two\n",
        "docs/plain.md": "# Plain\n",
        "stats_assets/osm/rings.py": "MOST: int = 3\nclass Ring:\n    area: float\n    def turn(self) -> None: ...\n",
        "stats_assets/database/rows.py": "",
        "stats_assets/sql/rows.sql": "CREATE TABLE rows (sequence bigint);",
        "tests/osm/test_rings.py": "def test_a_ring() -> None: ...\n",
    },
)
ALIVE = {
    "docs/pages.md": (
        "docs/pages.md, section 1.1, and sections 1 and 2",
        "docs/pages.md, sections 1, 1.1 and 2",
        "[pages.md](pages.md), section 2; section 1.1",
        "[here](#11-a-and-b), [there](../README.md#its-use-1), [away](https://example.org/nowhere)",
    ),
    "docs/plain.md": (
        "`osm/rings.py::Ring`, `osm/rings.py::MOST`, `osm/rings.py::area`, `osm/rings.py`, `stats_assets/osm/rings.py`",
        "`osm/test_rings.py::test_a_ring`, `test_a_ring`, `test_a_ring[7]`, `osm/test_rings.py[x]`",
        "`rings.turn`, `rows.sequence`, `stats_assets.osm.rings`, `os.path`, `jsonb_each.key`, `state.yaml`",
        "```sh\ncat `nowhere/to.py`\n```",
        "the definitions, and section 9 of another page",
    ),
    "stats_assets/osm/rings.py": (
        '"""As docs/pages.md, section\n    1.1, has it: osm/rings.py, tests/osm/test_rings.py."""',
        "x = 'nowhere.py'  # docs/pages.md, sections 1\n# and 2",
        '"""Rings are osm/\'s, SQL is database/\'s, replaced/ is an archive\'s; https://a.org/commands/, and/or."""',
    ),
    "stats_assets/sql/rows.sql": ("-- (docs/pages.md, section 2: its time)",),
}
DEAD = {
    "docs/pages.md": (
        "docs/pages.md, section 3",
        "docs/pages.md, section 7",
        "docs/pages.md, sections 1 and 3",
        "docs/pages.md, sections 1, 1.2 and 2",
        "docs/none.md, section 1",
        "[pages.md](pages.md), section 1.2",
        "as section 4 says",
        "[here](#12-nothing)",
        "[there](../README.md#its-use-2)",
        "[there](none.md)",
        "[out](../../elsewhere.md)",
    ),
    "docs/plain.md": (
        "`osm/rings.py::Rong`",
        "`osm/rongs.py::Ring`",
        "`replication/rings.py`",
        "`rongs.py`",
        "`osm/test_rings.py::test_two_rings`",
        "`test_two_rings`",
        "`test_rongs.py`",
        "`rings.fall`",
        "`rows.number`",
        "`stats_assets.osm.rongs`",
        "`NOTHING_LIKE_IT`",
        "STATE.md",
        "(definitions, section 1)",
        "see reference/feeds.md",
    ),
    "stats_assets/osm/rings.py": (
        '"""As docs/pages.md, section\n    1.2, has it."""',
        '"""What is told is rongs.py\'s."""',
        "x = 1  # docs/pages.md, sections 1\n# and 3",
        '"""What each does is in commands/."""',
        "x = 1  # as stats_assets/commands/ has it",
        "# (feed facts, 6.1)",
        "# as state, section 5",
    ),
    "stats_assets/sql/rows.sql": (
        "-- (docs/pages.md, section 3: its time)",
        "-- (definitions, section 1)",
        "-- Views are views.sql's.",
    ),
}


@pytest.mark.parametrize(("page", "text"), [(page, text) for page, texts in ALIVE.items() for text in texts])
def test_what_is_there_is_not_called_dead(page: str, text: str) -> None:
    assert _dead_with(page, text) == []


@pytest.mark.parametrize(("page", "text"), [(page, text) for page, texts in DEAD.items() for text in texts])
def test_what_is_dead_is_found(page: str, text: str) -> None:
    assert len(_dead_with(page, text)) == 1


def _dead_with(page: str, text: str) -> list[str]:
    """What is dead in the page when the text stands in it too."""
    files = SMALL.files | {page: f"{SMALL.files[page]}\n{text}\n"}
    return all_dead(Project(ROOT, files), [page])
