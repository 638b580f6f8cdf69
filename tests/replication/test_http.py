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

from stats_assets.replication import BadAnswer, BodyTooLarge, Http, OverpassSource

if TYPE_CHECKING:
    from tests.replication.conftest import FeedServer, MakeHttp


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


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_one_more_try(status: int, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"busy", status)
    feed.answer("/a", b"fine")
    assert http.download(f"{feed.url}/a", tmp_path / "a").status == 200
    assert len(feed.requests["/a"]) == 2


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_no_third_try(status: int, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"busy", status)
    answer = http.download(f"{feed.url}/a", tmp_path / "a")
    assert (answer.status, answer.path.read_bytes()) == (status, b"busy")
    assert len(feed.requests["/a"]) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418])
def test_the_rest_is_asked_once(status: int, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/a", b"no", status)
    assert http.download(f"{feed.url}/a", tmp_path / "a").status == status
    assert len(feed.requests["/a"]) == 1


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
    assert http.ask(f"{feed.url}/a") == (503, "busy")
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
