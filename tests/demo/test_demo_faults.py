"""What the demo's feed does wrong when it is told to: as a client meets it, by JSON, by chance and for a time."""

import gzip
import itertools
import re
from collections.abc import Callable

import pytest
import requests

from stats_assets.demo.answers import faults
from stats_assets.demo.answers.fault_rules import Faults
from stats_assets.demo.answers.faults import KINDS, Answer, Request
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from tests.drills.waiting import PATIENCE

GOOD = Answer(200, "text/plain", b"good")
ASKED = Request("/a", "augmented_diffs", 7)


def diff_of(feed: DemoFeed, sequence: int, **headers: str) -> requests.Response:
    return requests.get(
        f"{feed.url}/api/augmented_diff?id={sequence}",
        headers={"Accept-Encoding": "identity", **headers},
        timeout=PATIENCE,
    )


BROKEN: dict[str, tuple[faults.Fault, type[Exception]]] = {
    "garbled": (faults.broken_gzip(), requests.exceptions.ContentDecodingError),
    "less than promised": (faults.wrong_length(), requests.exceptions.ChunkedEncodingError),
    "reset": (faults.reset(), requests.exceptions.ChunkedEncodingError),
    "in circles": (faults.redirect_loop(), requests.exceptions.TooManyRedirects),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_faults_on_the_wire(feed: DemoFeed, world: World, fault: str) -> None:
    feed.faults.put(BROKEN[fault][0], sequence=world.first, times=None)
    with pytest.raises(BROKEN[fault][1]):
        diff_of(feed, world.first, **{"Accept-Encoding": "gzip"})
    assert diff_of(feed, world.first + 1).ok


def test_a_stall_in_the_middle_of_the_body(feed: DemoFeed, world: World) -> None:
    feed.faults.put(faults.stall(30, at=0.5), sequence=world.first)
    with pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
        requests.get(f"{feed.url}/api/augmented_diff?id={world.first}", timeout=0.3)


def actions(body: bytes) -> list[bytes]:
    return re.findall(rb"<action\b", body)


def test_a_thinner_diff_is_whole_and_has_the_first_actions(feed: DemoFeed, world: World) -> None:
    full = next(n for n in range(world.first, feed.head) if len(actions(diff_of(feed, n).content)) > 3)
    good = diff_of(feed, full).content
    feed.faults.put(faults.thinner(0.5), sequence=full)
    thin = diff_of(feed, full).content
    assert len(actions(thin)) == len(actions(good)) // 2
    assert thin.rstrip().endswith(b"</osm>")
    packed = requests.get(
        f"{feed.augmented_diffs_url}/{full // 10**6:03}/{full // 1000 % 1000:03}/{full % 1000:03}.adiff.xml.gz",
        timeout=PATIENCE,
    )
    content: Callable[[bytes], bytes] = lambda body: body[body.index(b"<action") :]  # noqa: E731
    assert content(gzip.decompress(packed.content)) == content(thin)


def test_shuffled_changesets_are_the_same_ones(world: World) -> None:
    ids: Callable[[bytes], list[bytes]] = re.compile(rb'<changeset id="(\d+)"').findall
    packed = next(
        file
        for n in itertools.count(world.changesets_first)
        if len(ids(gzip.decompress(file := world.changeset_file(n).packed))) > 2
    )
    mixed = faults.shuffled(3)(Answer(200, "application/gzip", packed))
    before, after = ids(gzip.decompress(packed)), ids(gzip.decompress(mixed.body))
    assert set(after) == set(before)
    assert len(after) > len(before)
    assert list(dict.fromkeys(after)) != before


def test_the_head_goes_back_and_the_base_is_early(feed: DemoFeed, world: World) -> None:
    feed.faults.put(faults.behind(4), path="*stat*")
    assert (
        requests.get(f"{feed.url}/api/augmented_diff_status", timeout=PATIENCE).text == f"{feed.head - 4}\n"
    )
    state = requests.get(f"{feed.changesets_url}/state.yaml", timeout=PATIENCE).text
    assert f"sequence: {feed.changesets_head - 4}\n" in state
    base: Callable[[bytes], list[bytes]] = re.compile(rb'osm_base="([^"]*)"').findall
    good = base(diff_of(feed, feed.head).content)
    feed.faults.put(faults.early_base(), sequence=feed.head)
    early = base(diff_of(feed, feed.head).content)
    assert len(early) == 1
    assert early < good


def test_by_chance_and_for_a_time() -> None:
    rules = Faults(seed=3)
    rules.put(faults.missing(), probability=0.25)
    found = sum(rules.spoil(ASKED, GOOD).status == 404 for _ in range(1000))
    assert 200 < found < 300
    assert rules.befallen == found
    rules.clear()
    rules.put(faults.missing(), seconds=0.0)
    assert rules.spoil(ASKED, GOOD) is GOOD
    rules.put(faults.missing(), seconds=60)
    assert rules.spoil(ASKED, GOOD).status == 404


def test_a_person_puts_rules_as_json_and_takes_them_back(feed: DemoFeed, world: World) -> None:
    url = f"{feed.url}/faults"
    rule = {"fault": "status", "arguments": {"code": 503}, "sequence": world.first, "times": 1}
    assert requests.post(url, json=rule, timeout=PATIENCE).ok
    assert [diff_of(feed, world.first).status_code for _ in range(2)] == [503, 200]
    assert requests.post(url, json={"fault": "drop"}, timeout=PATIENCE).ok
    assert requests.delete(url, timeout=PATIENCE).ok
    assert diff_of(feed, world.first).ok


STATUS = "The fault status takes code (a whole number, needed), retry_after (a whole number); it was given "


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"fault": "nonsense"}, "There are: behind, broken_geometry"),
        ({"fault": "status"}, STATUS + "{}"),
        ({"fault": "status", "arguments": {"cod": 503}}, STATUS + '{"cod": 503}'),
        ({"fault": "status", "arguments": {"code": "503"}}, STATUS + '{"code": "503"}'),
        ({"fault": "status", "arguments": [503]}, STATUS + "[503]"),
        ({"fault": "drop", "arguments": {"code": 503}}, "drop takes nothing"),
        (
            {"fault": "stall", "arguments": {"seconds": True}},
            "stall takes seconds (a number, needed), at (a number);",
        ),
        (
            {"fault": "drop", "sometimes": True},
            "times (a whole number), seconds (a number), probability (a number);",
        ),
        ({"fault": "drop", "times": "2"}, '{"times": "2"}'),
        ({"fault": "drop", "path": 5}, "path (text)"),
        (["drop"], "POST a rule"),
    ],
)
def test_rules_that_make_no_sense_are_said(feed: DemoFeed, rule: object, said: str) -> None:
    answer = requests.post(f"{feed.url}/faults", json=rule, timeout=PATIENCE)
    assert (answer.status_code, said in answer.text) == (400, True)
    assert diff_of(feed, feed.head).ok  # nothing was put


def test_each_kind_has_a_name_and_leaves_something_to_send() -> None:
    arguments = {"status": {"code": 500}, "stall": {"seconds": 0}}
    for name, kind in KINDS.items():
        spoiled = kind(**arguments.get(name, {}))(GOOD)
        assert spoiled != GOOD or name in (
            "remark",
            "broken_geometry",
            "early_base",
            "behind",
            "thinner",
            "shuffled",
            "stall",
        )
