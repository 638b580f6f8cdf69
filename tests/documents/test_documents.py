"""README.md and docs/ against the code: settings and their defaults, commands and options, checks, exit codes, limits.

What docs/reliability.md names is test_reliability_page.py's; which statistics docs/statistics.md shows, the database's.
"""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from stats_assets.cli.main import app
from stats_assets.cli.seek import MOST_UNASKED
from stats_assets.database.ledger import pauses, stream_rows
from stats_assets.definitions import definitions_of, defs
from stats_assets.demo.home import HEARD, TAKEN_OVER
from stats_assets.env_file import NAMES, complaints
from stats_assets.feeds.limits import ASKED_MOST, QUIET, QUIET_MOST
from stats_assets.feeds.manners import PAUSE
from stats_assets.ingest.failure_rules import DUPLICATE_PAUSE
from stats_assets.ingest.sequence_loop import REMARK_ATTEMPTS
from stats_assets.osm.categories import Categories
from stats_assets.settings import Settings

PROJECT = Path(__file__).parents[2]
PAGES = {
    page.name: page.read_text()
    for page in (PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md")))
}
README = PAGES["README.md"]
IN_WORDS = {
    "database_url": "embedded",
    "read_database_url": "a login made with the schema",
    "augmented_diffs_url": "none",
    "osmchange_url": "none",
    "planet_file": "none",
    "augment_store": "{STATS_DATA_DIR}/augment_store",
    "made_diffs_uri": "{STATS_DATA_DIR}/made_diffs",
    "augmented_diffs_start": "the head",
    "overpass_first": "found out",
    "changesets_start": "the head",
    "archive_uri": "{STATS_DATA_DIR}/archive",
    "regions_file": "the packaged one",
    "categories_file": "the packaged one",
    "unions_file": "none",
    "milestones_file": "the packaged one",
    "alert_command": "none",
    "alert_url": "none",
    "public_url": "none",
    "archive_keep_days": "for ever",
    "user_agent": "names the project",
    "people": "not said",
    "contact": "none",
    "events_file": "none",
    "overpass_pause_seconds": f"{PAUSE:g}, at your own server 0",
}
"""Defaults that are no value, as the table says them."""
DEPLOYS = set(re.findall(r"^([a-z-]+):", (PROJECT / "deploy" / "Makefile").read_text(), re.MULTILINE))


def table_under(heading: str) -> Iterator[list[str]]:
    """The rows of the first table below a heading of README, each the text of its cells."""
    rest = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in rest.splitlines() if line.startswith("|")]
    for row in rows[2:]:
        yield [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def test_each_setting_has_its_line_with_its_default() -> None:
    said: dict[str, str] = {}
    for names, defaults, _ in table_under("Settings"):
        found = re.findall(r"`([A-Z_]+)`", names)
        values = defaults.split(", ") if len(found) > 1 and ", " in defaults else [defaults] * len(found)
        said |= dict(zip(found, (value.strip("`") for value in values), strict=True))
    meant = {
        name.upper(): IN_WORDS[name]
        if name in IN_WORDS
        else f"{field.default:g}"
        if isinstance(field.default, int | float)
        else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert said == meant


def commands() -> dict[str, Any]:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return dict(group.commands)


def calls() -> Iterator[tuple[str, str, list[str]]]:
    """Each call of `stats-assets` that a page shows: page, command, the words after it."""
    for page, text in PAGES.items():
        for shown in re.findall(r"stats-assets ((?:[a-z]+-?)+(?: [^`\n|#;)]*)?)", text.replace("\\\n", " ")):
            name, *_ = shown.split()
            try:
                words = shlex.split(shown)[1:]
            except ValueError:  # a quotation that goes on
                words = shown.split()[1:]
            yield page, name, words


def test_each_command_that_is_shown_is_there_with_its_options() -> None:
    known = commands()
    options = {
        name: {opt for each in one.params for opt in (*each.opts, *each.secondary_opts)}
        for name, one in known.items()
    }
    wrong = []
    seen = set()
    for page, name, words in calls():
        if name not in known:
            continue
        seen.add(name)
        wrong += [
            f"{page}: {name} {word}"
            for word in (each.split("=")[0].rstrip(".,:") for each in words)
            if word.startswith("--") and word not in options[name] and word != "--help"
        ]
    assert wrong == []
    assert {"backfill", "seek", "status", "verify", "rebuild", "retry"} <= seen


def test_each_command_is_named_in_the_readme() -> None:
    """As a command: a common word that stands somewhere (`export`) does not do."""
    named = set(re.findall(r"(?:(?<=stats-assets )|(?<=make )|(?<=`))[a-z]+(?:-[a-z]+)*(?=[`\s])", README))
    assert {name for name, one in commands().items() if not one.hidden and name not in named} == set()


def checks() -> set[str]:
    on = definitions_of(Settings(osmchange_url="https://planet.example/minute"))
    return {key.name for one in (defs, on) for key in one.resolve_asset_graph().asset_check_keys}


def test_each_check_that_is_named_is_there_and_each_is_named_in_the_readme() -> None:
    named: set[str] = set()
    for text in PAGES.values():
        for one, several in re.findall(r"\b[Cc]heck (`\w+`)|\b[Cc]hecks ((?:`\w+`(?:,? and |, )?)+)", text):
            named |= set(re.findall(r"`(\w+)`", one + several))
    assert named <= checks()
    assert {name for name in checks() if f"`{name}`" not in README} == set()


def test_each_limit_is_said_as_it_is() -> None:
    """Each has its sentence. Where the code has another value, the sentence is wrong; where it is gone, this test."""
    limits = {
        r"it waits, (\d+) s doubling to an hour": Settings.model_fields["retry_first_seconds"].default,
        r"no run, tick or command of that stream asks it for (\d+) s at least": QUIET,
        r"doubling up to (\d+) minutes with refusals in a row": QUIET_MOST / 60,
        r"after (\d+) attempts it is quarantined": Settings.model_fields["retry_attempts"].default,
        r"the stream pauses: (\d+) s, doubling up to 5 minutes": pauses.PAUSE_FIRST,
        r"pauses: 15 s, doubling up to (\d+) minutes": pauses.PAUSE_MOST / 60,
        r"Retry-After asks \((\d+) hours at most\)": ASKED_MOST / 3600,
        r"after (\d+) hours it is declared a hole": Settings.model_fields["hole_grace_seconds"].default
        / 3600,
        r"after (\d+) s without a heartbeat": Settings.model_fields["lease_stale_seconds"].default,
        r"it takes over (\d+) s after the first one's last tick": stream_rows.INSTANCE_LEASE.total_seconds(),
        r"more than ([\d,]+) sequences either way are asked about": MOST_UNASKED,
        r"waits (\d+) s; no attempt counted": DUPLICATE_PAUSE.total_seconds(),
        r"Overpass can't expand one geometry \| after (\w+) attempts": REMARK_ATTEMPTS,
    }
    words = {"two": "2", "three": "3", "four": "4"}
    said = {}
    for sentence in limits:
        found = re.search(sentence, README)
        value = found[1] if found else ""
        said[sentence] = float(words.get(value, value or "nan").replace(",", ""))
    assert said == limits


def test_what_the_demo_takes_over_is_said() -> None:
    found = re.search("it takes over (.*?), and names those that it does not", README, re.DOTALL)
    everywhere, alone = found[1].split("from the environment alone") if found else ("", "")
    assert set(re.findall("`([A-Z_]+)`", everywhere)) == set(TAKEN_OVER)
    assert set(re.findall("`([A-Z_]+)`", alone)) == HEARD


WITHOUT_A_VALUE = ("ALERT_URL=", "ARCHIVE_URI=")
LINES = sorted(
    {
        line.replace("\\|", "|")
        for page in (*PAGES.values(), *(one.read_text() for one in (PROJECT / "deploy").rglob("*.md")))
        for line in (*re.findall("`([A-Z_]+=[^`\n]*)`", page), *re.findall("^[A-Z_]+=.*", page, re.MULTILINE))
        if line.split("=")[0] in NAMES
    }
)
"""What a reader is told to write into `.env`, as it stands there."""


def test_lines_for_the_env_file_are_found() -> None:
    assert {line.split("=")[0] for line in LINES} >= {"ALERT_COMMAND", "ALERT_URL", "AUGMENTED_DIFFS_START"}
    assert any("msmtp" in line for line in LINES)


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_is_shown_can_be_written_into_the_env_file(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# ours\n\n{line}\n")
    assert complaints(file, {}) == []
    monkeypatch.setitem(Settings.model_config, "env_file", str(file))
    name = line.split("=")[0].lower()
    assert name in Settings().model_fields_set or line in WITHOUT_A_VALUE


def test_the_category_tables_are_the_packaged_one() -> None:
    """Names and measures, in both pages, in order."""
    packaged = [
        (one.name, one.length or one.area) for one in Categories.load().categories.values()
    ]  # in the file's order
    for page in ("definitions.md", "statistics.md"):
        rows = re.findall(r"^\| `(\w+)` \|.*\| (?:`(\w+?)(?:_…)?`)? ?\|$", PAGES[page], re.MULTILINE)
        assert [(name, measure or None) for name, measure in rows if name in dict(packaged)] == packaged, page


def test_the_hooks_before_a_commit_are_the_checks_of_the_gate() -> None:
    config = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    makefile = (PROJECT / "Makefile").read_text()
    gate: list[str] = []
    for target in ("lint", "types"):
        recipe = makefile.split(f"\n{target}: install\n", 1)[1].split("\n\n", 1)[0]
        gate += [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()]
    assert [hook["entry"] for hook in hooks] == gate


def test_each_command_of_make_that_is_shown_is_there() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page, text in PAGES.items():
        shown = set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", text, re.MULTILINE))
        there = (
            known | DEPLOYS
            if page in ("operations.md", "decisions.md", "performance.md", "cost.md")
            else known
        )
        assert {one or other for one, other in shown} <= there, page


def test_each_path_that_make_names_is_there() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    named = re.findall(r"\b(?:tests|stats_assets|benchmarks|deploy|docs)/[\w/.*-]+", makefile)
    assert "tests/feeds" in named
    assert [path for path in named if not list(PROJECT.glob(path))] == []
    modules = re.findall(r"-m ((?:tests|benchmarks)[\w.]+)", makefile)
    assert [one for one in modules if not (PROJECT / f"{one.replace('.', '/')}.py").is_file()] == []


def test_each_dependency_has_its_reason() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=,]", one)[0] for one in declared}
    tables = PAGES["decisions.md"].split("## 2026-11: dependencies\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1] for line in tables.splitlines() if line.startswith("| ")]
    assert {one.strip() for row in rows for one in row.split(",")} - {"package"} == names
