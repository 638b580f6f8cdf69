"""The stand-in of an Overpass server: its ways one by one, and its answers beside those of a genuine one."""

import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import requests

from stats_assets.demo.answers.overpass_ways import Outage, Ways
from stats_assets.demo.answers.renumbering import Renumbered
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.late_edits import LateEdits
from stats_assets.demo.world.minute import until
from stats_assets.demo.world.world import World
from tests.conftest import real_file

HISTORY = 90
NEVER = LateEdits(gain=0, lose=0)


@contextmanager
def serving(world: World, **ways: Any) -> Iterator[DemoFeed]:
    with DemoFeed(world, history=HISTORY, ways=Ways(**ways)) as feed:
        feed.pass_time(30)  # the server has the newest minute
        yield feed


def ask(feed: DemoFeed, sequence: int) -> requests.Response:
    return requests.get(f"{feed.url}/api/augmented_diff?id={sequence}", timeout=10)


def status(feed: DemoFeed) -> requests.Response:
    return requests.get(f"{feed.url}/api/augmented_diff_status", timeout=10)


def base_of(body: bytes) -> str:
    found = re.search(rb'osm_base="([^"]*)"', body)
    assert found
    return found[1].decode()


def without_base(body: bytes) -> bytes:
    return re.sub(rb'osm_base="[^"]*"', b"", body, count=1)


def actions(body: bytes) -> list[bytes]:
    return re.findall(rb"<action .*?</action>", body, re.DOTALL)


def refs(body: bytes) -> set[bytes]:
    return {found[0] for action in actions(body) if (found := re.search(rb'<[a-z]+ id="\d+"', action))}


# What comes late


def first(found: Callable[[LateEdits, int], object], world: World) -> tuple[LateEdits, int]:
    """A minute with edits to which that happens, to nothing else."""
    late = LateEdits(gain=1, lose=0) if found is LateEdits.gains_after else LateEdits(gain=0, lose=1)
    return late, next(n for n in range(world.first, world.first + 90) if len(whole(world, n)) > 3)


def whole(world: World, sequence: int) -> list[bytes]:
    return actions(gzip.decompress(world.augmented_diff(sequence)))


def test_a_minute_gains_actions_late(world: World) -> None:
    late, sequence = first(LateEdits.gains_after, world)
    final, after = gzip.decompress(world.augmented_diff(sequence)), late.gains_after(sequence)
    assert after is not None
    before, then = (late.body(final, sequence, until(sequence) + timedelta(seconds=s)) for s in (0, after))
    assert len(actions(before)) < len(actions(then)) == len(actions(final))
    assert set(actions(before)) < set(actions(then))
    assert without_base(then) == without_base(final)


def test_a_minute_loses_an_action_late_and_the_shorter_body_is_right(world: World) -> None:
    late, sequence = first(LateEdits.loses_after, world)
    final, after = gzip.decompress(world.augmented_diff(sequence)), late.loses_after(sequence)
    assert after is not None
    before, then = (late.body(final, sequence, until(sequence) + timedelta(seconds=s)) for s in (0, after))
    assert len(actions(before)) == len(actions(then)) + 1
    assert without_base(then) == without_base(final)
    kinds = [re.findall(rb"<(node|way|relation) id", action)[0] for action in actions(before)]
    assert kinds == sorted(kinds, key=[b"node", b"way", b"relation"].index)


def test_by_default_many_minutes_change_and_none_after_the_latest(world: World) -> None:
    late, minutes = LateEdits(), range(world.first, world.first + 60)
    afters = [a for n in minutes for a in (late.gains_after(n), late.loses_after(n)) if a is not None]
    assert 15 < len(afters) < 60
    assert max(afters) <= late.latest
    changed = sum(
        without_base(late.body(final, n, until(n))) != without_base(final)
        for n in minutes
        for final in [gzip.decompress(world.augmented_diff(n))]
    )
    assert changed > 20


# Where the database stands


def test_a_complete_minute_and_the_one_above_the_head(world: World) -> None:
    with serving(world, late=NEVER, cached=0) as feed:
        assert int(status(feed).text) == feed.overpass.head == feed.head == world.first + HISTORY - 1
        body = ask(feed, feed.head).content
        assert without_base(body) == without_base(feed.overpass.final(feed.head))
        assert base_of(body) >= f"{until(feed.head):%Y-%m-%dT%H:%M:%SZ}"
        above = ask(feed, feed.head + 1).content
        assert base_of(above) < f"{until(feed.head + 1):%Y-%m-%dT%H:%M:%SZ}"
        assert actions(above) == []
        feed.pass_time(29)
        assert int(status(feed).text) == feed.head
        feed.pass_time(12)
        assert int(status(feed).text) == feed.head == world.first + HISTORY


def test_one_above_the_head_is_partial(world: World) -> None:
    server = DemoFeed(world, history=HISTORY, ways=Ways(late=NEVER)).overpass
    sequence = next(n for n in range(world.first, world.first + 60) if len(whole(world, n)) > 6)
    parts = [
        server.body(sequence, until(sequence) - timedelta(seconds=60 - s)) for s in (-1, 2, 12, 30, 50, 60)
    ]
    counts = [len(actions(part)) for part in parts]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(whole(world, sequence)))
    assert 0 < counts[3] < counts[-1]


def test_the_files_of_the_last_hour_come_from_its_disk(world: World) -> None:
    with serving(world) as feed:
        sequence = feed.head
        first_read = ask(feed, sequence).content
        feed.pass_time(3600 - 60)
        assert ask(feed, sequence).content == first_read
        feed.pass_time(120)
        fresh = ask(feed, sequence).content
        assert base_of(fresh) > base_of(first_read)
        assert without_base(fresh) == without_base(feed.overpass.final(sequence))
        assert [asked.answered for asked in feed.overpass.asked] == ["from disk", "from disk", "whole"]


def test_a_head_that_stands_still_and_catches_up(world: World) -> None:
    with serving(world, cached=0, catches_up=10) as feed:
        before = feed.overpass.head
        feed.overpass.stand_still(600)
        feed.pass_time(590)
        assert int(status(feed).text) == before
        assert ask(feed, before).ok
        feed.pass_time(10 + 35)  # a minute's file takes 10 s
        assert int(status(feed).text) == before + 4
        assert timedelta(0) < feed.overpass.base - until(before + 4) < timedelta(seconds=60)
        feed.pass_time(130)
        assert int(status(feed).text) == feed.head


def test_a_server_that_is_late_all_the_time(world: World) -> None:
    with serving(world, behind=600) as feed:
        for _ in range(3):
            assert int(status(feed).text) == feed.head - 10
            feed.pass_time(60)


def test_by_a_clock_of_its_own(world: World) -> None:
    """A minute of the world in a second, or so: it is a demo's server then."""
    with DemoFeed(world, history=HISTORY, interval=1, started=time.time() - 10, ways=Ways()) as feed:
        head = int(status(feed).text)
        assert world.first + HISTORY + 5 < head <= feed.head
        assert without_base(ask(feed, head).content)
        with pytest.raises(RuntimeError, match="does not pass by hand"):
            feed.pass_time(1)
    with pytest.raises(LookupError, match="no Overpass"):
        print(DemoFeed(world).overpass)


# What it refuses


def test_the_fourth_query_within_three_minutes_is_refused_and_then_the_second(world: World) -> None:
    with serving(world, cached=0) as feed:
        good = [ask(feed, world.first) for _ in range(3)]
        assert all("osm3s+xml" in answer.headers["Content-Type"] for answer in good)
        assert "duplicate_query" in ask(feed, world.first).text
        assert "osm3s+xml" in ask(feed, world.first + 1).headers["Content-Type"]
        feed.pass_time(180)
        assert "duplicate_query" not in ask(feed, world.first).text
        feed.pass_time(170)
        assert "duplicate_query" in ask(feed, world.first).text
        feed.pass_time(180)
        assert "duplicate_query" not in ask(feed, world.first).text
        assert feed.overpass.refusals == {"duplicate": 2}


def test_queries_that_are_far_enough_apart_are_never_refused(world: World) -> None:
    with serving(world, cached=0) as feed:
        for _ in range(12):
            assert "duplicate_query" not in ask(feed, world.first).text
            feed.pass_time(61)


def test_who_asks_too_early_too_often_poisons_the_cache(world: World) -> None:
    """The server's own query for the file is the fourth, and is refused."""
    with serving(world, poisoned=1800) as feed:
        sequence = feed.head + 1
        for _ in range(3):
            assert ask(feed, sequence).content
        feed.pass_time(60)
        assert status(feed).text == f"{sequence}\n"
        assert (ask(feed, sequence).status_code, ask(feed, sequence).content) == (200, b"")
        assert ask(feed, sequence - 1).content
        feed.pass_time(1800)
        assert ask(feed, sequence).content
        assert feed.overpass.refusals == {"poisoned": 2}


def test_too_many_requests_are_a_ban_which_asking_makes_longer(world: World) -> None:
    with serving(world, most=5, ban_seconds=100) as feed:
        assert [status(feed).status_code for _ in range(5)] == [200] * 5
        refused = ask(feed, world.first)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "100")
        assert "rate_limited" in refused.text
        feed.pass_time(60)
        assert status(feed).status_code == 429  # for 100 s from now on
        feed.pass_time(99)
        assert ask(feed, world.first).headers["Retry-After"] == "100"
        feed.pass_time(100)
        assert ask(feed, world.first).ok
        assert feed.overpass.refusals == {"too many": 1, "banned": 2}


def test_a_ban_that_does_not_say_how_long(world: World) -> None:
    with serving(world, retry_after=False) as feed:
        feed.overpass.ban(300)
        refused = ask(feed, feed.head)
        assert (refused.status_code, "Retry-After" in refused.headers) == (429, False)
        feed.pass_time(300)
        assert ask(feed, feed.head).ok


@pytest.mark.parametrize(
    ("outage", "code", "says", "head"),
    [
        ("stopped", 504, "turned off", ""),
        ("crashed", 200, "Connection refused", ""),
        ("unreachable", 502, "Bad", None),
    ],
)
def test_it_is_down(world: World, outage: Outage, code: int, says: str, head: str | None) -> None:
    with serving(world, cached=0) as feed:
        feed.overpass.stop(120, outage)
        answer = ask(feed, world.first)
        assert (answer.status_code, says in answer.text) == (code, True)
        assert head is None or (status(feed).status_code, status(feed).text) == (200, head)
        feed.pass_time(121)
        assert b"<meta" in ask(feed, world.first).content
        assert int(status(feed).text) == feed.head - 1  # it catches up
        assert not feed.overpass.refusals


def test_with_a_cache_it_answers_from_there_though_the_rest_is_down(world: World) -> None:
    with serving(world) as feed:
        feed.overpass.stop(600)
        assert status(feed).text == f"{feed.head}\n"
        assert b"<meta" in ask(feed, feed.head).content
        assert ask(feed, world.first).status_code == 504


def test_a_proxy_keeps_every_body_for_two_hours(world: World) -> None:
    with serving(world, cached=0, proxied=7200) as feed:
        sequence = feed.head
        early = ask(feed, sequence + 1).content
        bodies = []
        for seconds in (0, 3900, 3200, 200):
            feed.pass_time(seconds)
            bodies.append(ask(feed, sequence).content)
        assert bodies[0] == bodies[1] == bodies[2] != bodies[3]
        assert base_of(bodies[3]) > base_of(bodies[0])
        assert base_of(ask(feed, sequence + 1).content) > base_of(early)


def test_a_numbering_that_begins_again(world: World) -> None:
    with serving(world) as feed:
        old, source = feed.changesets_head, feed.source
        feed.source = Renumbered(source, old, 5)
        assert feed.changesets_head == 5
        assert feed.source.changesets(5) == source.changesets(old)
        assert feed.source.changesets(6) == source.changesets(old + 1)
        assert (feed.source.changesets(4), feed.source.changesets(old)) == (None, None)
        state = requests.get(f"{feed.changesets_url}/state.yaml", timeout=10).text
        assert "sequence: 5\n" in state
        assert requests.get(f"{feed.changesets_url}/000/000/005.osm.gz", timeout=10).ok


# Beside a genuine server's answers

RECORDED: dict[str, Callable[[DemoFeed], requests.Response]] = {}


def recorded(name: str) -> Callable[[Callable[[DemoFeed], requests.Response]], Any]:
    def put(made: Callable[[DemoFeed], requests.Response]) -> Callable[[DemoFeed], requests.Response]:
        RECORDED[name] = made
        return made

    return put


def last_of(feed: DemoFeed, times: int, sequence: int) -> requests.Response:
    return [ask(feed, sequence) for _ in range(times)][-1]


def down(feed: DemoFeed, outage: Outage) -> DemoFeed:
    feed.overpass.stop(60, outage)
    return feed


def banned(feed: DemoFeed) -> DemoFeed:
    feed.overpass.ban(60)
    return feed


recorded("status")(status)
recorded("future-next")(lambda feed: ask(feed, feed.head + 1))
recorded("future-far")(lambda feed: ask(feed, feed.head + 10_000))
recorded("duplicate-query")(lambda feed: last_of(feed, 4, feed.head))
recorded("rate-limited-at-once")(lambda feed: ask(banned(feed), feed.head))
recorded("dispatcher-down")(lambda feed: ask(down(feed, "stopped"), feed.head))
recorded("dispatcher-down-status")(lambda feed: status(down(feed, "stopped")))
recorded("dispatcher-crashed")(lambda feed: ask(down(feed, "crashed"), feed.head))
recorded("dispatcher-crashed-status")(lambda feed: status(down(feed, "crashed")))


@pytest.mark.parametrize("name", RECORDED)
def test_it_answers_as_a_genuine_server_did(world: World, name: str) -> None:
    genuine = json.loads(real_file("overpass/index.json").read_bytes())[name]
    body = gzip.decompress(real_file(f"overpass/{name}.gz").read_bytes())
    headers = {key.lower(): value for key, value in genuine["headers"].items()}
    with serving(world, cached=0, retry_after=False) as feed:
        answer = RECORDED[name](feed)
    assert answer.status_code == genuine["status"]
    assert answer.headers["Content-Type"] == headers["content-type"]
    assert ("Retry-After" in answer.headers) == ("retry-after" in headers)
    if name == "status":
        assert re.fullmatch(rb"\d+\n", body)
        assert re.fullmatch(rb"\d+\n", answer.content)
    else:
        assert without_base(answer.content) == without_base(body)


def test_the_bodies_change_as_a_genuine_servers_did(world: World) -> None:
    """Of the same minute, before and after a late transaction: a longer body with a newer osm_base, else the same."""
    names = ("late-before", "late-after")
    genuine = [gzip.decompress(real_file(f"overpass/{name}.gz").read_bytes()) for name in names]
    late, sequence = first(LateEdits.gains_after, world)
    final = gzip.decompress(world.augmented_diff(sequence))
    made = [late.body(final, sequence, until(sequence) + timedelta(seconds=s)) for s in (2, late.latest)]
    for before, after in (genuine, made):
        assert base_of(before) < base_of(after)
        assert refs(before) < refs(after)
        assert before.endswith(b"\n</osm>\n")
    frames = [
        re.sub(rb"<action .*</action>\n|osm_base=\S*", b"", body, flags=re.DOTALL) for body in genuine + made
    ]
    assert all(one == other for one, other in pairwise(frames))
