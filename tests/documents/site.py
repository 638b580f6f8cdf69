"""The documents as a site that opens from a folder: `make docs`. Which pages, in which order, is docs/mkdocs.yml's.

The pages lie as in the repository, so that links between them stay; files that they link to come along.
"""

import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import MkDocsException

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "docs" / "mkdocs.yml"
SITE = ROOT / "build" / "site"
BESIDE = ("iframe-worker.min.js", "LICENSE-iframe-worker.txt")
LINK = re.compile(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^\s*(```|~~~)")
ITEM = re.compile(r"^(\s*)([-*]|\d+\.) ")


def pages() -> list[Path]:
    """Each that is written for a person, below ROOT."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    return sorted(path.relative_to(ROOT) for path in found)


def as_python_markdown(text: str) -> str:
    """What GitHub reads otherwise: a list directly below a sentence, lists within lists, a pipe in a table's code."""
    return "\n".join(_lines(text))


def _lines(text: str) -> Iterator[str]:
    fenced, before = False, ""
    for line in text.split("\n"):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and line.startswith("|"):
            line = re.sub(r"`[^`]*`", lambda found: found[0].replace("\\|", "|"), line)
        elif not fenced and (item := ITEM.match(line)):
            if before.strip() and not before.startswith((" ", "-", "*")) and not ITEM.match(before):
                yield ""
            line = " " * (4 if item[1] else 0) + line.lstrip() if len(item[1]) in (2, 3) else line
        yield line
        before = line


def make(site: Path = SITE) -> None:
    """Build it there, strictly: a dead link, a page in no list and the like end it. Raises MkDocsException."""
    logging.getLogger("mkdocs").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        for page in pages():
            _stage(page, Path(folder))
        for file in BESIDE:
            shutil.copyfile(ROOT / "docs" / file, Path(folder) / "docs" / file)
        config = load_config(str(CONFIG), docs_dir=folder, site_dir=str(site), strict=True)
        config.plugins.on_startup(command="build", dirty=False)
        build(config)
        config.plugins.on_shutdown()
    for unneeded in ("sitemap.xml", "sitemap.xml.gz"):
        (site / unneeded).unlink(missing_ok=True)


def _stage(page: Path, folder: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    to = folder / page
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(as_python_markdown(text), encoding="utf-8")
    for link in LINK.findall(text):
        file = (ROOT / page.parent / link).resolve()
        if file.suffix != ".md" and file.is_file() and file.is_relative_to(ROOT):
            copy = folder / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def _pack(site: Path) -> Path:
    packed = site.with_suffix(".zip")
    with ZipFile(packed, "w", ZIP_DEFLATED) as out:
        for file in sorted(site.rglob("*")):
            out.write(file, Path("stats-assets-docs") / file.relative_to(site))
    return packed


def main() -> int:
    """As `make docs`."""
    try:
        make()
    except MkDocsException as error:
        print(error, file=sys.stderr)
        return 1
    packed = _pack(SITE).relative_to(ROOT)
    print(f"The documents are in {SITE.relative_to(ROOT)}/index.html: open it; to take away, {packed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
