"""README.md and docs/ against the code: settings and their defaults, commands and options, checks, exit codes, limits.

What docs/reliability.md names is test_reliability_page.py's; which statistics docs/statistics.md shows, the database's.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from stats_assets.cli.main import app
from stats_assets.cli.seek import MOST_UNASKED
from stats_assets.database.ledger import stream_rows
from stats_assets.definitions import defs
from stats_assets.feeds.limits import ASKED_MOST, QUIET, QUIET_MOST
from stats_assets.feeds.manners import PAUSE
from stats_assets.ingest.failure_rules import DUPLICATE_PAUSE
from stats_assets.ingest.sequence_loop import REMARK_ATTEMPTS
from stats_assets.settings import Settings

PROJECT = Path(__file__).parents[2]
PAGES = {
    page.name: page.read_text() for page in (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")))
}
README = PAGES["README.md"]
IN_WORDS = {
    "database_url": "embedded",
    "read_database_url": "a login made with the schema",
    "augmented_diffs_url": "none",
    "augmented_diffs_start": "the head",
    "changesets_start": "the head",
    "archive_uri": "{STATS_DATA_DIR}/archive",
    "regions_file": "the packaged one",
    "categories_file": "the packaged one",
    "alert_command": "none",
    "alert_url": "none",
    "archive_keep_days": "for ever",
    "user_agent": "names the project",
    "overpass_pause_seconds": f"{PAUSE:g}, at your own server 0",
}
"""Defaults that are no value, as the table says them."""


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
    named = set(re.findall(r"[a-z]+(?:-[a-z]+)*", README))
    assert {name for name, one in commands().items() if not one.hidden and name not in named} == set()


def checks() -> set[str]:
    return {key.name for key in defs.resolve_asset_graph().asset_check_keys}


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
        r"the stream pauses: (\d+) s, doubling up to 5 minutes": stream_rows.PAUSE_FIRST,
        r"pauses: 15 s, doubling up to (\d+) minutes": stream_rows.PAUSE_MOST / 60,
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
