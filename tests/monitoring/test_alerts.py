"""What a hook is told of a problem, and when: once at its begin, once at its end, whatever the hook does meanwhile."""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.database.facts.ranges import Away
from stats_assets.database.statistics.verdicts import Verdict
from stats_assets.monitoring.alert_books import NAME, FileBook
from stats_assets.monitoring.alert_hooks import HookFailed
from stats_assets.monitoring.alert_round import Round, go
from stats_assets.monitoring.alerts import GONE, GROWS, REMIND, Message, Problem, one_line
from stats_assets.monitoring.cloudwatch import Dagster
from stats_assets.monitoring.failing_jobs import FailingJob
from stats_assets.monitoring.problems import MANY_RUNS, OUT_OF_REACH, OUTAGE, PAUSE, SILENT, problems
from stats_assets.monitoring.stream_status import Status, StreamStatus
from tests.conftest import examples

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FOREVER = float("inf")
WRONG = Problem("a: b", "kind", None, 1, "It is wrong.", "Mend it.", "It is right again.")


class Listener:
    """A hook that keeps what it is told, or fails while it is to."""

    name = "ALERT_COMMAND"

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.fails: HookFailed | None = None

    def deliver(self, message: Message) -> None:
        if self.fails:
            raise self.fails
        self.heard.append(message.as_json())

    def changes(self) -> list[tuple[str, str]]:
        return [(one["key"], one["change"]) for one in self.heard]


class Remembered(FileBook):
    """A book in memory, for many rounds."""

    def _write(self) -> None: ...


@dataclass
class Desk:
    """Rounds a minute apart; the book is read anew in each, as after a restart, but for one that is given."""

    folder: Path
    hook: Listener
    now: datetime = NOON
    book: FileBook | None = None

    def round(self, *found: Problem, after: timedelta = MINUTE) -> Round:
        self.now += after
        result = Round()
        book = self.book or FileBook(self.folder)
        go(book, [self.hook], {one.key: one for one in found}, self.now, FOREVER, result)
        return result


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, Listener())


def test_begin_and_end_are_told_once(desk: Desk) -> None:
    for _ in range(30):
        desk.round(WRONG)
    for _ in range(30):
        desk.round()
    assert desk.hook.changes() == [("a: b", "began"), ("a: b", "over")]
    began, over = desk.hook.heard
    assert "It is wrong. Mend it." in began["text"]
    assert "It is right again. It lasted 30 min: It is wrong." in over["text"]
    assert not (desk.folder / NAME).exists()


def test_what_flickers_is_one(desk: Desk) -> None:
    for _ in range(10):
        desk.round(WRONG)
        desk.round(WRONG)
        desk.round()
    assert desk.hook.changes() == [("a: b", "began")]


def test_what_stands_is_recalled_and_what_grows_is_told_now_and_then(desk: Desk) -> None:
    desk.round(WRONG)
    for _ in range(36):
        desk.round(WRONG, after=REMIND / 36)
    assert [one for _, one in desk.hook.changes()] == ["began", "still"]
    assert "Still, for 6 h: It is wrong." in desk.hook.heard[-1]["text"]
    for size in range(2, 2 + GROWS // MINUTE):
        desk.round(replace(WRONG, size=size))
    assert [one for _, one in desk.hook.changes()] == ["began", "still", "worse"]
    desk.round(replace(WRONG, size=3), after=GROWS)  # less than there were
    assert len(desk.hook.heard) == 3
    desk.round(replace(WRONG, size=4), after=GROWS)
    assert [one for _, one in desk.hook.changes()][3:] == ["worse"]
    quiet = replace(WRONG, key="quiet", again=None)
    for _ in range(20):
        desk.round(quiet, after=REMIND)
    assert [change for key, change in desk.hook.changes() if key == "quiet"] == ["began"]


def test_patience(desk: Desk) -> None:
    patient = replace(WRONG, patience=5 * MINUTE)
    for _ in range(5):
        desk.round(patient)
    for _ in range(5):
        desk.round()
    assert desk.hook.heard == []
    for _ in range(6):
        desk.round(patient)
    assert desk.hook.changes() == [("a: b", "began")]


def test_a_hook_that_fails_is_told_later(desk: Desk) -> None:
    desk.hook.fails = HookFailed("ALERT_COMMAND", "it is not there")
    result = desk.round(WRONG)
    assert (result.delivered, result.waiting) == ([], 1)
    assert "ALERT_COMMAND: it is not there. 1 alerts wait" in str(result)
    state = FileBook(desk.folder).states()["ALERT_COMMAND"]
    assert "not delivered since 2026-03-01 12:01 UTC: ALERT_COMMAND: it is not there." in state.sentence
    desk.round(WRONG)
    desk.hook.fails = None
    desk.round(WRONG)
    assert desk.hook.changes() == [("a: b", "began")]
    assert FileBook(desk.folder).states()["ALERT_COMMAND"].failed_at is None


def test_what_is_over_before_it_could_be_told_is_told_all_the_same(desk: Desk) -> None:
    desk.hook.fails = HookFailed("ALERT_COMMAND", "it is not there")
    desk.round(WRONG)
    for _ in range(10):
        desk.round()
    desk.hook.fails = None
    desk.round()
    assert desk.hook.changes() == [("a: b", "over")]
    assert "could not be told before" in desk.hook.heard[0]["text"]


def test_one_that_can_t_be_delivered_holds_up_no_other(desk: Desk) -> None:
    class Picky(Listener):
        def deliver(self, message: Message) -> None:
            if message.facts["key"] == "a":
                raise HookFailed("ALERT_COMMAND", "not this one")
            super().deliver(message)

    desk.hook = Picky()
    wrong = [replace(WRONG, key=key) for key in "abc"]
    desk.round(*wrong)
    desk.round(*wrong)
    assert [key for key, _ in desk.hook.changes()] == ["b", "c"]


def test_a_server_that_wants_to_be_left_alone_is(desk: Desk) -> None:
    desk.hook.fails = HookFailed("ALERT_COMMAND", "too many", retry_after=300)
    desk.round(WRONG)
    desk.hook.fails = None
    for _ in range(4):
        assert desk.round(WRONG).waiting == 1
    assert desk.hook.heard == []
    desk.round(WRONG)
    assert len(desk.hook.heard) == 1


def test_a_round_has_an_end(desk: Desk) -> None:
    result = Round()
    found = {key: replace(WRONG, key=key) for key in "abc"}
    go(FileBook(desk.folder), [desk.hook], found, NOON, float("-inf"), result)
    assert (desk.hook.heard, result.waiting) == ([], 3)


def test_a_hook_that_is_set_anew_is_told_what_stands(desk: Desk) -> None:
    desk.round(WRONG)
    go(FileBook(desk.folder), [], {WRONG.key: WRONG}, desk.now, FOREVER, Round())
    desk.round(WRONG)
    assert desk.hook.changes() == [("a: b", "began")] * 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"alerts": {"ALERT_COMMAND": [{}]}, "hooks": []}', "\0"])
def test_a_book_that_can_t_be_read_is_begun_anew(desk: Desk, text: str) -> None:
    (desk.folder / NAME).write_text(text)
    desk.round(WRONG)
    assert json.loads((desk.folder / NAME).read_text())["alerts"]["ALERT_COMMAND"][0]["key"] == "a: b"


def test_any_text_is_one_line() -> None:
    assert one_line("a\n\tb\0c \x1b[31md\u2028e") == "a b c [31md e"
    assert one_line("\ud800!") == "?!"
    assert len(one_line("word " * 1000)) <= 600
    assert len(one_line("w" * 10_000)) <= 600


def in_memory() -> Desk:
    nowhere = Path("/nowhere")
    return Desk(nowhere, Listener(), book=Remembered(nowhere))


def episodes(stands: Sequence[bool], patience: int) -> list[tuple[int, int]]:
    """(first, last) minute of each problem that is worth telling: apart by more than GONE, and long enough."""
    found: list[list[int]] = []
    for minute, stood in enumerate(stands):
        if stood and found and minute - found[-1][1] - 1 <= GONE // MINUTE:
            found[-1][1] = minute
        elif stood:
            found.append([minute, minute])
    return [(first, last) for first, last in found if last - first >= patience]


def told_episodes(heard: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """(since, until) of each end that was told; begins and ends alternate."""
    opened, found = None, []
    for one in heard:
        if one["change"] == "began":
            assert opened is None
            opened = one["since"]
        elif one["change"] == "over":
            assert opened == one["since"] or (opened is None and "could not be told before" in one["text"])
            found.append((one["since"], one["until"]))
            opened = None
        else:
            assert opened is not None
    assert opened is None
    return found


RUNS = st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=12)


def minutes(runs: Sequence[tuple[bool, int]]) -> list[bool]:
    return [value for value, times in runs for _ in range(times)]


@given(runs=RUNS, patience=st.integers(0, 4))
def test_each_problem_is_told_once_at_its_begin_and_once_at_its_end(
    runs: list[tuple[bool, int]], patience: int
) -> None:
    desk, stands = in_memory(), minutes(runs)
    for stood in [*stands, False, False, False]:
        desk.round(*([replace(WRONG, patience=patience * MINUTE)] if stood else []))

    def at(minute: int) -> str:
        return (NOON + (minute + 1) * MINUTE).isoformat(timespec="seconds")

    assert told_episodes(desk.hook.heard) == [
        (at(first), at(last + 1)) for first, last in episodes(stands, patience)
    ]


@given(runs=RUNS, failures=RUNS, patience=st.integers(0, 4))
@examples(100)
def test_none_is_lost_or_told_twice_when_the_hook_fails_in_between(
    runs: list[tuple[bool, int]], failures: list[tuple[bool, int]], patience: int
) -> None:
    desk, stands, fails = in_memory(), minutes(runs), minutes(failures)
    rounds = [*stands, *[False] * max(3, 3 + len(fails) - len(stands))]
    for minute, stood in enumerate(rounds):
        failing = minute < len(fails) and fails[minute]
        desk.hook.fails = HookFailed("ALERT_COMMAND", "away") if failing else None
        desk.round(*([replace(WRONG, patience=patience * MINUTE)] if stood else []))
    desk.hook.fails = None
    desk.round()
    told = told_episodes(desk.hook.heard)  # as each begins once and ends once
    wanted = episodes(stands, patience)
    assert len(told) <= len(wanted)
    for first, last in wanted:
        begin, end = (
            (NOON + (minute + 1) * MINUTE).isoformat(timespec="seconds") for minute in (first, last)
        )
        assert any(since <= begin and end < until for since, until in told), (first, last)
    assert desk.book is not None
    assert desk.book.entries(desk.hook.name) == {}


FINE = StreamStatus(
    origin=1,
    cursor=100,
    head=100,
    trouble=None,
    newest=100,
    ahead=False,
    another=False,
    lag_seconds=60.0,
    feed_age_seconds=60.0,
    rate=1.0,
    eta_seconds=0,
    in_flight=[],
    by_hand=[],
    waiting=[],
    quarantined=[],
    holes=[],
    reasons={},
    flagged=0,
    unreadable=0,
    doubts={},
    skipped=[],
    islands=[],
    older_definitions=[],
    seek_to=None,
    ticked_at=NOON,
    committed_at=NOON,
    paused=None,
    paused_until=None,
    beginning=False,
    requests={},
)
ALL_FINE = Status({"augmented_diffs": FINE, "changesets": FINE}, 0)
ALIVE = Dagster(1.0, 0)
OWN = FailingJob("changesets_job", 1, True, "changesets", "0123456789", "It broke.")


def stream(**changes: Any) -> tuple[Status, Dagster, list[FailingJob]]:
    return (
        replace(ALL_FINE, streams={"augmented_diffs": replace(FINE, **changes), "changesets": FINE}),
        ALIVE,
        [],
    )


def status(**changes: Any) -> tuple[Status, Dagster, list[FailingJob]]:
    return replace(ALL_FINE, **changes), ALIVE, []


def jobs(*found: FailingJob) -> tuple[Status, Dagster, list[FailingJob]]:
    return ALL_FINE, ALIVE, list(found)


KINDS: dict[str, tuple[Any, str, timedelta, str]] = {
    "behind": (stream(head=200, lag_seconds=700.0), "augmented_diffs", OUTAGE, "its newest is of 12 min ago"),
    "stalled": (stream(head=200, lag_seconds=4000.0, rate=0.0), "augmented_diffs", OUTAGE, "Is its sensor on?"),
    "late feed": (stream(feed_age_seconds=4000.0), "augmented_diffs", OUTAGE, "the feed itself is late"),
    "ahead": (stream(head=90, ahead=True), "augmented_diffs", OUTAGE, "beyond the feed's head 90"),
    "another": (stream(head=9, another=True), "augmented_diffs", OUTAGE, "seek --stream augmented_diffs"),
    "unreachable": (stream(head=None, trouble="x: 502"), "augmented_diffs", OUT_OF_REACH, "feed out of reach: x: 502."),
    "unreachable, late": (stream(head=None, trouble="x: 502", lag_seconds=900.0), "augmented_diffs", OUTAGE, "502"),
    "unreachable, paused": (stream(head=None, trouble="x", paused="y"), "augmented_diffs", PAUSE, "x; it pauses: y"),
    "paused": (stream(paused="The disk is full."), "augmented_diffs", PAUSE, "is paused: The disk is full."),
    "given up": (stream(quarantined=[7], reasons={7: "Broken."}), "augmented_diffs: given_up", 0 * MINUTE, "7: Broken"),
    "hole": (stream(holes=[7], reasons={7: "404"}), "augmented_diffs: holes", 0 * MINUTE, "missing in the feed"),
    "flagged": (stream(flagged=2, doubts={7: "odd"}), "augmented_diffs: flagged", 0 * MINUTE, "2 sequences of"),
    "verification": (
        status(verification=Verdict("differs", NOON, 3)), "verification", 0 * MINUTE, "stats-assets rebuild mends them"
    ),
    "facts": (status(facts_away=[Away(0, "detached", NOON, False)]), "facts", 0 * MINUTE, "Partitions of the facts"),
    "warning": (status(warnings=("REINDEX them.",)), "database", 0 * MINUTE, "REINDEX them."),
    "a run by hand": (jobs(OWN._replace(stream=None)), "runs: changesets_job", 0 * MINUTE, "01234567) as: It broke."),
    "one of its own": (jobs(OWN), "runs: changesets_job", PAUSE, "starts another by itself"),
    "many of its own": (jobs(OWN._replace(failed=MANY_RUNS + 1)), "runs: changesets_job", 0 * MINUTE, "6 runs have"),
    "daemon": ((ALL_FINE, Dagster(SILENT + 1, 0), []), "daemon", OUTAGE, "no sign of life for 5 min"),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "key", "patience", "said"), KINDS.values(), ids=KINDS)
def test_each_kind_begins_stays_and_ends(
    desk: Desk, wrong: Any, key: str, patience: timedelta, said: str
) -> None:
    found = problems(*wrong)
    assert list(found) == [key]
    assert found[key].patience == patience
    desk.round(*found.values())
    for _ in range(20):
        desk.round(*found.values())
    for _ in range(20):
        desk.round(*problems(ALL_FINE, ALIVE, []).values())
    assert desk.hook.changes() == [(key, "began"), (key, "over")]
    assert said in desk.hook.heard[0]["text"]


@pytest.mark.parametrize(
    "fine",
    [
        (ALL_FINE, ALIVE, []),
        jobs(OWN._replace(failed=MANY_RUNS + 1, stands=False)),  # it goes on again
        (ALL_FINE, Dagster(None, 3), []),  # a daemon that never beat; runs that are no job's trouble
        stream(cursor=None, newest=None, lag_seconds=None),  # not begun
        stream(waiting=[7], reasons={7: "soon"}, older_definitions=[(1, 2)], skipped=[(3, 4)]),
        status(facts_away=[Away(0, "detached", NOON, True)], verification=Verdict("rebuilt", NOON, 0)),
    ],
)
def test_what_wants_nobody_is_no_problem(fine: Any) -> None:
    assert problems(*fine) == {}


def test_a_stream_that_pauses_is_not_told_of_by_its_runs_too() -> None:
    paused = replace(ALL_FINE, streams={"augmented_diffs": FINE, "changesets": replace(FINE, paused="x")})
    assert set(problems(paused, ALIVE, [OWN])) == {"changesets"}


@pytest.mark.parametrize("temporary", ["a folder", "closed"])
def test_it_is_told_once_where_the_book_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: str
) -> None:
    """A data directory that is read-only, or full: here, a file. Then kept in /tmp, or in memory."""
    data = tmp_path / "data"
    data.write_text("no folder")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    if temporary == "a folder":
        (tmp_path / "tmp").mkdir()
    desk = Desk(data, Listener())
    patient = replace(
        WRONG, patience=timedelta(minutes=2)
    )  # so that it must be remembered before it is told, too
    for _ in range(6):
        desk.round(patient)
    assert desk.hook.changes() == [(WRONG.key, "began")]
    book = FileBook(data)
    book.put(desk.hook.name, WRONG.key, book.entries(desk.hook.name)[WRONG.key])
    assert book.trouble is not None
    assert str(data / NAME) in book.trouble
    assert (f"stats-assets-{os.getuid()}" in book.trouble) == (temporary == "a folder")
    assert FileBook.is_there(data)
    data.unlink()  # mended
    for _ in range(4):
        desk.round()
    assert desk.hook.changes() == [(WRONG.key, "began"), (WRONG.key, "over")]
    assert not FileBook.is_there(data)
    assert FileBook(data).entries(desk.hook.name) == {}


def test_a_book_in_a_folder_that_others_may_write_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").write_text("no folder")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    open_folder = tmp_path / f"stats-assets-{os.getuid()}"
    open_folder.mkdir()
    open_folder.chmod(0o777)
    desk = Desk(tmp_path / "data", Listener())
    for _ in range(3):
        desk.round(WRONG)
    assert desk.hook.changes() == [(WRONG.key, "began")]
    assert list(open_folder.iterdir()) == []
