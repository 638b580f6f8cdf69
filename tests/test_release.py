"""What a release must be: its tag and its changelog agree, and both packages are whole. Trying them is a drill."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.drills.release import NotReady, check_the_words, files_of_the_package, lacking

CHANGELOG = "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2027-01-01\n"
PACKAGED = (
    *("stats_assets/py.typed", "stats_assets/osm/data/regions.geojson.gz", "stats_assets/osm/data/categories.yaml"),
    "stats_assets/orchestration/records/dagster_words.txt",
    "stats_assets/database/sql/verify_sequences.sql",
    "stats_assets/database/migrations/versions/0001_schema.sql",
)  # fmt: skip


@pytest.mark.parametrize(
    ("version", "tags", "wrong"),
    [
        ("1.2.0", [], None),
        ("1.2.0", ["v1.2.0", "another"], None),
        ("1.3.0", ["v1.2.0"], "The tag is v1.2.0, and pyproject.toml has the version 1.3.0"),
        ("1.3.0", ["v1.3.0"], "no section of 1.3.0"),
        ("1.2", ["v1.2"], "no section of 1.2"),
        ("1.2.0", ["v1.2.0", "v1.2.1"], "The tag is v1.2.1"),
    ],
)
def test_a_tag_agrees_with_version_and_changelog(version: str, tags: list[str], wrong: str | None) -> None:
    if wrong is None:
        check_the_words(version, tags, CHANGELOG)
        return
    with pytest.raises(NotReady, match=wrong):
        check_the_words(version, tags, CHANGELOG)


def test_what_a_package_lacks_is_named(tmp_path: Path) -> None:
    wheel, sdist = tmp_path / "a.whl", tmp_path / "a-1.2.0.tar.gz"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("stats_assets/py.typed", "")
    (tmp_path / "py.typed").write_text("")
    with tarfile.open(sdist, "w:gz") as archive:
        archive.add(tmp_path / "py.typed", "a-1.2.0/stats_assets/py.typed")
    for package in (wheel, sdist):
        assert lacking(package, ["stats_assets/py.typed", "stats_assets/x.sql"]) == ["stats_assets/x.sql"]


def test_data_is_asked_for_as_code_is() -> None:
    if not (Path(__file__).parents[1] / ".git").exists():
        pytest.skip("this is no git checkout")
    assert set(PACKAGED) <= files_of_the_package()
