"""HTTP as uvicorn speaks it, but that no client can hold much or for long: limits to a request's head, and to waits.

What is asked is not looked at here; what a request may be otherwise is envelope.py's.
"""

from asyncio import BaseTransport, TimerHandle, Transport
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stats_assets.questions.problem import Problem
from stats_assets.web.refusals import refusal
from stats_assets.web.request_ids import new_id

MOST_HEAD = 65_536
"""Bytes of address and headers."""
MOST_CONNECTIONS = 2_000
HEAD_SECONDS = 10.0
"""So long a request may take to arrive."""
UNREAD_SECONDS = 30.0
"""So long a client may take nothing of what it is sent."""
LINGER_SECONDS = 5.0
"""So long is thrown away what a client still sends after it was refused."""

TOO_LONG = Problem(
    "address-too-long",
    "The address is too long",
    f"Address and headers are more than {MOST_HEAD >> 10} KB. Ask for fewer hashtags or users at a time.",
    status=414,
)
TOO_MUCH_HEAD = Problem(
    "headers-too-long",
    "The headers are too long",
    f"Address and headers are more than {MOST_HEAD >> 10} KB. Send fewer or shorter headers.",
    status=431,
)
TOO_SLOW = Problem(
    "request-too-slow",
    "The request took too long to arrive",
    f"It was not whole within {HEAD_SECONDS:g} s. Send it again.",
    status=408,
)
NO_HTTP = Problem(
    "no-http", "This is no HTTP request", "What was sent can't be read as HTTP/1.1.", status=400
)
TOO_MANY = Problem(
    "busy",
    "The server is busy",
    "Too many connections are open. Try again in 10 s.",
    status=503,
    retry_after=10,
)
PHRASES = {
    400: "Bad Request",
    408: "Request Timeout",
    414: "URI Too Long",
    431: "Headers Too Large",
    503: "Busy",
}


class Protocol(HttpToolsProtocol):
    """One client's connection."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head = 0  # bytes of a head that is not whole; -1: none is being read
        self._line = False  # its first line is whole
        self._refused = False
        self._waits: TimerHandle | None = None
        self._unread: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast("Transport", transport))
        if len(self.connections) > MOST_CONNECTIONS:
            self._refuse(TOO_MANY)
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._waits, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        if self._head >= 0:
            if self._waits is None:
                self._await_head()
            end = data.find(b"\r\n\r\n")
            self._head += len(data) if end < 0 else end
            self._line = self._line or b"\n" in data[:MOST_HEAD]
            if self._head > MOST_HEAD:
                self._refuse(TOO_MUCH_HEAD if self._line else TOO_LONG)
                return
        super().data_received(data)

    def eof_received(self) -> None:
        super().eof_received()
        if self._refused:
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._head, self._line = -1, False
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(NO_HTTP)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():  # what it was answered before it has not read
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _await_head(self) -> None:
        self._waits = self.loop.call_later(HEAD_SECONDS, self._late)

    def _late(self) -> None:
        if self._head > 0:
            self._refuse(TOO_SLOW)
        else:
            self.transport.abort()

    def _refuse(self, problem: Problem) -> None:
        """Say it and end. What still comes is thrown away: closed at once, the client might never read the answer."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        if self.cycle is not None and not self.cycle.response_complete:  # in the midst of another answer
            self.transport.abort()
            return
        headers, body = refusal(problem, new_id())
        lines = [b"%s: %s" % pair for pair in (*headers, (b"connection", b"close"))]
        status = f"HTTP/1.1 {problem.status} {PHRASES[problem.status]}".encode()
        self.transport.write(b"\r\n".join((status, *lines, b"", body)))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)
