"""Server-sent events of a running window: the whole state, each time that it has changed.

One question to the database a distinct filter, however many listen. What the state holds is database/answers/live.py's.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from stats_assets.database.answers.movement import movement
from stats_assets.questions.answer import Given, Value
from stats_assets.questions.exact_json import written
from stats_assets.questions.problem import Problem
from stats_assets.questions.windows import to_the_second
from stats_assets.web.costs import SPENDING
from stats_assets.web.envelope import FAILED
from stats_assets.web.queries import given_of
from stats_assets.web.serving import Serving

RETRY = 5_000
"""Milliseconds until a client that lost its connection asks again."""
COMMENT_SECONDS = 15.0
LOOK_SECONDS = 2.0
"""Between two looks at whether anything moved."""
ANEW_SECONDS = 30.0
"""So old is a state at most, also when nothing moved: how far the feed is behind is part of it."""
MOST_FILTERS, MOST_LISTENERS = 200, 1_000
AT_ONCE = 2
"""Filters that are asked for at a time: other questions need connections, too."""

_log = logging.getLogger(__name__)

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Robots-Tag": "noindex"}


class _Filter:
    """A filter that somebody listens to: its newest state, and how one is told of the next."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.listeners = 0
        self.asking = asyncio.Lock()
        self.changed = asyncio.Event()
        self.content: Mapping[str, Value] = {}
        self.at = 0.0
        """When that was found."""
        self._problem: bytes | None = None
        self._rendered = (0.0, b"")

    def take(self, content: Mapping[str, Value]) -> None:
        """A state as it is now; only what has moved is told."""
        moved = self._problem is not None or _lasting(content) != _lasting(self.content)
        self.content, self.at, self._problem, self._rendered = content, time.monotonic(), None, (0.0, b"")
        if moved:
            self._wake()

    def fail(self, problem: Problem) -> None:
        event = _problem(problem)
        if event != self._problem:
            self._problem = event
            self._wake()

    def event(self) -> bytes:
        """What there is to say, with the time as it is now."""
        if self._problem is not None:
            return self._problem
        now = time.monotonic()
        if now - self._rendered[0] >= 1:
            self._rendered = now, _board(_later(self.content, int(now - self.at)))
        return self._rendered[1]

    def _wake(self) -> None:
        """Whoever waits wakes; whoever does not read now finds the newest state later, and none in between."""
        before, self.changed = self.changed, asyncio.Event()
        before.set()


class Hub:
    """All filters of a server. Lives in one event loop."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._filters: dict[Given, _Filter] = {}
        self._looking: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        return sum(one.listeners for one in self._filters.values())

    async def listen(self, given: Given) -> AsyncIterator[bytes]:
        """The events for one who listens. The first state is found before it returns. Raises Problem."""
        key = tuple(given)
        if self.listeners >= MOST_LISTENERS or (
            key not in self._filters and len(self._filters) >= MOST_FILTERS
        ):
            raise _full()
        one = self._filters.get(key) or _Filter(key)
        with self._listening(one) as one:
            async with one.asking:
                if not one.content:
                    one.take(await self._asked(one))
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return self._events(one)

    async def _events(self, one: _Filter) -> AsyncIterator[bytes]:
        with self._listening(one) as one:
            while not self._serving.ending.is_set():
                changed = one.changed
                yield one.event()
                while not changed.is_set():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(changed.wait(), COMMENT_SECONDS)
                        break
                    yield b": still here\n\n"

    @contextmanager
    def _listening(self, one: _Filter) -> Iterator[_Filter]:
        """The filter as it is known: one that nobody listened to meanwhile may be gone, or there anew."""
        there = self._filters.setdefault(one.given, one)
        if not there.content:
            there.content, there.at = one.content, one.at
        there.listeners += 1
        try:
            yield there
        finally:
            there.listeners -= 1
            if not there.listeners:
                self._filters.pop(one.given, None)

    async def _look(self) -> None:
        """As long as somebody listens: ask anew for each filter when something moved."""
        SPENDING.set(None)  # not whose request began it
        seen: tuple[object, ...] | None = None
        while await self._pause() and self._filters:
            try:
                now = await asyncio.to_thread(self._movement)
            except Problem as problem:
                for one in self._filters.values():
                    one.fail(problem)
                continue
            old = time.monotonic() - ANEW_SECONDS
            due = [one for one in self._filters.values() if now != seen or one.at < old]
            seen = now
            turns = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(self._ask_anew(one, turns) for one in due))
        for one in self._filters.values():  # the server ends: their turn to see it
            one.changed.set()

    async def _pause(self) -> bool:
        """Wait until the next look; False: the server ends."""
        until = time.monotonic() + LOOK_SECONDS
        while time.monotonic() < until and not self._serving.ending.is_set():
            await asyncio.sleep(0.1)
        return not self._serving.ending.is_set()

    def _movement(self) -> tuple[object, ...]:
        with self._serving.pool.connection() as connection:
            return movement(connection)

    async def _ask_anew(self, one: _Filter, turns: asyncio.Semaphore) -> None:
        async with turns:
            try:
                one.take(await self._asked(one))
            except Problem as problem:
                one.fail(problem)
            except Exception:
                _log.exception("The live state of %s could not be found", one.given)
                one.fail(FAILED)

    async def _asked(self, one: _Filter) -> Mapping[str, Value]:
        """Raises Problem."""
        return await asyncio.to_thread(self._serving.live, one.given)


def router(serving: Serving) -> APIRouter:
    """`/api/v1/live`."""
    routes = APIRouter(prefix="/api/v1")
    hub = Hub(serving)

    @routes.get("/live", include_in_schema=False)
    async def live(request: Request) -> StreamingResponse:
        events = await hub.listen(given_of(request))
        return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)

    return routes


def _lasting(content: Mapping[str, Value]) -> dict[str, Value]:
    return {key: value for key, value in content.items() if key not in ("as_of", "left_seconds")}


def _later(content: Mapping[str, Value], seconds: int) -> dict[str, Value]:
    """The same state so many seconds later."""
    left, as_of = content.get("left_seconds"), content.get("as_of")
    moved = dict(content)
    if isinstance(left, int):
        moved["left_seconds"] = max(0, left - seconds)
    if isinstance(as_of, str):
        moved["as_of"] = to_the_second(datetime.fromisoformat(as_of) + timedelta(seconds=seconds))
    return moved


def _board(content: Mapping[str, Value]) -> bytes:
    number = int(time.time() * 1000)
    return f"id: {number}\nevent: board\nretry: {RETRY}\ndata: {written(content)}\n\n".encode()


def _problem(problem: Problem) -> bytes:
    """What was shown stays; this says why nothing newer comes."""
    data = {"type": f"/problems/{problem.name}", "title": problem.title, "detail": problem.detail}
    return f"event: problem\nretry: {RETRY}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def _full() -> Problem:
    return Problem(
        "busy",
        "Too many listen",
        "As many live pages are open as this server takes. Try again in 30 s.",
        status=503,
        retry_after=30,
    )
