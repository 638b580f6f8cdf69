"""What an alert hook is told of a problem, and when: that it began, grew, still stands, and is over. Pure.

What the problems are is problems.py's, how a hook is told alert_hooks.py's; what was told is kept in alert_books.py.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from textwrap import shorten
from typing import Any, Literal

from stats_assets.database.alert_book import Entry, Told
from stats_assets.words import in_words

GONE = timedelta(minutes=2)  # not seen for so long, it is over: what flickers is one problem
GROWS = timedelta(minutes=30)  # between two alerts of one problem that grows
REMIND = timedelta(hours=6)
LONGEST = 600  # characters of what is said of one problem

UI = "STATS_ASSETS_UI"
"""An environment variable of Dagster's programs: the UI's address."""

Change = Literal["began", "worse", "still", "over"]


def one_line(text: str, longest: int = LONGEST) -> str:
    """The text as any program and protocol takes it: on one line, without control characters, not too long."""
    plain = "".join(c if c.isprintable() else " " for c in text.encode(errors="replace").decode())
    return shorten(plain, longest, placeholder=" …")


@dataclass(frozen=True)
class Problem(Told):
    """What is wrong now."""

    patience: timedelta = timedelta(0)
    """It is told when it has stood for so long."""
    again: timedelta | None = REMIND
    """It is told again after so long; None: never."""


def step(entry: Entry | None, problem: Problem | None, now: datetime) -> tuple[Entry | None, Change | None]:
    """What is to be kept of it, None: nothing any more; and what the hook has to be told, None: nothing now.

    What has to be told is told with each further step, until `told` has been kept.
    """
    if problem is None:
        return (None, None) if entry is None else _gone(entry, now)
    if entry is None:
        entry = Entry(problem.key, problem.kind, problem.stream, 0, "", "", "", since=now)
    entry = replace(
        entry,
        size=problem.size,
        said=one_line(problem.said),
        todo=one_line(problem.todo),
        ended=one_line(problem.ended),
        due=entry.due or now - entry.since >= problem.patience,
        told_size=min(entry.told_size, problem.size),
        gone_at=None,
    )
    if not entry.due:
        return entry, None
    if entry.told_at is None:
        return entry, "began"
    if entry.size > entry.told_size and now - entry.told_at >= GROWS:
        return entry, "worse"
    if problem.again is not None and now - entry.told_at >= problem.again:
        return entry, "still"
    return entry, None


def _gone(entry: Entry, now: datetime) -> tuple[Entry | None, Change | None]:
    entry = replace(entry, gone_at=entry.gone_at or now)
    assert entry.gone_at is not None  # noqa: S101 - set above
    if now - entry.gone_at < GONE:
        return entry, None
    return (entry, "over") if entry.due else (None, None)


def told(entry: Entry, change: Change, now: datetime) -> Entry | None:
    """What is kept once the hook has been told."""
    if change == "over":
        return None
    return replace(entry, told_at=now, told_size=entry.size, tried_at=None)


@dataclass(frozen=True)
class Message:
    """What a hook is given."""

    text: str
    """All of it, on one line."""
    facts: dict[str, Any]
    """The same for programs."""

    def as_json(self) -> dict[str, Any]:
        """`text` is what chats show; the others are for programs."""
        return {"text": self.text} | self.facts


def message(entry: Entry, change: Change, now: datetime, where: str, ui: str | None) -> Message:
    """The words for a change. where: which installation; ui: its address, if it is known."""
    stood = in_words(max(0.0, ((entry.gone_at or now) - entry.since).total_seconds()))
    if change == "over":
        untold = "" if entry.told_at else " This could not be told before."
        words = f"{entry.ended} It lasted {stood}: {entry.said}{untold}"
    else:
        begin = {"began": "", "worse": "Worse: ", "still": f"Still, for {stood}: "}[change]
        words = f"{begin}{entry.said} {entry.todo}"
    facts = {
        "change": change,
        "key": entry.key,
        "kind": entry.kind,
        "stream": entry.stream,
        "size": entry.size,
        "said": entry.said,
        "todo": entry.todo,
        "since": entry.since.isoformat(timespec="seconds"),
        "until": entry.gone_at.isoformat(timespec="seconds") if change == "over" and entry.gone_at else None,
        "where": where,
        "ui": ui,
    }
    return _message(f"{where}: {words}", facts)


def trial_message(now: datetime, where: str, ui: str | None) -> Message:
    """What a person sends to see whether a hook works."""
    facts = {"change": "test", "key": "test", "kind": "test", "since": now.isoformat(timespec="seconds")}
    return _message(
        f"{where}: This is a test of the alerts; nothing is wrong.", facts | {"where": where, "ui": ui}
    )


def _message(text: str, facts: dict[str, Any]) -> Message:
    ui = facts["ui"]
    return Message(one_line(text, 3 * LONGEST) + (f" {ui}" if ui else ""), facts)
