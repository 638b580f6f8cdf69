"""What documents, comments and docstrings refer to, and whether it is there: files, tests, names, sections, links.

Here: finding and resolving, on any text. Which texts of this project are looked at is documents/test_references.py's.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

ROOMS = ("", "stats_assets", "tests", "docs", "deploy")
"""Below these a path of a document begins."""
KINDS = "py|sql|md|ya?ml|toml|tpl|mk|lock|cfg"
_SECTION = re.compile(
    r"([\w./-]*\b[\w-]+\.md)\)?,? sections? (\d[\d.]*\d|\d)((?:(?:, | and |, and )\d[\d.]*\d|(?:, | and )\d)*)"
)
_OWN_SECTION = re.compile(r"(?<!\.md)(?<!\.md,)(?<!\.md\)),? \(?[Ss]ections? (\d[\d.]*\d|\d)")
_NUMBER = re.compile(r"\d[\d.]*\d|\d")
_CODE = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(rf"([\w./-]+\.(?:{KINDS}))::(\w+)")
_PATH = re.compile(rf"[\w.-]+(?:/[\w.-]+)*\.(?:{KINDS})")
_TEST = re.compile(r"test_\w+(?:\.py)?")
_DOTTED = re.compile(r"([a-z_]\w*(?:\.[a-z_]\w*)*)\.([A-Za-z_]\w*)(?:\(\))?")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^()\s]+)\)")
# By expressions, as trees of 400 files take too long: a name may be defined in any depth.
_DEFINED = re.compile(
    r"^[ \t]*(?:(?:async +)?def|class) +(\w+)|^[ \t]*(\w+(?:, *\w+)*)(?:: [^=\n]*)? *=(?!=)|^[ \t]+(\w+): (?!$)",
    re.MULTILINE,
)
_QUOTED = re.compile(r'(^[ \t]*)?[rfb]{0,2}"""(.*?)"""', re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))# (?:.*(?:\n[ \t]*# )?)+", re.MULTILINE)
_ELSEWHERE = re.compile(
    r"(?<![/\w.`])(?:(?:definitions|states?|design|house),? sections? \d|feed facts,? \d)"
    r"|(?-i:\b(?:DEFINITIONS|STATE|DESIGN|HOUSE)\.md)|\b(?:reference|shared)/[\w/-]+\.md",
    re.IGNORECASE,
)
_FOLDER = re.compile(r"""(?<![\w/.*:$<{~"'-])((?:[a-z_]+/)+)(?!\.\w|[\w<{*$/…])""")
MADE_FOLDERS = frozenset(("rendered/", "replaced/", "rejected/", "overpass/", "build/", "dist/"))
"""Folders that are made, or another's: an archive's, a deployment's, a feed's."""
OTHERS_FILES = frozenset(("state.yaml", "settings.env", "config-aws.mk"))
"""Files of others, or made by a person: the feeds' and a deployment's."""


class Project:
    """The files that there are, and what they define. files: path below `root` → text."""

    def __init__(self, root: Path, files: dict[str, str]) -> None:
        self.root = root
        self.files = files
        self._defined: dict[str, set[str]] = {}

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for path in self.files:
            found[path.rsplit("/", 1)[-1]].append(path)
        return found

    def find(self, path: str, page: str = "") -> list[str]:
        """The files that a path means: below one of ROOMS or beside the page; a bare name, wherever it is."""
        path = path.removeprefix("./")
        beside = page.rsplit("/", 1)[0] + "/" if "/" in page else ""
        found = [name for room in ROOMS if (name := f"{room}/{path}".lstrip("/")) in self.files]
        found += [f"{beside}{path}"] if f"{beside}{path}" in self.files else []
        last = path.rsplit("/", 1)[-1]
        ends = [name for name in self._names.get(last, []) if name == path or name.endswith(f"/{path}")]
        return list(dict.fromkeys((*found, *(ends if not found else ()))))

    def defined(self, path: str) -> set[str]:
        """What a Python file defines: functions, classes, their members and constants, in all depths."""
        if path not in self._defined:
            found = _DEFINED.findall(self.files[path])
            self._defined[path] = {name for names in found for name in re.split(", *", "".join(names))}
        return self._defined[path]

    @cached_property
    def folders(self) -> str:
        """All folders, each between line ends, from the root on: `/stats_assets/osm/`."""
        return "\n".join({f"/{path.rsplit('/', 1)[0]}/" for path in self.files if "/" in path})

    @cached_property
    def tests(self) -> set[str]:
        """Names of tests, and of their files with and without `.py`."""
        files = [path for path in self.files if path.startswith("tests/") and path.endswith(".py")]
        names = {name for path in files for name in self.defined(path) if name.startswith("test_")}
        stems = {path.rsplit("/", 1)[-1] for path in files}
        return names | stems | {stem.removesuffix(".py") for stem in stems}

    @cached_property
    def modules(self) -> dict[str, list[str]]:
        """Modules of the package by their last name, and by their whole one."""
        found: dict[str, list[str]] = defaultdict(list)
        for path in self.files:
            if path.startswith("stats_assets/") and path.endswith(".py"):
                dotted = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                found[dotted].append(path)
                found[dotted.rsplit(".", 1)[-1]].append(path)
        return found

    @cached_property
    def sql(self) -> str:
        """All SQL, and what Python may hold of it."""
        return "\n".join(text for path, text in self.files.items() if path.endswith((".sql", ".py")))

    @cached_property
    def words(self) -> set[str]:
        """Each word of a file that is no document."""
        return {
            word
            for path, text in self.files.items()
            if not path.endswith(".md")
            for word in re.findall(r"[A-Z][A-Z0-9_]+", text)
        }

    def headings(self, page: str) -> list[str]:
        return re.findall(r"^#+ +(.+?) *$", _FENCE.sub("", self.files[page]), re.MULTILINE)

    def sections(self, page: str) -> set[str]:
        """The numbers of a page's headings; what is below one is part of it."""
        return {
            found[1]
            for heading in self.headings(page)
            if (found := re.match(r"(\d+(?:\.\d+)*)\.? ", heading))
        }

    def anchors(self, page: str) -> set[str]:
        """A page's anchors as GitHub makes them: of two alike the second has `-1`."""
        found: dict[str, int] = defaultdict(int)
        anchors = set()
        for heading in self.headings(page):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
            anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            anchors.add(f"{anchor}-{found[anchor]}" if found[anchor] else anchor)
            found[anchor] += 1
        return anchors


def prose(path: str, text: str) -> str:
    """What of a file is written for people, on one line where it goes on: in Python comments and docstrings."""
    if path.endswith(".py"):
        docstrings = [quoted[2] for quoted in _QUOTED.finditer(text) if quoted[1] is not None]
        text = "\n\n".join((*docstrings, *_COMMENT.findall(text)))
    return re.sub(r"\n *(?:#|--)? *(?=\S)", " ", text)


def dead_sections(project: Project, path: str, text: str) -> Iterator[str]:
    """Citations of a section that is not there: `docs/x.md, section 3`; in a numbered page, also of its own."""
    for page, first, more in _SECTION.findall(text):
        found = [name for name in project.find(page, path) if name.endswith(".md")]
        wanted = [first, *_NUMBER.findall(more)]
        if not found:
            yield f"{page}: there is no such page"
            continue
        yield from (f"{page}, section {n}" for n in wanted if n not in project.sections(found[0]))
    if path.endswith(".md") and project.sections(path):
        rest = _SECTION.sub("", text)
        yield from (
            f"section {n} of its own" for n in _OWN_SECTION.findall(rest) if n not in project.sections(path)
        )


def dead_code(project: Project, path: str, text: str) -> Iterator[str]:
    """What stands in backticks and is a path, `path::name`, a test, `module.name` or a constant, and is not there."""
    for code in _CODE.findall(_FENCE.sub("", text)):
        rest = code
        for file, name in _NAMED.findall(code):
            rest = rest.replace(f"{file}::{name}", "")
            found = project.find(file, path)
            if not found:
                yield f"{file}: there is no such file"
            elif not any(one.endswith(".py") and name in project.defined(one) for one in found):
                yield f"{file}::{name}"
        if rest in OTHERS_FILES:
            continue
        if _PATH.fullmatch(rest):
            if not project.find(rest, path):
                yield f"{rest}: there is no such file"
        elif _TEST.fullmatch(rest.split("[")[0]) and rest.split("[")[0] not in project.tests:
            yield f"{rest}: there is no such test"
        elif (dotted := _DOTTED.fullmatch(rest)) and not _is_there(project, dotted[1], dotted[2]):
            yield f"{rest}: there is no such name"
        elif _CONSTANT.fullmatch(rest) and rest not in project.words:
            yield f"{rest}: nothing is called so"


def _is_there(project: Project, owner: str, name: str) -> bool:
    """Of `owner.name` where the owner is a module or a table of ours; of anything else nothing is known."""
    files = project.modules.get(owner, []) if "/" not in owner else []
    if f"{owner}.{name}" in project.modules or any(name in project.defined(file) for file in files):
        return True
    if re.search(rf"CREATE TABLE (?:IF NOT EXISTS )?{owner}\b", project.sql):
        return re.search(rf"\b{name}\b", project.sql) is not None
    return not files and not owner.startswith("stats_assets")


def dead_files(project: Project, path: str, text: str) -> Iterator[str]:
    """Files of Python and SQL that a comment or docstring names, in backticks or not, and that are not there."""
    for name in re.findall(r"(?<![\w/.*:$-])((?:\w+/)*\w+\.(?:py|sql))\b", text):
        if name not in OTHERS_FILES and not project.find(name, path):
            yield f"{name}: there is no such file"
    for name in _FOLDER.findall(text):
        if name not in MADE_FOLDERS and f"/{name}" not in project.folders:
            yield f"{name}: there is no such folder"


def dead_links(project: Project, path: str, text: str) -> Iterator[str]:
    """Relative links of a page whose file or anchor is not there."""
    folder = Path(path).parent
    for link in _LINK.findall(_FENCE.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (project.root / folder / file).resolve() if file else project.root / path
        if not target.is_relative_to(project.root):
            yield f"{link}: it leads out of the repository"
            continue
        name = target.relative_to(project.root).as_posix()
        if name not in project.files and not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and (name not in project.files or anchor not in project.anchors(name)):
            yield f"{link}: there is no such heading"


def from_elsewhere(text: str) -> Iterator[str]:
    """Citations of documents that are not in the repository."""
    yield from (found[0] for found in _ELSEWHERE.finditer(text))


def all_dead(project: Project, pages: Iterable[str]) -> list[str]:
    """Everything dead in the pages."""
    dead = []
    for path in pages:
        text = project.files[path]
        joined = prose(path, text)
        found = [*dead_sections(project, path, joined), *from_elsewhere(joined)]
        if path.endswith(".md"):
            found += [*dead_code(project, path, text), *dead_links(project, path, text)]
        elif path.endswith((".py", ".sql")):
            found += dead_files(project, path, joined)
        dead += [f"{path}: {what}" for what in found]
    return dead
