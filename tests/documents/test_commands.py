"""What a reader would copy: each command of `stats-assets`, each target of make, each question in SQL, in all pages.

The API's addresses are tests/web/test_api_page.py's; what the statistics' questions answer is tests/database/'s.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from typer.core import TyperGroup
from typer.main import get_command

from stats_assets.cli.main import app
from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.fact_partitions import make_partitions
from tests.conftest import superuser_of
from tests.documents.site import ROOT, pages

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"^(?:\S*/)?stats-assets$")
PLACES = {"N": "7", "M": "8", "UID": "7", "SEQUENCE": "7", "S": "augmented_diffs"}
"""What stands for a value."""
SHELL = ("&&", "||", "|", ";", "do", ">", ">/dev/null", "2>&1")
TEXTS = {page.as_posix(): (ROOT / page).read_text(encoding="utf-8") for page in pages()}


class Line(NamedTuple):
    """Of a block that a shell reads: one command, its words."""

    page: str
    words: list[str]
    whole: bool = True
    """Not: it is named in a sentence, which may leave out what must be said."""


def lines(text: str, page: str = "") -> Iterator[Line]:
    for language, body in BLOCK.findall(text):
        if language in ("sh", "bash", "console"):
            for one in body.replace("\\\n", " ").splitlines():
                yield from _commands(page, one)


def _commands(page: str, line: str) -> Iterator[Line]:
    words: list[str] = []
    for word in [*shlex.split(line.replace(";", " ; "), comments=True), ";"]:
        if word not in SHELL:
            words.append(word)
        else:
            yield Line(page, words)
            words = []


def inline(text: str, page: str = "") -> Iterator[Line]:
    """Of a sentence, whole ones: those that begin with the program."""
    for shown in re.findall(r"`((?:\.\./|\.venv/bin/)*stats-assets [^`\n]+)`", BLOCK.sub("", text)):
        if not re.search(
            r"…|\.\.\.|\| *[a-z-]+ *\||\w\|\w| NAME\b| mends it", shown
        ):  # no command, or several in one
            yield Line(page, shlex.split(shown.replace("\\|", "|")), whole=False)


CALLS = [
    Line(one.page, one.words[at + 1 :], one.whole)
    for page, text in TEXTS.items()
    for one in (*lines(text, page), *inline(text, page))
    for at, word in enumerate(one.words)
    if PROGRAM.match(word) and at == next((n for n, each in enumerate(one.words) if "=" not in each), 0)
]


def complaint(words: list[str]) -> str:
    """Why the command line does not take them; empty where it does. Nothing is done."""
    command: Any = get_command(app)  # typer has a click of its own
    context: Any = click.Context(command, info_name="stats-assets")
    rest = [PLACES.get(word, word) for word in words]
    try:
        while isinstance(command, click.Group | TyperGroup):
            name = rest[0] if rest else ""
            if name == "--help" or (
                name in ("", "--version", "--install-completion", "--show-completion")
                and command.name != name
            ):
                return "" if name else "a command is missing"
            found = command.get_command(context, name)
            if found is None:
                return f"there is no command {name}"
            command, rest = found, rest[1:]
        if "--help" not in rest:
            _parse(command, context, rest)
    except Exception as error:  # and so errors of its own
        return f"{type(error).__name__}: {error}"
    return ""


def _parse(command: Any, parent: Any, words: list[str]) -> None:
    """Raises what click does, but for files that are not here."""
    try:
        command.make_context(command.name, words, parent=parent)
    except Exception as error:
        if "does not exist" not in str(error):
            raise


def test_each_command_is_one_that_could_be_typed() -> None:
    assert len(CALLS) > 40
    wrong = {
        f"{one.page}: {' '.join(one.words)}": said
        for one in CALLS
        if (said := complaint(one.words))
        and (one.whole or not re.search("[Mm]issing|requires an argument", said))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    "words",
    [
        "statu",
        "status --jsn",
        "backfill --stream roads --start 1 --end 2",
        "backfill --start one --end 2",
        "people",
    ],
)
def test_what_could_not_be_typed_is_found(words: str) -> None:
    assert complaint(words.split())


def targets(folder: Path) -> set[str]:
    return set(re.findall(r"^([a-z][\w.-]*):", (folder / "Makefile").read_text(), re.MULTILINE))


def test_each_target_of_make_is_there() -> None:
    here, deploys = targets(ROOT), targets(ROOT / "deploy")
    wrong, seen = [], 0
    for page, text in TEXTS.items():
        both = page.startswith("deploy/") or page in OF_BOTH
        shown = [
            shlex.split(each.replace("\\|", "|"), comments=True)
            for each in re.findall(r"`(make [^`\n]+)`", text)
        ]
        shown += [one.words for one in lines(text, page) if one.words[:1] == ["make"]]
        for words in shown:
            seen += 1
            known = deploys if "deploy" in words else here | deploys if both else here
            named = [word for word in words[1:] if re.fullmatch("[a-z][a-z.-]+", word) and word != "deploy"]
            wrong += [f"{page}: {' '.join(words)}" for word in named if word not in known]
    assert (wrong, seen > 60) == ([], True)


OF_BOTH = (
    *(f"docs/{name}.md" for name in ("operations", "decisions", "performance", "cost", "glossary", "index")),
    *("README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md"),
)
"""Pages that speak of a deployment, too."""


def questions() -> list[tuple[str, str]]:
    """Page and statement, in the order of each page: of blocks of SQL, and of `stats-assets sql`."""
    found = [
        (page, statement)
        for page, text in TEXTS.items()
        for language, body in BLOCK.findall(text)
        if language == "sql"
        for statement in re.sub(r"--.*", "", body).split(";")
        if statement.strip()
    ]
    return found + [
        (one.page, word)
        for one in CALLS
        if one.words[0] == "sql"
        for word in one.words[1:]
        if re.match(r"(SELECT|WITH|TABLE)\b", word) and "…" not in word
    ]


def test_each_statement_of_sql_runs(url: str) -> None:
    """As whoever may all; what is changed is taken back. What a partition is called is made as there."""
    with connect(url) as owner:
        make_partitions(owner, 7_300_000, 7_399_999)
    asked = questions()
    assert len(asked) > 15
    with connect(superuser_of(url)) as connection, connection.transaction(force_rollback=True):
        wrong = {f"{page}: {one}": said for page, one in asked if (said := _refused(connection, one))}
    assert wrong == {}


def _refused(connection: Connection, statement: str) -> str:
    try:
        with connection.transaction():
            connection.execute(statement.encode())
    except Exception as error:
        return str(error)
    return ""
