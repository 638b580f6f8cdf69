"""The feed over real HTTP: both protocols, faults, the clock, a restart."""

import gzip
import http.client
import json
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from stats_assets.demo.answers import faults
from stats_assets.demo.answers.folder import FolderError
from stats_assets.demo.clock import SteadyClock
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.home import DemoHome
from stats_assets.demo.truth.truth import truth
from stats_assets.demo.world.minute import until
from stats_assets.demo.world.world import World
from tests.drills.waiting import PATIENCE

REAL = Path(__file__).parents[3] / "shared" / "data"


class Got(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def get(feed: DemoFeed, path: str, *, accept: str = "identity", method: str = "GET") -> Got:
    address = urlsplit(feed.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
    try:
        connection.request(method, path, headers={"Accept-Encoding": accept})
        answer = connection.getresponse()
        return Got(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture
def feed(world: World) -> DemoFeed:  # type: ignore[misc]
    with DemoFeed(world, history=30) as feed:
        yield feed


def osm_base(body: bytes) -> str:
    found = re.search(rb'osm_base="([^"]+)"', body)
    assert found is not None
    return found[1].decode()


def path_of(sequence: int, stream: str, suffix: str) -> str:
    digits = f"{sequence:09d}"
    return f"/{stream}/{digits[:3]}/{digits[3:6]}/{digits[6:]}.{suffix}"


def test_a_diff_is_the_same_by_both_protocols(feed: DemoFeed, world: World) -> None:
    by_overpass = get(feed, f"/api/augmented_diff?id={feed.head}")
    as_file = get(feed, path_of(feed.head, "augmented_diffs", "adiff.xml.gz"))
    assert by_overpass.headers["Content-Type"] == "application/osm3s+xml"
    assert (
        by_overpass.body == gzip.decompress(as_file.body) == gzip.decompress(world.augmented_diff(feed.head))
    )
    assert b"<action" in by_overpass.body


def test_gzip_is_for_those_who_ask(feed: DemoFeed) -> None:
    plain = get(feed, f"/api/augmented_diff?id={feed.head}")
    packed = get(feed, f"/api/augmented_diff?id={feed.head}", accept="gzip, deflate")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    file = get(feed, path_of(feed.head, "augmented_diffs", "adiff.xml.gz"), accept="gzip")
    assert "Content-Encoding" not in file.headers


def test_beyond_the_head_overpass_says_nothing_too_early(feed: DemoFeed) -> None:
    for ahead in (1, 5000):
        answer = get(feed, f"/api/augmented_diff?id={feed.head + ahead}")
        assert answer.status == 200
        assert b"<action" not in answer.body
        assert osm_base(answer.body) < f"{until(feed.head + ahead):%Y-%m-%dT%H:%M:%SZ}"
    complete = get(feed, f"/api/augmented_diff?id={feed.head}")
    assert osm_base(complete.body) >= f"{until(feed.head):%Y-%m-%dT%H:%M:%SZ}"


def test_the_head_moves_when_told(feed: DemoFeed) -> None:
    before = feed.head
    assert get(feed, "/api/augmented_diff_status").text == f"{before}\n"
    assert feed.advance(2) == before + 2
    assert get(feed, "/api/augmented_diff_status").text == f"{before + 2}\n"
    assert f"sequence: {before + 2}\n" in get(feed, "/augmented_diffs/state.yaml").text
    assert b"<action" in get(feed, f"/api/augmented_diff?id={before + 1}").body


def test_ids_that_are_none(feed: DemoFeed) -> None:
    assert get(feed, "/api/augmented_diff?id=12x").status == 400
    for odd in ("/api/augmented_diff", "/api/augmented_diff?id=abc", "/api/augmented_diff?id=0"):
        answer = get(feed, odd)
        assert (answer.status, b"<action" in answer.body) == (200, False)


def test_state_yaml_is_one_behind_the_newest_changeset_file(feed: DemoFeed) -> None:
    state = get(feed, "/changesets/state.yaml").text
    said = int(re.search(r"^sequence: (\d+)$", state, re.M)[1])  # type: ignore[index]
    assert re.match(r"---\nlast_run: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} Z\n", state)
    assert said == feed.changesets_head
    assert get(feed, path_of(said + 1, "changesets", "osm.gz")).status == 200
    assert get(feed, path_of(said + 2, "changesets", "osm.gz")).status == 404
    assert f"sequence: {said}\n" in get(feed, path_of(said + 1, "changesets", "state.txt")).text


def test_below_the_first_there_is_nothing(feed: DemoFeed, world: World) -> None:
    assert get(feed, path_of(world.first - 1, "augmented_diffs", "adiff.xml.gz")).status == 404
    assert get(feed, path_of(world.changesets_first - 1, "changesets", "osm.gz")).status == 404
    assert b"NoSuchKey" in get(feed, path_of(world.first - 1, "augmented_diffs", "adiff.xml.gz")).body
    assert get(feed, path_of(world.first, "augmented_diffs", "osm.gz")).status == 404
    assert get(feed, "/anything").status == 404


def test_the_front_page_says_what_there_is(feed: DemoFeed) -> None:
    page = get(feed, "/")
    assert page.headers["Content-Type"].startswith("text/plain")
    assert "/truth.json" in page.text
    assert str(feed.head) in page.text


def test_head_requests_have_no_body(feed: DemoFeed) -> None:
    answer = get(feed, "/", method="HEAD")
    assert answer.body == b""
    assert int(answer.headers["Content-Length"]) > 0


def test_the_truth_is_by_default_that_of_the_heads(feed: DemoFeed, world: World) -> None:
    told = json.loads(get(feed, "/truth.json").body)
    assert told == truth(world, augmented_diffs=feed.head, changesets=feed.changesets_head)
    earlier = json.loads(
        get(feed, f"/truth.json?augmented_diffs={world.first + 3}&changesets={world.changesets_first}").body
    )
    assert earlier["augmented_diffs"] == {"first": world.first, "last": world.first + 3}
    assert len(earlier["changesets"]) < len(told["changesets"])
    assert get(feed, f"/truth.json?augmented_diffs={feed.head + 1}").status == 400


def test_requests_are_kept(feed: DemoFeed) -> None:
    get(feed, f"/api/augmented_diff?id={feed.head}")
    get(feed, path_of(feed.changesets_head, "changesets", "osm.gz"))
    get(feed, "/changesets/state.yaml")
    assert [(request.stream, request.sequence) for request in feed.requests] == [
        ("augmented_diffs", feed.head),
        ("changesets", feed.changesets_head),
        ("changesets", None),
    ]


@pytest.mark.parametrize(
    ("fault", "status", "content"),
    [
        (faults.status(503), 503, b"html"),
        (faults.html(), 200, b"protocol_error"),
        (faults.duplicate_query(), 200, b"duplicate_query"),
        (faults.missing(), 404, b"NoSuchKey"),
        (
            faults.remark("Way 5 cannot be expanded at timestamp 2025-02-20T04:00:00Z."),
            200,
            b"cannot be expanded",
        ),
    ],
    ids=["status", "html", "duplicate", "missing", "remark"],
)
def test_faults_befall_one_sequence(feed: DemoFeed, fault: faults.Fault, status: int, content: bytes) -> None:
    feed.faults.put(fault, stream="augmented_diffs", sequence=feed.head)
    bad = get(feed, f"/api/augmented_diff?id={feed.head}")
    assert (bad.status, content in bad.body) == (status, True)
    good = get(feed, f"/api/augmented_diff?id={feed.head - 1}")
    assert (good.status, content in good.body) == (200, False)


def test_a_fault_may_befall_a_few_requests_and_be_taken_back(feed: DemoFeed) -> None:
    feed.faults.put(faults.status(429, retry_after=7), path="/api/augmented_diff_status", times=2)
    answers = [get(feed, "/api/augmented_diff_status") for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    rule = feed.faults.put(faults.empty())
    assert get(feed, "/api/augmented_diff_status").body == b""
    feed.faults.remove(rule)
    assert get(feed, "/api/augmented_diff_status").body != b""


def test_cut_bodies_are_well_sent_and_not_well_formed(feed: DemoFeed) -> None:
    whole = get(feed, f"/api/augmented_diff?id={feed.head}").body
    feed.faults.put(faults.cut(0.5))
    assert get(feed, f"/api/augmented_diff?id={feed.head}").body == whole[: len(whole) // 2]
    file = get(feed, path_of(feed.head, "augmented_diffs", "adiff.xml.gz"))
    with pytest.raises(EOFError):
        gzip.decompress(file.body)


def test_a_remark_gets_into_a_packed_file_too(feed: DemoFeed) -> None:
    feed.faults.put(faults.remark())
    body = gzip.decompress(get(feed, path_of(feed.head, "augmented_diffs", "adiff.xml.gz")).body)
    assert body.endswith(b"seconds. </remark>\n\n</osm>\n")


def test_a_dropped_connection_has_no_answer(feed: DemoFeed) -> None:
    feed.faults.put(faults.drop(), sequence=feed.head)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        get(feed, f"/api/augmented_diff?id={feed.head}")


def test_a_stalled_answer_ends_with_the_feed(world: World) -> None:
    feed = DemoFeed(world).start()
    feed.faults.put(faults.stall(3600))
    waiting = Thread(target=lambda: get(feed, "/"), daemon=True)
    waiting.start()
    while not feed.requests:
        time.sleep(0.01)
    assert waiting.is_alive()
    feed.stop()
    waiting.join(PATIENCE)
    assert not waiting.is_alive()


def test_a_feed_that_is_down_refuses_and_comes_back_at_its_address(feed: DemoFeed) -> None:
    address = feed.url
    feed.stop()
    with pytest.raises(ConnectionRefusedError):
        get(feed, "/")
    feed.start()
    assert feed.url == address
    assert get(feed, "/").status == 200


def test_the_clock_counts_from_its_start() -> None:
    times = iter((999.0, 1000.0, 1002.4, 1002.5, 1025.0))
    clock = SteadyClock(first=100, history=10, interval=2.5, started=1000.0, now=lambda: next(times))
    assert [clock.head() for _ in range(5)] == [109, 109, 109, 110, 119]


def test_a_restart_continues_the_world() -> None:
    started = time.time() - 1000
    first = DemoFeed(World(seed=5), history=10, interval=100, started=started)
    again = DemoFeed(World(seed=5), history=10, interval=100, started=started)
    assert first.head == first.world.first + 9 + 10
    with first, again:
        for path in (f"/api/augmented_diff?id={first.head}", "/changesets/state.yaml", "/truth.json"):
            assert get(first, path).body == get(again, path).body
    with pytest.raises(RuntimeError, match="by itself"):
        first.advance()


def test_a_folder_of_real_diffs_is_served_by_the_overpass_protocol(tmp_path: Path) -> None:
    (tmp_path / "2360002.adiff.xml.gz").write_bytes(gzip.compress(b"<osm>first</osm>"))
    (tmp_path / "2360005.adiff.xml.gz").write_bytes(gzip.compress(b"<osm>last</osm>"))
    (tmp_path / "245.osm.gz").write_bytes(gzip.compress(b"<osm/>"))
    (tmp_path / "notes.adiff.xml.gz").write_bytes(b"")
    with DemoFeed(directory=tmp_path) as feed:
        assert get(feed, "/api/augmented_diff_status").text == "2360005\n"
        assert get(feed, "/api/augmented_diff?id=2360002").body == b"<osm>first</osm>"
        between = get(feed, "/api/augmented_diff?id=2360003")
        assert (between.status, b"<action" in between.body) == (200, False)
        assert osm_base(between.body) >= f"{until(2360005):%Y-%m-%dT%H:%M:%SZ}"
        assert (
            osm_base(get(feed, "/api/augmented_diff?id=2360006").body)
            < f"{until(2360006):%Y-%m-%dT%H:%M:%SZ}"
        )
        assert "sequence: 245\n" in get(feed, "/changesets/state.yaml").text
        assert gzip.decompress(get(feed, "/changesets/000/000/245.osm.gz").body) == b"<osm/>"
        assert get(feed, "/truth.json").status == 404
        (tmp_path / "2360006.adiff.xml.gz").write_bytes(gzip.compress(b"<osm/>"))
        assert feed.head == 2360006


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"holds no NNN\.adiff\.xml\.gz"):
        DemoFeed(directory=tmp_path)


def test_the_real_diffs_come_as_they_are() -> None:
    if not REAL.exists():
        pytest.skip("the real feed files are not there: they lie outside the repository")
    with DemoFeed(directory=REAL) as feed:
        expected = gzip.decompress((REAL / "2360002.adiff.xml.gz").read_bytes())
        assert get(feed, "/api/augmented_diff?id=2360002").body == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_by_itself_it_prints_its_address_and_ends_cleanly(number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "stats_assets.demo.feed",
        "--seed",
        "3",
        "--first",
        "100",
        "--history",
        "5",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        address = urlsplit(process.stdout.readline().strip())
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
        connection.request("GET", "/api/augmented_diff_status")
        assert connection.getresponse().read() == b"104\n"
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("wrong", [["--interval", "0"], ["--history", "0"], ["--directory", "/nonexistent"]])
def test_wrong_use_is_refused(wrong: list[str]) -> None:
    command = [sys.executable, "-m", "stats_assets.demo.feed", *wrong]
    process = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    assert process.returncode == 2
    assert " ".join(wrong) in process.stderr or f"{wrong[1]} holds no" in process.stderr


def test_the_demo_is_never_ahead_of_the_clock(tmp_path: Path) -> None:
    remembered = DemoHome(tmp_path, None).world()
    begun, hours = remembered.started, 8 * 3600
    assert abs(begun - time.time()) < 60
    for passed in (0, 59, 61, hours, 72 * hours):
        now = datetime.fromtimestamp(begun + passed, UTC)
        clock = SteadyClock(remembered.first, remembered.history, remembered.interval, begun, now.timestamp)
        assert now - timedelta(minutes=2) < until(clock.head()) <= now
    world = World(remembered.seed, remembered.first, remembered.changesets_first or 0)
    head = remembered.first + remembered.history - 1
    newest = world.newest_changeset_file(head)
    files = [world.changeset_file(newest - n).packed for n in range(10)]  # in a minute nothing may happen
    for bodies in ([world.augmented_diff(head)], files):
        document = b"".join(map(gzip.decompress, bodies))
        times = re.findall(rb'(?:timestamp|created_at|closed_at|date)="([^"]+)"', document)
        assert times
        assert max(times).decode() <= f"{until(head):%Y-%m-%dT%H:%M:%SZ}"
