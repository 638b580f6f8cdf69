"""What is the same for all requests: ids, headers, limits, refusals, the log; and a database that goes and comes."""

import logging
import re
import socket
import time
from collections.abc import Iterator

import psycopg
import pytest

from stats_assets.questions.problem import Problem
from stats_assets.settings import Settings
from stats_assets.web import protocol
from stats_assets.web.access_log import AccessLog, shown
from stats_assets.web.costs import Budgets, who_of
from stats_assets.web.pool import Pool, open_pool
from tests.conftest import database, superuser_of
from tests.drills.waiting import until
from tests.web.running import Web, running, served

ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
PROBLEM = "application/problem+json"


def raw(web: Web, sent: bytes, *, limit: float = 60) -> bytes:
    """All that comes back until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=limit) as client:
        client.sendall(sent)
        found = b""
        while part := client.recv(1 << 16):
            found += part
        return found


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """The access log's lines."""
    found: list[str] = []
    handler, log = logging.Handler(), logging.getLogger("stats_assets.access")
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    level = log.level
    log.setLevel(logging.INFO)
    yield found
    log.removeHandler(handler)
    log.setLevel(level)


def test_it_lives_and_is_ready(web: Web) -> None:
    assert web.get("/health").json()["status"] == "lives"
    assert web.get("/ready").json() == {"status": "ready"}
    assert web.get("/ready").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/health", "/api/v1/totals?last=1d", "/api/v1/nothing", "/users/4711", "/status"]
)
def test_each_answer_has_the_headers(web: Web, path: str) -> None:
    headers = web.get(path).headers
    assert ULID.fullmatch(headers["x-request-id"])
    assert headers["access-control-allow-origin"] == "*"
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors *" in policy
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    assert not {"x-frame-options", "server", "set-cookie", "strict-transport-security"} & headers.keys()


def test_behind_tls_browsers_stay_there(web: Web) -> None:
    assert "strict-transport-security" in web.get("/health", X_Forwarded_Proto="https").headers


def test_a_request_s_id_is_the_client_s_where_it_can_be_one(web: Web) -> None:
    assert web.get("/api/v1/nothing", X_Request_ID="a-1.b").json()["request_id"] == "a-1.b"
    for wrong in ("a b", "x" * 65, "<script>", '"', "é".encode("latin-1").decode("latin-1")):
        answer = web.client.get("/health", headers=[(b"X-Request-ID", wrong.encode("latin-1"))])
        assert ULID.fullmatch(answer.headers["x-request-id"]), wrong


def test_methods(web: Web) -> None:
    head = web.client.head("/api/v1/totals?last=1d")
    assert (head.status_code, head.content) == (200, b"")
    asked = web.client.options(
        "/api/v1/totals", headers={"Origin": "https://x.org", "Access-Control-Request-Method": "GET"}
    )
    assert (asked.status_code, asked.headers["access-control-allow-methods"]) == (204, "GET, HEAD, OPTIONS")
    for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
        refused = web.client.request(method, "/api/v1/totals", content=b"x" * 100_000)
        assert (refused.status_code, refused.headers["content-type"]) == (405, PROBLEM), method
        assert refused.headers["connection"] == "close"
    assert web.client.head("/nothing").status_code == 404


def test_a_body_is_no_question(web: Web) -> None:
    for headers in (
        b"Content-Length: 99999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 16385\r\n",
    ):
        answer = raw(web, b"GET /health HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 413 "), headers
    small = raw(web, b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    assert small.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /api/v1/totals?hashtag=" + b"a&hashtag=" * 100_000, 414),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 10_000_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 100_000, 431),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"HELO\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b'GET /h/a HTTP/1.1\r\nHost: "><script>\r\n\r\n', 400),
        (b"GET /h/a HTTP/1.1\r\nHost: a[b\r\n\r\n", 400),
        (b"GET /h/a HTTP/1.1\r\nHost: \xff\r\n\r\n", 400),
        (b"GET /h/a?" + b"x=1&" * 5_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 414),
        (b"GET /h/" + b"a;" * 9_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 414),
    ],
)
def test_what_is_too_long_or_no_http_is_a_problem_too(web: Web, sent: bytes, status: int) -> None:
    answer = raw(web, sent)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert PROBLEM.encode() in answer
    assert b'"detail"' in answer


@pytest.mark.parametrize(
    "host", ["a.example", "A-1.example:8080", "127.0.0.1:80", "[::1]:80", "[::1]", "x_y"]
)
def test_hosts_that_there_are(web: Web, host: str) -> None:
    assert web.get("/health", host=host).status_code == 200


def test_a_page_s_own_subject_is_not_mixed_with_another(web: Web) -> None:
    for path in ("/c/DEU?country=KEN", "/uid/1101?user=1102"):
        assert web.get(path).status_code == web.get(path.partition("?")[0]).status_code == 200, path
    for path in ("/uid/1101", "/h/missingmaps", "/h/missingmaps/live", "/h/missingmaps,osmnepal"):
        assert web.get(f"{path}?country=DEU&country=KEN").status_code == 422, path
    assert web.get("/?country=DEU&country=KEN").status_code == 200


def test_a_million_hashtags(web: Web) -> None:
    assert raw(web, b"GET /api/v1/totals?" + b"hashtag=abcdef&" * 1_000_000).startswith(b"HTTP/1.1 414 ")
    assert web.get("/health").status_code == 200


def test_slow_clients_are_told_and_dropped(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    assert raw(web, b"GET /health HT").startswith(b"HTTP/1.1 408 ")
    assert raw(web, b"") == b""
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as drip:
        drip.sendall(b"GET /health HTTP/1.1\r\nX: ")
        for _ in range(20):
            drip.sendall(b"a")
            time.sleep(0.01)
        drip.settimeout(60)
        assert drip.recv(100).startswith(b"HTTP/1.1 408 ")


def test_who_reads_nothing_is_dropped(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "UNREAD_SECONDS", 0.1)
    made: list[protocol.Protocol] = []
    lost = protocol.Protocol.connection_lost

    def seen(self: protocol.Protocol, exc: Exception | None) -> None:
        made.append(self)
        lost(self, exc)

    monkeypatch.setattr(protocol.Protocol, "connection_lost", seen)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", web.port))
        ask = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        try:
            for _ in range(150):
                deaf.sendall(ask)
        except OSError:
            pass
        until(lambda: made, "the connection is dropped")


def test_answers_are_compressed_for_who_takes_that(web: Web) -> None:
    path = "/api/v1/totals?last=24h"
    assert web.get(path, Accept_Encoding="gzip").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in web.get(path, Accept_Encoding="identity").headers
    assert "accept-encoding" in web.get(path, Accept_Encoding="gzip").headers["vary"].lower()


def test_a_line_in_the_log_for_each_request_without_address_or_secret(web: Web, lines: list[str]) -> None:
    web.get("/health?token=hunter2&a=1&API_KEY=hunter3", X_Request_ID="mine")
    web.get("/users/4711")
    raw(web, b"GET /a\x0b%0a?x=\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    until(lambda: len(lines) >= 2, "lines are written")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ mine [0-9a-f]{10}"
        r" GET /health\?token=\*\*\*&a=1&API_KEY=\*\*\* 200 \d+ [\d.]+ms",
        lines[0],
    )
    assert " GET /users/4711 404 " in lines[1]
    assert not any("127.0.0.1" in line or "hunter" in line or "\n" in line for line in lines)


def test_a_sign_is_an_address_s_for_a_day() -> None:
    log = AccessLog()
    assert log.sign("192.0.2.1") == log.sign("192.0.2.1") != log.sign("192.0.2.2")
    before = log.sign("192.0.2.1")
    log._until = 0
    assert log.sign("192.0.2.1") != before


def test_a_target_is_one_word() -> None:
    assert shown(b"/a b\n\x1b[31m\xff") == "/a\\x20b\\x0a\\x1b[31m\\x5cxff".replace("\\x5cxff", "\\xff")
    assert len(shown(b"/" + b"a" * 70_000)) < 1_100


def test_what_is_used_up_comes_back_and_kept_answers_are_free(counted: str) -> None:
    with served(counted, limit_seconds=0.0001) as web:
        first = web.get("/api/v1/totals?last=24h")
        assert first.status_code == 200
        refused = web.get("/api/v1/totals?last=23h")
        assert (refused.status_code, refused.headers["content-type"]) == (429, PROBLEM)
        assert int(refused.headers["retry-after"]) >= 1
        assert web.get("/api/v1/totals?last=24h").content == first.content  # kept: it costs nothing
        assert web.get("/health").status_code == web.get("/ready").status_code == 200
        other = web.get("/api/v1/totals?last=22h", X_Forwarded_For="192.0.2.7")
        assert other.status_code == 200  # another address, as a proxy that is trusted says


def test_a_proxy_that_is_not_trusted_is_not_heard(counted: str) -> None:
    with served(counted, limit_seconds=0.0001, trusted_proxies="192.0.2.1") as web:
        assert web.get("/api/v1/totals?last=24h").status_code == 200
        assert web.get("/api/v1/totals?last=23h", X_Forwarded_For="192.0.2.7").status_code == 429


def test_budgets_fill_up_again_and_are_bounded() -> None:
    budgets = Budgets(60)
    budgets.spend("a", 100)
    with pytest.raises(Problem) as refused:
        budgets.check("a")
    assert refused.value.status == 429
    assert 30 < (refused.value.retry_after or 0) < 45
    budgets._left["a"] = (-1.0, time.monotonic() - 2)
    budgets.check("a")
    for number in range(20_000):
        budgets.spend(f"b{number}", 1)
    assert len(budgets._left) == 10_000
    budgets._left["b10000"] = (1.0, time.monotonic() - 4000)
    budgets.spend("c", 1)
    assert "b10000" not in budgets._left
    assert who_of("2001:db8::1") == who_of("2001:db8::ffff") != who_of("2001:db8:0:1::1")
    assert who_of("::ffff:192.0.2.1") == who_of("192.0.2.1")
    assert who_of(None) == who_of("@") == ""


def test_a_statement_that_takes_too_long(counted: str) -> None:
    with open_pool(Settings(database_url=counted, answer_seconds=0.05)) as pool:
        with pytest.raises(Problem) as slow, pool.connection() as connection:
            connection.execute("SELECT pg_sleep(10)")
        assert (slow.value.status, slow.value.name) == (503, "too-slow")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), pool.connection() as connection:
            connection.execute("CREATE TABLE mine ()")
        with pool.connection() as connection:
            assert connection.execute("SELECT current_user LIKE '%\\_reader'").fetchone() == (True,)
        for wrong in ("SELECT 'a\\u0000'::jsonb::text::int", "SELECT 99999999999999999999::bigint"):
            with pytest.raises(Problem) as unfit, pool.connection() as connection:
                connection.execute(wrong.encode())
            assert unfit.value.status == 400


def test_a_pool_that_is_used_up(counted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(database_url=counted, web_connections=1)
    with (
        open_pool(settings) as pool,
        pool.connection(),
        pytest.raises(Problem) as busy,
        pool.connection(timeout=0.05),
    ):
        pass
    assert (busy.value.name, busy.value.status, busy.value.retry_after) == ("busy", 503, 10)


def test_a_database_that_is_not_ready_and_then_is(server: str, lines: list[str]) -> None:
    from stats_assets.database.migrations import migrate

    with database(server, "template1") as url, served(url) as web:
        for path in ("/ready", "/users", "/api/v1/totals?last=1d"):
            refused = web.get(path)
            assert (refused.status_code, refused.json()["type"]) == (503, "/problems/not-ready"), path
            assert "stats-assets migrate" in refused.json()["detail"]
            assert url.partition("@")[2][:10] not in refused.text
        assert web.get("/health").status_code == 200
        migrate(url)
        until(lambda: web.get("/ready").status_code == 200, "it is ready")


def test_a_database_that_is_gone_for_a_while(server: str, caplog: pytest.LogCaptureFixture) -> None:
    with database(server) as url, served(url) as web:
        assert web.get("/ready").status_code == 200
        name = url.partition("?")[0].rpartition("/")[2]
        with psycopg.connect(superuser_of(server), autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            for path in ("/ready", "/users", "/api/v1/totals?last=1d"):
                away = web.get(path)
                assert (away.status_code, away.json()["type"]) == (503, "/problems/database-away"), path
                assert away.headers["retry-after"] == "20"
                assert name not in away.text
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
        until(lambda: web.get("/ready").status_code == 200, "it is ready again")


def test_connections_are_limited(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 0)
    answer = raw(web, b"")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 10" in answer


def test_a_fault_of_ours_is_a_problem_with_its_id(counted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Pool, *given: object) -> None:
        raise ZeroDivisionError("of no concern to others")

    settings = Settings(database_url=counted, limit_seconds=0)
    with open_pool(settings) as pool, running(pool, settings) as web:
        monkeypatch.setattr(Pool, "connection", fails)
        answer = web.get("/users", X_Request_ID="this")
    assert (answer.status_code, answer.json()["request_id"]) == (500, "this")
    assert "no concern" not in answer.text
