"""The documents as a site: built strictly, all of it from its own folder, each page in the navigation."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mkdocs.exceptions import Abort

from tests.documents import site as making
from tests.documents.site import as_python_markdown, make, pages

LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


class Loaded(HTMLParser):
    """What a browser fetches for a page, and the words of its footer."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADS and (address := given.get(LOADS[tag])) and given.get("rel") != "canonical":
            self.addresses.append(address)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    make(folder)
    return folder


def test_each_page_is_there_and_loads_nothing_from_elsewhere(built: Path) -> None:
    found = sorted(built.rglob("*.html"))
    assert len(found) == len(pages()) + 1, "and the one for what is not there"
    for file in found:
        text = file.read_text()
        loaded = Loaded()
        loaded.feed(text)
        assert len(loaded.addresses) > 4
        for address in loaded.addresses:
            assert not re.match(r"(https?:)?//", address), (file.name, address)
            if file.name != "404.html" and not address.startswith("data:"):
                assert (file.parent / address.split("?")[0]).resolve().is_file(), (file.name, address)
        for words in (
            "OpenStreetMap contributors",
            "opendatacommons.org/licenses/odbl",
            "Apache License 2.0",
        ):
            assert words in text, file.name
    for style in built.rglob("*.css"):
        assert re.findall(r"url\([\"']?(https?:)?//", style.read_text()) == [], style.name
    assert (built / "search" / "search_index.js").is_file(), "a search that needs no server"


def test_what_is_wrong_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for page, text in (("README.md", "# A\n\n[gone](docs/gone.md)\n"), ("docs/lost.md", "# In no list\n")):
        root = tmp_path / page.replace("/", "-")
        (root / "docs").mkdir(parents=True)
        (root / "docs" / "mkdocs.yml").write_text(
            "site_name: x\nnav: [{x: README.md}]\nvalidation: {omitted_files: warn}\n"
        )
        (root / "README.md").write_text("# A\n")
        (root / page).write_text(text)
        monkeypatch.setattr(making, "ROOT", root)
        monkeypatch.setattr(making, "CONFIG", root / "docs" / "mkdocs.yml")
        monkeypatch.setattr(making, "BESIDE", ())
        with pytest.raises(Abort):
            make(tmp_path / "site")


@pytest.mark.parametrize(
    ("github", "python"),
    [
        ("So:\n- a\n- b", "So:\n\n- a\n- b"),
        ("1. a\n   - b", "1. a\n    - b"),
        ("| `a \\| b` | c \\| d |", "| `a | b` | c \\| d |"),
        ("```\nSo:\n- a\n```", "```\nSo:\n- a\n```"),
    ],
)
def test_what_github_reads_otherwise_is_written_as_it_means(github: str, python: str) -> None:
    assert as_python_markdown(github) == python
