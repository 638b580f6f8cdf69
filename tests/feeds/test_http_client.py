"""Requests end: second tries, redirects, stalls, drips, lies about lengths, against a real server."""

from __future__ import annotations

import gzip
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stats_assets.feeds.directory import DirectorySource
from stats_assets.feeds.http_client import Http, Text
from stats_assets.feeds.manners import is_own, manners_at
from stats_assets.feeds.outcomes import (
    BadAnswer,
    BodyTooLarge,
    FeedError,
    FeedRefused,
    HeadRefused,
    HeadUnknown,
)
from stats_assets.feeds.overpass import OverpassSource
from stats_assets.feeds.sequences import path_of
from stats_assets.streams import TABLE

if TYPE_CHECKING:
    from tests.feeds.conftest import FeedServer, MakeHttp


def test_body_is_spooled_as_sent(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    packed = gzip.compress(b"<osm/>")
    feed.answer("/a", packed, headers={"Content-Encoding": "gzip"})
    answer = http.download(f"{feed.url}/a", tmp_path / "a")
    assert (answer.status, answer.size, answer.retry_after) == (200, len(packed), None)
    assert answer.path.read_bytes() == packed
    (request,) = feed.requests["/a"]
    assert request["User-Agent"] == "tests"
    assert request["Accept-Encoding"] == "gzip"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_one_more_try(status: int, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"busy", status)
    feed.answer("/a", b"fine")
    assert http.download(f"{feed.url}/a", tmp_path / "a").status == 200
    assert len(feed.requests["/a"]) == 2


@pytest.mark.parametrize("status", [500, 503, 504])
def test_no_third_try(status: int, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"busy", status)
    answer = http.download(f"{feed.url}/a", tmp_path / "a")
    assert (answer.status, answer.path.read_bytes()) == (status, b"busy")
    assert len(feed.requests["/a"]) == 2


@pytest.mark.parametrize("wait", [{}, {"Retry-After": "1"}])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 418, 429, 509])
def test_the_rest_is_asked_once(
    status: int, wait: dict[str, str], feed: FeedServer, http: Http, tmp_path: Path
) -> None:
    feed.answer("/a", b"no", status, headers=wait)
    assert http.download(f"{feed.url}/a", tmp_path / "a").status == status
    assert len(feed.requests["/a"]) == 1


FAILURES: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "502": {"status": 502},
    "503": {"status": 503},
    "503 with a short Retry-After": {"status": 503, "headers": {"Retry-After": "0"}},
    "504": {"status": 504},
    "no answer": {"silent": True},
}


@pytest.mark.parametrize("failure", FAILURES)
def test_an_overpass_is_asked_once_and_a_directory_once_more(
    failure: str, feed: FeedServer, http: Http, tmp_path: Path
) -> None:
    overpass, directory = "/api/augmented_diff?id=7", f"/{path_of(7)}.adiff.xml.gz"
    for path in (overpass, directory):
        feed.answer(path, **FAILURES[failure])
    with pytest.raises(BadAnswer):
        OverpassSource(feed.url, http).fetch(7, tmp_path)
    with pytest.raises(BadAnswer):
        DirectorySource(feed.url, TABLE["augmented_diffs"].suffix, http).fetch(7, tmp_path)
    assert (len(feed.requests[overpass]), len(feed.requests[directory])) == (1, 2)


REFUSALS: dict[str, tuple[int, bytes]] = {
    "Overpass": (
        429,
        b"<p>Error: Dispatcher_Client::request_read_and_idx::rate_limited. Please check the quota</p>",
    ),
    "Overpass, 200": (
        200,
        b"<html><p>Error: ::rate_limited. Please check /api/status for the quota</p></html>",
    ),
    "429, of no words": (429, b""),
    "509": (509, b"<h1>Bandwidth Limit Exceeded</h1>"),
    "a proxy's 503": (503, b"<html><title>503</title><p>Too\nmany requests from your address</p></html>"),
    "a bucket's": (
        503,
        b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
    ),
    "banned": (403, b"<html><h1>You have been banned</h1></html>"),
    "quota": (400, b"Daily quota exceeded"),
    "limit": (200, b"<html>You exceeded your hourly limit.</html>"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_that_names_a_limit(refusal: str, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    status, page = REFUSALS[refusal]
    feed.answer("/api/augmented_diff?id=7", page, status, headers={"Retry-After": "40"})
    feed.answer("/api/augmented_diff?id=8", page, status)
    feed.answer("/api/augmented_diff_status", page, status)
    feed.answer("/state.yaml", page, status)
    source = OverpassSource(feed.url, http)
    for sequence, wait in ((7, 40), (8, 30)):
        with pytest.raises(FeedRefused, match="asked too often") as raised:
            source.fetch(sequence, tmp_path)
        assert raised.value.retry_after == wait
    with pytest.raises(HeadRefused, match="asked too often"):
        source.head()
    with pytest.raises(HeadRefused):
        DirectorySource(feed.url, TABLE["changesets"].suffix, http).head()
    assert all(len(requests) == 1 for requests in feed.requests.values())


OTHERS: dict[str, tuple[int, bytes]] = {
    "overload": (504, b"<p>Error: ::timeout. The server is probably too busy to handle your request.</p>"),
    "duplicate": (200, b"<html><p>Error: ::duplicate_query. Too many. See the quota.</p></html>"),
    "style": (
        500,
        b"<html><style>.quota { color: red }</style><script>if (tooMany) banned()</script></html>",
    ),
    "another dialect": (200, b'<osmChange><tag k="name" v="Quota: Too Many Banned"/></osmChange>'),
    "a document with 500": (500, b'<osm><tag k="name" v="rate limit"/></osm>'),
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_bad_answers_name_no_limit(other: str, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    status, page = OTHERS[other]
    feed.answer("/api/augmented_diff?id=7", page, status)
    feed.answer("/api/augmented_diff_status", b"<p>Error: too busy</p>", 504)
    with pytest.raises(FeedError) as raised:
        OverpassSource(feed.url, http).fetch(7, tmp_path)
    assert not isinstance(raised.value, FeedRefused)
    with pytest.raises(HeadUnknown) as unknown:
        OverpassSource(feed.url, http).head()
    assert not isinstance(unknown.value, HeadRefused)


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://localhost:8080/api", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:80/", True),
        ("http://10.1.2.3", True),
        ("http://192.168.0.7:1234", True),
        ("http://169.254.1.1", True),
        ("http://[fe80::1%25eth0]/", True),
        ("http://[::ffff:10.0.0.1]/", True),
        ("http://overpass/api", True),
        ("http://user:secret@overpass:80", True),
        ("http://overpass.osm.svc.cluster.local", True),
        ("http://Overpass.Example.INTERNAL.", True),
        ("https://overpass-api.de", False),
        ("https://overpass.localhost.example.org", False),
        ("http://8.8.8.8", False),
        ("http://[2001:4860:4860::8888]", False),
    ],
)
def test_ones_own_server_needs_no_pause(url: str, own: bool) -> None:
    assert is_own(url) is own
    assert manners_at(url, None, 60) == ((0, 60) if own else (10, 60))
    assert manners_at(url, 2, 1) == ((2, 1) if own else (2, 60))


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_long_retry_after_is_for_the_caller(
    status: int, feed: FeedServer, make_http: MakeHttp, tmp_path: Path
) -> None:
    feed.answer("/a", b"later", status, headers={"Retry-After": "31"})
    answer = make_http(retry_after_max=30).download(f"{feed.url}/a", tmp_path / "a")
    assert answer.retry_after == 31
    assert len(feed.requests["/a"]) == 1


def test_a_short_retry_after_is_waited_for(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"later", 503, headers={"Retry-After": "1"})
    feed.answer("/a", b"fine")
    begun = time.monotonic()
    assert http.download(f"{feed.url}/a", tmp_path / "a").status == 200
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("value", ["soon", "-5", "1e3", "Wed, 99 Foo 2026 99:99:99 GMT", ""])
def test_a_retry_after_that_says_nothing(value: str, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"later", 503, headers={"Retry-After": value})
    answer = http.download(f"{feed.url}/a", tmp_path / "a")
    assert (answer.status, answer.retry_after) == (503, None)
    assert len(feed.requests["/a"]) == 2


def test_retry_after_as_a_date(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    feed.answer("/api/augmented_diff?id=7", b"<html/>", 429, headers={"Retry-After": at})
    with pytest.raises(BadAnswer, match="asked too often, and asks to wait") as raised:
        OverpassSource(feed.url, http).fetch(7, tmp_path)
    assert raised.value.retry_after == pytest.approx(300, abs=60)


def test_retry_after_has_a_cap(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"", 429, headers={"Retry-After": "99999999999999999999"})
    assert http.download(f"{feed.url}/a", tmp_path / "a").retry_after == 6 * 3600


def test_redirects_are_followed(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"moved", 302, headers={"Location": "/b"})
    feed.answer("/b", b"moved", 301, headers={"Location": f"{feed.url}/c"})
    feed.answer("/c", b"here")
    assert http.download(f"{feed.url}/a", tmp_path / "a").path.read_bytes() == b"here"


def test_a_redirect_without_end_to_its_body(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"x" * 1000, 302, headers={"Location": "/b"}, drip=0.1)
    feed.answer("/b", b"here")
    assert http.download(f"{feed.url}/a", tmp_path / "a").seconds < 60  # the drip takes 100


def test_an_error_page_without_end_before_the_second_try(
    feed: FeedServer, http: Http, tmp_path: Path
) -> None:
    feed.answer("/a", b"x" * 1000, 503, drip=0.1)
    feed.answer("/a", b"fine")
    answer = http.download(f"{feed.url}/a", tmp_path / "a")
    assert (answer.status, answer.size) == (200, 4)
    assert answer.seconds < 60  # the drip takes 100


@pytest.mark.parametrize("location", ["/a", "ftp://example.org/", "http://", "http://[::1"])
def test_redirects_that_lead_nowhere(location: str, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"moved", 302, headers={"Location": location})
    with pytest.raises(BadAnswer, match=r"/a: no whole answer \("):
        http.download(f"{feed.url}/a", tmp_path / "a")
    assert len(feed.requests["/a"]) <= 6
    assert not list(tmp_path.iterdir())


def test_nobody_listens(make_http: MakeHttp, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://u:secret@127.0.0.1:{free.getsockname()[1]}/a"
        with pytest.raises(BadAnswer, match="Connection refused") as raised:
            make_http().download(url, tmp_path / "a")
    assert "secret" not in str(raised.value)


def test_reset_in_the_body(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"<osm>", length=1000, reset=True)
    with pytest.raises(BadAnswer, match="no whole answer"):
        http.download(f"{feed.url}/a", tmp_path / "a")
    assert not list(tmp_path.iterdir())
    assert len(feed.requests["/a"]) == 1


def test_reset_before_the_body_is_tried_again(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", silent=True)
    feed.answer("/a", b"fine")
    assert http.download(f"{feed.url}/a", tmp_path / "a").path.read_bytes() == b"fine"


def test_shorter_than_its_content_length(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"<osm></osm>", length=12)
    with pytest.raises(BadAnswer, match="IncompleteRead"):
        http.download(f"{feed.url}/a", tmp_path / "a")


def test_without_content_length(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"<osm></osm>", length=None)
    assert http.download(f"{feed.url}/a", tmp_path / "a").size == 11


def test_a_stall_ends_by_the_read_timeout_and_is_not_tried_again(
    feed: FeedServer, make_http: MakeHttp, tmp_path: Path
) -> None:
    feed.answer("/a", stall=3)
    feed.answer("/b", b"two", drip=3)
    for path in ("/a", "/b"):
        with pytest.raises(BadAnswer, match="timed out"):
            make_http(timeout=0.2, deadline=60).download(f"{feed.url}{path}", tmp_path / "a")
        assert len(feed.requests[path]) == 1


@pytest.mark.parametrize("how", [{"length": None}, {}, {"slow_headers": True}])
def test_a_slow_drip_ends_by_the_deadline(
    how: dict[str, Any], feed: FeedServer, make_http: MakeHttp, tmp_path: Path
) -> None:
    feed.answer("/a", b"x" * 100_000, drip=0.02, **how)  # half an hour
    http = make_http(timeout=30, deadline=0.3)
    with pytest.raises(BadAnswer, match="within the time limit"):
        http.download(f"{feed.url}/a", tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_a_body_beyond_the_limit(feed: FeedServer, make_http: MakeHttp, tmp_path: Path) -> None:
    feed.answer("/a", b"x" * 2_000_000)
    with pytest.raises(BodyTooLarge, match="more than 1000 bytes"):
        make_http(size_max=1000).download(f"{feed.url}/a", tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_heads_are_asked_once(feed: FeedServer, http: Http) -> None:
    feed.answer("/a", b"busy", 503, headers={"Retry-After": "1"})
    assert http.ask(f"{feed.url}/a") == Text(503, "busy", 1)
    assert len(feed.requests["/a"]) == 1


def test_heads_end_soon(feed: FeedServer, make_http: MakeHttp) -> None:
    feed.answer("/a", b"1" * 1000, drip=0.02)
    feed.answer("/b", stall=3)
    for path in ("/a", "/b"):
        with pytest.raises(BadAnswer):
            make_http(head_timeout=0.2).ask(f"{feed.url}{path}")


def test_heads_are_small(feed: FeedServer, http: Http) -> None:
    feed.answer("/a", gzip.compress(b"1" * 1_000_000), headers={"Content-Encoding": "gzip"})
    with pytest.raises(BodyTooLarge):
        http.ask(f"{feed.url}/a")
