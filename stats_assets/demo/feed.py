"""The demo feed: a web server for `content`, in this process (`with DemoFeed(...) as feed`) or by itself
(`python -m stats_assets.demo.feed`). What it says is decided in `content`, what goes wrong in `faults`.
"""

import argparse
import gzip
import json
import signal
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from threading import Event, Thread
from types import TracebackType

from stats_assets.demo.clock import Clock, ManualClock, SteadyClock
from stats_assets.demo.content import Content, FolderSource, Source, WorldSource
from stats_assets.demo.fault_rules import Faults
from stats_assets.demo.faults import Answer, Request
from stats_assets.demo.folder import Folder, FolderError
from stats_assets.demo.world import DEFAULT_FIRST, World

DEFAULT_HISTORY = 60


class DemoFeed:
    """A feed on `host:port` (0: any free one) over `world`, or over the real diffs in `directory`.

    Without `interval` the head stays until `advance` is called; with it, one minute of the world passes every
    `interval` seconds since `started` (epoch seconds; by default now). `history`: the minutes at the start.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        history: int = DEFAULT_HISTORY,
        interval: float | None = None,
        started: float | None = None,
        directory: Path | None = None,
    ) -> None:
        self.world = world or World()
        self.faults = Faults()
        self.requests: deque[Request] = deque(maxlen=10_000)
        """What was asked, in order, spoiled answers included."""
        self._clock: Clock = ManualClock(self.world.first + history - 1)
        if interval is not None:
            begin = time.time() if started is None else started
            self._clock = SteadyClock(self.world.first, history, interval, begin)
        self._source: Source = WorldSource(self.world, self._clock)
        if directory is not None:
            self._source = FolderSource(Folder(directory))
        self.content = Content(self._source)
        self.stopping = Event()
        self._host, self._port = host, port
        self._server: ThreadingHTTPServer | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """Where Overpass would be: `{url}/api/augmented_diff?id=N`."""
        return f"http://{self._host}:{self._port}"

    @property
    def augmented_diffs_url(self) -> str:
        return f"{self.url}/augmented_diffs"

    @property
    def changesets_url(self) -> str:
        return f"{self.url}/changesets"

    @property
    def head(self) -> int:
        return self._source.head()

    @property
    def changesets_head(self) -> int:
        """What `state.yaml` says. Raises LookupError when a folder has no changeset files."""
        state = self._source.changeset_state()
        if state is None:
            raise LookupError("there are no changeset files")
        return state.said

    def advance(self, minutes: int = 1) -> int:
        """Let minutes of the world pass; the new head.

        Raises RuntimeError when a clock or folder decides it.
        """
        if not isinstance(self._clock, ManualClock) or not isinstance(self._source, WorldSource):
            raise RuntimeError("this feed's head moves by itself: start it without interval and directory")
        return self._clock.advance(minutes)

    def start(self) -> "DemoFeed":
        """Listen. Raises OSError when the port is taken."""
        self.stopping.clear()
        self._server = _Server((self._host, self._port), self)
        self._port = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), name="demo feed", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Refuse connections from now on: the feed is down. `start` brings it back at the same address."""
        self.stopping.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._server = self._thread = None

    def __enter__(self) -> "DemoFeed":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], feed: DemoFeed) -> None:
        self.feed = feed
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without http.server's search for the host's name, which takes seconds where no name server answers."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no event; anything else is the demo's own bug and is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        feed = self.server.feed
        request = feed.content.request(self.path)
        feed.requests.append(request)
        answer = feed.faults.spoil(request, feed.content.answer(self.path))
        self.close_connection = True
        if answer.delay_at == 0:
            feed.stopping.wait(answer.delay)
        if not answer.dropped:
            self._send(answer)

    do_HEAD = do_GET  # noqa: N815 (http.server's name)

    def do_POST(self) -> None:
        """`/faults`: put a rule."""
        try:
            rule = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            if self.path != "/faults" or not isinstance(rule, dict):
                raise ValueError(
                    'POST a rule to /faults: {"fault": "status", "arguments": {"code": 503}, "times": 2}'
                )
            self.server.feed.faults.put_json(rule)
        except ValueError as error:
            self._send(Answer(400, "text/plain; charset=utf-8", f"{error}\n".encode()))
        else:
            self._send(Answer(200, "application/json", b"{}"))

    def do_DELETE(self) -> None:
        """`/faults`: all is well again."""
        self.server.feed.faults.clear()
        self._send(Answer(200, "application/json", b"{}"))

    def _send(self, answer: Answer) -> None:
        body = answer.body
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "gzip" in self.headers.get("Accept-Encoding", "") and answer.kind != "application/gzip" and body:
            body = gzip.compress(body, 6, mtime=0)
            self.send_header("Vary", "Accept-Encoding")
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body) + answer.missing))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(answer, body)

    def _send_body(self, answer: Answer, body: bytes) -> None:
        if answer.garbled:
            middle = len(body) // 2
            body = (
                body[:middle] + bytes(255 - byte for byte in body[middle : middle + 8]) + body[middle + 8 :]
            )
        if answer.delay_at:
            begun = int(len(body) * answer.delay_at)
            self.wfile.write(body[:begun])
            self.server.feed.stopping.wait(answer.delay)
            body = body[begun:]
        if answer.reset_at is None:
            self.wfile.write(body)
            return
        self.wfile.write(body[: int(len(body) * answer.reset_at)])
        self.wfile.flush()
        # Closed with lingering for no time at all: a reset instead of an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: `DemoFeed.requests` is the log."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve in the foreground until Ctrl-C. Exit codes: 0 ended, 2 wrong use."""
    parser = argparse.ArgumentParser(prog="python -m stats_assets.demo.feed", description="An offline feed.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument(
        "--interval", type=float, default=60.0, help="seconds in which a minute of the world passes"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=DEFAULT_FIRST, help="first sequence of the world")
    parser.add_argument("--history", type=int, default=DEFAULT_HISTORY, help="sequences there at the start")
    parser.add_argument("--started", type=float, help="when it started (epoch seconds), to continue a world")
    parser.add_argument("--directory", type=Path, help="serve the real diffs NNN.adiff.xml.gz found there")
    options = parser.parse_args(arguments)
    limits = (("interval", options.interval > 0, "above 0"), ("history", options.history >= 1, "at least 1"))
    for name, holds, limit in (*limits, ("first", options.first >= 0, "at least 0")):
        if not holds:
            parser.error(f"--{name} {getattr(options, name)}: it must be {limit}")
    try:
        feed = DemoFeed(
            World(options.seed, options.first),
            host=options.host,
            port=options.port,
            history=options.history,
            interval=options.interval,
            started=options.started,
            directory=options.directory,
        ).start()
    except (FolderError, OSError) as error:
        parser.error(str(error))
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    print(feed.url, flush=True)
    while not ended.wait(3600):
        pass
    feed.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
