"""How the demo feed's answers are sent: HTTP, packed where the client takes that, and whatever breaks on the way.

What is answered is `content`'s, what spoils it `faults`'.
"""

import gzip
import json
import socket
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING

from stats_assets.demo.answers.faults import Answer

if TYPE_CHECKING:
    from stats_assets.demo.feed import DemoFeed


class Server(ThreadingHTTPServer):
    """The feed by HTTP, a thread a connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], feed: "DemoFeed") -> None:
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
    server: Server

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
