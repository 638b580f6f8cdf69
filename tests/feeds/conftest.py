"""A small real HTTP server with scripted answers: what the feeds' tests talk to."""

import json
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stats_assets.feeds.http_client import Http
from tests.drills.waiting import PATIENCE


@dataclass
class Reply:
    """What is sent, and how.

    length: a Content-Length that may lie (None: none, the connection ends the body). drip: seconds between
    bytes, of the headers too with slow_headers. stall: seconds before anything. reset: ends with a TCP reset.
    silent: closes without an answer.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = -1
    drip: float = 0
    reset: bool = False
    slow_headers: bool = False
    stall: float = 0
    silent: bool = False


class FeedServer:
    """Answers a path (with its query) with its replies in turn, the last one again and again; else 404.

    `posted`: what was sent to each.
    """

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.requests: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.posted: dict[str, list[bytes]] = defaultdict(list)
        self.stopped = threading.Event()
        feed = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                feed.requests[self.path].append(dict(self.headers))
                replies = feed.replies.get(self.path, [Reply(b"not here", 404)])
                reply = replies.pop(0) if len(replies) > 1 else replies[0]
                self.close_connection = True
                with suppress(OSError):  # the client has gone, which is what some tests are about
                    feed.send(self, reply)

            def do_POST(self) -> None:
                feed.posted[self.path].append(self.rfile.read(int(self.headers["Content-Length"])))
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str, body: bytes = b"", status: int = 200, **how: Any) -> None:
        """Adds a reply (of Reply's fields) to a path's."""
        self.replies.setdefault(path, []).append(Reply(body, status, **how))

    def send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        if reply.silent or self.stopped.wait(reply.stall):
            return
        headers = {"Connection": "close", **reply.headers}
        if reply.length is not None:
            headers["Content-Length"] = str(len(reply.body) if reply.length == -1 else reply.length)
        if reply.slow_headers:
            for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000:
                self._write(handler, bytes([byte]), reply.drip)
        handler.send_response(reply.status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if reply.drip:
            for byte in reply.body:
                self._write(handler, bytes([byte]), reply.drip)
        else:
            handler.wfile.write(reply.body)
        if reply.reset:
            linger = struct.pack("ii", 1, 0)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.connection.close()

    def _write(self, handler: BaseHTTPRequestHandler, data: bytes, pause: float) -> None:
        if self.stopped.is_set():
            raise OSError("stopped")
        handler.wfile.write(data)
        time.sleep(pause)

    def stop(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def feed() -> Iterator[FeedServer]:
    server = FeedServer()
    yield server
    server.stop()


MakeHttp = Callable[..., Http]


@pytest.fixture
def make_http() -> MakeHttp:
    """An Http that waits for nothing long."""

    def make(**options: Any) -> Http:
        return Http("tests", **{"timeout": PATIENCE, "pause": 0, "head_timeout": PATIENCE} | options)

    return make


@pytest.fixture
def http(make_http: MakeHttp) -> Http:
    return make_http()


@pytest.fixture
def shared() -> Path:
    """The folder of real feed files."""
    folder = Path(__file__).parents[2] / ".." / "shared" / "data"
    if not folder.exists():
        pytest.skip("the real feed files are not here (../shared/data)")
    return folder


@pytest.fixture
def recorded_in(shared: Path) -> Path:
    """The folder of recorded Overpass answers."""
    return shared / "overpass"


@pytest.fixture
def recorded(recorded_in: Path) -> dict[str, dict[str, Any]]:
    """Their index: name to request, status, headers."""
    return json.loads((recorded_in / "index.json").read_text())  # type: ignore[no-any-return]
