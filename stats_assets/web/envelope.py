"""What is the same for all requests: their name, who may ask how, headers, refusals, and the line in the log.

An ASGI application around the routes. Limits below HTTP are protocol.py's, what asking costs costs.py's.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from stats_assets.questions.problem import Problem
from stats_assets.settings import Settings
from stats_assets.web.access_log import AccessLog
from stats_assets.web.costs import SPENDING, Budgets, Spending, who_of
from stats_assets.web.refusals import refusal
from stats_assets.web.request_ids import request_id

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

MOST_BODY = 16_384
METHODS = "GET, HEAD, OPTIONS"
SECURITY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'"
    " data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; frame-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors *",  # cards and pages may be shown in others: nothing can be done by a click
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-resource-policy": "cross-origin",
}
SHARED = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "ETag, Link, Retry-After, X-Request-ID",
}
ASKED_BEFORE = {
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": "*",
    "access-control-max-age": "86400",
}

_HOST = re.compile(rb"([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])?(:[0-9]{0,5})?")

_log = logging.getLogger(__name__)


class _Answered(Exception):
    """The client has all that it asked for."""


class Envelope:
    """Around an application. `settings`: what an address may use."""

    def __init__(self, app: Application, settings: Settings) -> None:
        self._app = app
        self._budgets = Budgets(settings.limit_seconds)
        self._access = AccessLog()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(reversed(scope["headers"]))  # of several the first
        name = request_id(headers.get(b"x-request-id"))
        scope.setdefault("state", {})["request_id"] = name
        who = who_of(scope["client"][0] if scope.get("client") else None)
        SPENDING.set(Spending(who, self._budgets))
        reply = _Reply(send, name, head=scope["method"] == "HEAD", secure=scope["scheme"] == "https")
        began = time.monotonic()
        try:
            refused = _refused(scope, headers)
            if refused is not None:
                await reply.refuse(refused, [("connection", "close")])
            elif scope["method"] == "OPTIONS":
                await reply.empty(204, {"allow": METHODS, **ASKED_BEFORE})
            else:
                await self._app({**scope, "method": "GET"}, receive, reply.send)
        except _Answered:
            pass
        except Problem as problem:
            await reply.refuse(problem)
        except Exception:
            _log.exception("Request %s failed", name)
            await reply.refuse(FAILED)
        finally:
            query = scope["query_string"]
            target = scope.get("raw_path", scope["path"].encode()) + (b"?" + query if query else b"")
            self._access.say(
                who, scope["method"], target, reply.status, reply.size, time.monotonic() - began, name
            )


FAILED = Problem(
    "failed",
    "This failed",
    "This could not be answered, by a fault of the server's. Whoever runs it finds more in its log, by this id.",
    status=500,
)


class _Reply:
    """What is sent, with what all responses have; without a body to HEAD."""

    def __init__(self, send: Send, name: str, *, head: bool, secure: bool) -> None:
        self._send, self._name, self._head = send, name, head
        self._more = SECURITY | SHARED | {"x-request-id": name}
        if secure:
            self._more["strict-transport-security"] = "max-age=31536000"
        self.status, self.size = 0, 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = list(message.get("headers", ()))
            there = {name.lower() for name, _ in given}
            added = [(n.encode(), v.encode()) for n, v in self._more.items() if n.encode() not in there]
            await self._send({**message, "headers": given + added})
            if self._head:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
                raise _Answered
            return
        self.size += len(message.get("body", b""))
        await self._send(message)

    async def refuse(self, problem: Problem, more: list[tuple[str, str]] | None = None) -> None:
        if self.status:  # it has begun: that it is cut off says it
            return
        headers, body = refusal(problem, self._name, more or ())
        try:
            await self.send({"type": "http.response.start", "status": problem.status, "headers": headers})
            await self.send({"type": "http.response.body", "body": body})
        except _Answered:
            pass

    async def empty(self, status: int, headers: dict[str, str]) -> None:
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": given})
        await self.send({"type": "http.response.body", "body": b""})


def _refused(scope: Message, headers: dict[bytes, bytes]) -> Problem | None:
    """Why a request is not even looked at."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) > 1 or not all(map(_HOST.fullmatch, hosts)):
        return Problem(
            "no-host",
            "The host is not clear",
            "The header Host is there once, and is a name or an address, with a port or without.",
        )
    if scope["method"] not in METHODS.split(", "):
        return Problem(
            "method-not-allowed",
            "Nothing can be changed here",
            f"{scope['method']} is not answered: take GET. All that there is can only be read.",
            status=405,
        )
    length = headers.get(b"content-length", b"0")
    if b"transfer-encoding" in headers or not length.isdigit() or int(length[:20]) > MOST_BODY:
        return Problem(
            "body-too-large",
            "A question has no body",
            f"It is asked by its address: send no body (of {MOST_BODY >> 10} KB at most).",
            status=413,
        )
    return None
