"""A path that is typed is one of the folder that one is in, also below a project's root."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_augment import documents, planet, point, replicated
from tests.conftest import Run


@pytest.fixture
def below(tmp_path: Path) -> Iterator[Path]:
    """The folder that `run` runs in, below a project's root."""
    root = tmp_path.parent / "dagster.yaml"
    root.write_text("# stats-assets\n")
    yield tmp_path
    root.unlink()


def test_a_file_to_count(below: Path, run: Run) -> None:
    (below / "minute.xml").write_text('<osm><meta osm_base="2026-11-30T00:00:00Z"/></osm>')
    package = Path(__file__).parents[2] / "stats_assets" / "osm" / "data"
    shutil.copy(package / "categories.yaml", below / "mine.yaml")
    done = run("stats", "minute.xml", "--categories", "mine.yaml", "--json")
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_a_file_to_write(below: Path, run: Run, url: str) -> None:
    done = run("export", "totals", "--last", "24h", "--output", "totals.csv", DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert (below / "totals.csv").exists()


def test_directories_of_files(below: Path, run: Run) -> None:
    planet(below, point(1, 1, -500, 7))
    replicated(below, {1: point(1, 2, 30, 8)})
    done = run(
        *(
            "augment",
            "--planet",
            "planet.osm",
            "--osmchange",
            "replication",
            "--out",
            "out",
            "--store",
            "kept",
        )
    )
    assert done.returncode == 0, done.stderr
    assert documents(below) == {0: ["modify"]}
    assert (below / "kept" / "data.mdb").exists()
