"""The loop over files: what is made when, what a crash leaves, and files that are not as they should be."""

import gzip
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from stats_assets.augment.directory import Directory
from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.augment.making import AT_ONCE, Making, Report, TooEarly, begin_at
from stats_assets.augment.store import Change, Place, Store
from stats_assets.augment.versions import Member, Version
from stats_assets.feeds.outcomes import HeadUnknown
from stats_assets.feeds.sequences import path_of
from stats_assets.feeds.source import State
from tests.augment.judging import actions_of
from tests.augment.reading_xml import seconds
from tests.augment.small_feed import BEGINS, FIRST, SmallFeed, begun, gone, node, relation, way
from tests.telling import drill

SETTLE = 240
PLANET = (
    *(node(id, 1, -500, id * 10, id * 10) for id in (1, 2, 3)),
    way(10, 1, -400, 1, 2),
    relation(20, 1, -400, Member("way", 10, "outer"), Member("node", 3, "")),
)
# Minute 2 has an edit that comes with file 3; in minute 5 there is nothing.
FILES: tuple[tuple[Version, ...], ...] = (
    (node(1, 2, 30, 11, 10),),
    (node(4, 1, 90, 40, 40), way(11, 1, 95, 1, 4)),
    (node(2, 2, 100, 20, 21), node(4, 2, 150, 41, 40)),
    (gone(way(10, 1, 0), 200),),
    (),
    (node(3, 2, 330, 30, 31),),
    (gone(node(3, 2, 0), 400),),
    (node(5, 1, 470),),
    (),
    (),
)


def making(
    store: Store, feed: SmallFeed, out: Path, *, prompt: bool = True, last: int | None = None
) -> Making:
    return Making(store, Directory(str(out)), feed.read, SETTLE, last=last, prompt=prompt)


def document(out: Path, minute: int) -> Path:
    """The file of the so manieth minute after the beginning."""
    return out / f"{path_of(FIRST + minute - 1)}.adiff.xml.gz"


def written(out: Path) -> dict[str, bytes]:
    files = (file for file in out.rglob("*") if file.is_file())
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def said(out: Path, minute: int) -> list[tuple[str, str, str]]:
    """Each action of a document: what, of which kind, which id."""
    return [
        (act.change, act.new.kind, dict(act.new.attributes)["id"])
        for act in actions_of(document(out, minute))
    ]


def osm_base(out: Path, minute: int) -> str:
    return gzip.decompress(document(out, minute).read_bytes()).decode().split('osm_base="')[1][:20]


def test_each_minute_is_made_when_its_end_is_reached_and_again_when_it_differs(tmp_path: Path) -> None:
    store, feed = begun(*PLANET), SmallFeed(*FILES)
    maker = making(store, feed, tmp_path)
    maker.go_on(feed, up_to=2)
    first = document(tmp_path, 2).read_bytes()
    assert said(tmp_path, 1) == [
        ("modify", "node", "1"),
        ("modify", "way", "10"),
        ("modify", "relation", "20"),
    ]
    assert said(tmp_path, 2) == [("create", "node", "4"), ("create", "way", "11")]
    report = maker.go_on(feed, up_to=6)
    assert document(tmp_path, 2).read_bytes() != first
    assert said(tmp_path, 2) == [
        ("modify", "node", "2"),
        ("create", "node", "4"),
        ("modify", "way", "10"),
        ("create", "way", "11"),
        ("modify", "relation", "20"),
    ]
    assert (report.files, report.made, report.again, report.differing) == (4, 4, 2, 1)
    assert [seconds(osm_base(tmp_path, minute)) - BEGINS for minute in (1, 2, 3)] == [62, 362, 182]
    assert said(tmp_path, 4) == [("delete", "way", "10"), ("modify", "relation", "20")]
    assert said(tmp_path, 5) == []
    state = maker.out.state()
    assert state is not None and (state.sequence, state.settled) == (FIRST + 5, FIRST + 1)
    assert state.last_run is not None and state.last_run.timestamp() == BEGINS + 362


def test_what_is_made_at_the_end_of_the_input_is_what_a_stream_settles(tmp_path: Path) -> None:
    feed = SmallFeed(*FILES, *[()] * 10)
    stream = making(begun(*PLANET), feed, tmp_path / "stream")
    stream.go_on(feed)
    assert stream.place().settled_to > BEGINS + 480
    whole = making(begun(*PLANET), feed, tmp_path / "whole", prompt=False)
    whole.go_on(feed)
    whole.finish(for_good=True)
    assert whole.out.state() == State(FIRST + 7, stream.out.state().last_run, FIRST + 7)  # type: ignore[union-attr]
    for minute in range(1, 9):
        assert actions_of(document(tmp_path / "stream", minute)) == actions_of(
            document(tmp_path / "whole", minute)
        )
    assert not document(tmp_path / "whole", 9).exists()


class Crash(Exception):
    """kill -9, for a test."""


class CrashingStore:
    """Its n-th transaction is not kept, or is the last thing that is."""

    def __init__(self, store: Store, countdown: "Countdown") -> None:
        self._store, self._countdown = store, countdown
        self.reading, self.close = store.reading, store.close

    @contextmanager
    def changing(self) -> Iterator[Change]:
        with self._store.changing() as change:
            yield change
            self._countdown.tick()
        self._countdown.tick()


class CrashingDirectory(Directory):
    """Likewise its n-th file."""

    def __init__(self, uri: str, countdown: "Countdown") -> None:
        super().__init__(uri)
        self._countdown = countdown

    def _put(self, source: Path, name: str) -> None:
        self._countdown.tick()
        super()._put(source, name)
        self._countdown.tick()


class Countdown:
    def __init__(self, ticks: int) -> None:
        self.left = ticks

    def tick(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Crash


@pytest.mark.parametrize(
    ("prompt", "real"), [drill(True, False), (False, False), (True, True)], ids=["stream", "whole", "LMDB"]
)
def test_a_crash_at_any_write_leaves_the_same_bytes_in_the_end(
    tmp_path: Path, prompt: bool, real: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # hundreds, and no power fails here
    monkeypatch.setattr("stats_assets.augment.making.AT_ONCE", 4)
    feed = SmallFeed(*FILES)
    feed.head_time += 600  # minutes that have no file are made and settled several at once

    def work(store: Store, out: Directory) -> None:
        maker = Making(store, out, feed.read, SETTLE, prompt=prompt)
        maker.go_on(feed)
        if not prompt:
            maker.finish(for_good=False)

    def new(name: str) -> Store:
        return begun(*PLANET, store=LmdbStore(tmp_path / "stores" / name, create=True) if real else None)

    never = Countdown(0)
    work(CrashingStore(new("whole"), never), CrashingDirectory(str(tmp_path / "whole"), never))
    expected = written(tmp_path / "whole")
    assert -never.left > 40
    for ticks in range(1, -never.left + 1, 7 if real else 1):
        out, store, countdown = tmp_path / str(ticks), new(str(ticks)), Countdown(ticks)
        with pytest.raises(Crash):
            work(CrashingStore(store, countdown), CrashingDirectory(str(out), countdown))
        assert set(written(out)) <= set(expected)
        work(store, Directory(str(out)))
        assert written(out) == expected
        store.close()


@pytest.mark.parametrize("prompt", [True, False])
def test_a_transaction_settles_many_minutes_and_a_file_is_one(tmp_path: Path, prompt: bool) -> None:
    feed, never = SmallFeed(*FILES), Countdown(0)
    store = CrashingStore(begun(*PLANET), never)
    Making(store, Directory(str(tmp_path)), feed.read, SETTLE, prompt=prompt).go_on(feed)
    assert -never.left == 2 * len(FILES)
    feed.head_time += 60 * 2 * AT_ONCE
    Making(store, Directory(str(tmp_path)), feed.read, SETTLE, prompt=prompt).go_on(feed)
    assert -never.left == 2 * (len(FILES) + 1 + 2)
    assert Making(store, Directory(str(tmp_path)), feed.read).place().settled_to == (
        BEGINS + 60 * len(FILES) - SETTLE + 60 * 2 * AT_ONCE
    )


def test_a_missing_file_ends_the_reading_and_is_said(tmp_path: Path) -> None:
    store, feed = begun(*PLANET), SmallFeed(*FILES)
    third = feed.files.pop(3)
    maker = making(store, feed, tmp_path)
    report = maker.go_on(feed)
    assert (report.files, report.missing) == (2, "memory/3: no such file")
    assert maker.place().sequence == 2
    feed.files[3] = third
    assert maker.go_on(feed).missing == ""
    assert maker.place().sequence == len(FILES)


def altered(files: Iterable[tuple[Version, ...]], how: str) -> list[tuple[Version, ...]]:
    given = list(files)
    if how == "twice":
        return [given[0], *(before + file for before, file in pairwise(given))]
    if how == "reversed":
        return [file[::-1] for file in given]
    return [(), (), (), tuple(version for file in given for version in file), *[()] * 6]


@pytest.mark.parametrize("how", ["twice", "reversed", "at once"])
def test_files_that_repeat_are_reversed_or_are_hours_long_give_the_same(tmp_path: Path, how: str) -> None:
    outs = []
    for name, files in (("plain", list(FILES)), (how, altered(FILES, how))):
        feed = SmallFeed(*files, *[()] * 8)
        if how == "at once" and name == how:
            for number in (1, 2, 3):  # nothing for nine minutes, then all in one file
                feed.times[number] = BEGINS + number
            feed.times[4] = BEGINS + 602
        making(begun(*PLANET), feed, tmp_path / name).go_on(feed)
        outs.append([actions_of(document(tmp_path / name, minute)) for minute in range(1, 15)])
    assert outs[0] == outs[1]


def test_in_a_quiet_feed_the_state_s_time_makes_minutes(tmp_path: Path) -> None:
    feed = SmallFeed(*FILES[:2])
    maker = making(begun(*PLANET), feed, tmp_path)
    maker.go_on(feed)
    assert not document(tmp_path, 3).exists()
    feed.head_time = BEGINS + 60 * 9
    assert maker.go_on(feed).made == 7
    assert said(tmp_path, 9) == []
    assert maker.place() == Place(BEGINS, BEGINS + 300, BEGINS + 540, 2, FIRST + 8)


def test_a_file_without_a_state_reaches_as_far_as_it_says_but_never_beyond_the_feed(tmp_path: Path) -> None:
    feed = SmallFeed(*FILES[:2], (node(9, 1, 10**9),), *FILES[2:])
    feed.stateless = {1, 3}
    maker = making(begun(*PLANET), feed, tmp_path)
    maker.go_on(feed, up_to=1)
    assert maker.place().reached == BEGINS + 30
    maker.go_on(feed, up_to=3)
    assert maker.place().reached == feed.head_time


def test_a_range_has_a_file_for_each_of_its_minutes_and_no_other(tmp_path: Path) -> None:
    feed = SmallFeed(*FILES)
    store = begun(*PLANET)
    assert begin_at(store, FIRST + 2) == FIRST + 2
    maker = Making(store, Directory(str(tmp_path)), feed.read, SETTLE, FIRST + 2, FIRST + 20, prompt=False)
    maker.go_on(feed)
    maker.finish(for_good=True)
    expected = {f"{path_of(FIRST + minute)}.adiff.xml.gz" for minute in range(2, 21)}
    assert set(written(tmp_path)) == {*expected, "state.yaml"}
    assert said(tmp_path, 4) == [("delete", "way", "10"), ("modify", "relation", "20")]


def test_reading_ends_when_the_last_minute_is_settled(tmp_path: Path) -> None:
    feed = SmallFeed(*FILES)
    maker = making(begun(*PLANET), feed, tmp_path, prompt=False, last=FIRST + 1)
    maker.go_on(feed)
    assert maker.place().sequence == 6
    assert maker.go_on(feed).files == 0
    assert maker.finish(for_good=True).made == 0
    assert [document(tmp_path, minute).exists() for minute in (1, 2, 3)] == [True, True, False]


def test_a_minute_before_the_planet_is_refused() -> None:
    with pytest.raises(TooEarly, match=f"the first that can is {FIRST}"):
        begin_at(begun(*PLANET), FIRST - 1)


def test_a_store_is_gone_on_with_wherever_it_is_said_to_begin(tmp_path: Path) -> None:
    feed, store = SmallFeed(*FILES), begun(*PLANET)
    for up_to in (4, 10):
        begin_at(store, FIRST)
        maker = making(store, feed, tmp_path, prompt=False)
        maker.go_on(feed, up_to=up_to)
        maker.finish(for_good=False)
    whole = making(begun(*PLANET), feed, tmp_path / "whole", prompt=False)
    whole.go_on(feed)
    whole.finish(for_good=True)
    for minute in range(1, 9):
        assert actions_of(document(tmp_path, minute)) == actions_of(document(tmp_path / "whole", minute))


def test_a_time_that_no_clock_can_have_is_not_believed(tmp_path: Path) -> None:
    feed = SmallFeed(*FILES)
    feed.times[3] = 4_000_000_000
    maker = making(begun(*PLANET), feed, tmp_path)
    with pytest.raises(HeadUnknown, match="2096"):
        maker.go_on(feed)
    assert maker.place().sequence == 2


def test_another_feed_s_lower_numbers_change_nothing(tmp_path: Path) -> None:
    store = begun(*PLANET)
    feed = SmallFeed(*FILES)
    making(store, feed, tmp_path).go_on(feed)
    before, other = written(tmp_path), SmallFeed(*FILES[:3])
    report = making(store, other, tmp_path).go_on(other)
    assert (report.files, report.head) == (0, 3)
    assert written(tmp_path) == before


def test_a_range_that_lies_beyond_the_feed_leaves_the_state_as_it_is(tmp_path: Path) -> None:
    store, feed = begun(*PLANET), SmallFeed(*FILES)
    for first in (FIRST, FIRST + 500):
        maker = Making(
            store, Directory(str(tmp_path)), feed.read, SETTLE, begin_at(store, first), prompt=False
        )
        maker.go_on(feed)
        maker.finish(for_good=False)
    state = maker.out.state()
    assert state is not None and state.sequence == FIRST + 7


def test_without_any_change_nothing_is_made(tmp_path: Path) -> None:
    feed = SmallFeed((), ())
    maker = making(begun(*PLANET), feed, tmp_path, prompt=False)
    assert maker.go_on(feed).files == 2
    assert maker.finish(for_good=True) == Report()
    assert written(tmp_path) == {}


def test_edits_of_the_future_wait_for_their_minute(tmp_path: Path) -> None:
    feed = SmallFeed((node(1, 2, 310, 11, 10),), *[()] * 6)
    maker = making(begun(*PLANET), feed, tmp_path)
    maker.go_on(feed)
    assert said(tmp_path, 1) == []
    assert said(tmp_path, 6)[0] == ("modify", "node", "1")


def test_a_broken_file_is_not_half_read(tmp_path: Path) -> None:
    feed = SmallFeed(*FILES)

    def read(file: Path) -> Iterator[Version]:
        yield from feed.read(file)
        if file.name == "2":
            raise ValueError("cut off")

    store = begun(*PLANET)
    maker = Making(store, Directory(str(tmp_path)), read, SETTLE)
    with suppress(ValueError):
        maker.go_on(feed)
    assert maker.place().sequence == 1
    with store.reading() as snapshot:
        assert snapshot.chain("node", 4) == ()
