"""The web server as a process of its own: many requests, many listeners, killed for a while, told to end."""

import asyncio
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from stats_assets.database.connection import connect
from tests.drills.waiting import until
from tests.ports import free_ports
from tests.web.conftest import counted, quarter  # noqa: F401 - fixtures

PROJECT = Path(__file__).parents[2]
LIVE = "/api/v1/live?last=24h"
REQUESTS, LISTENERS = 10_000, 500
PATHS = (
    "/api/v1/totals?last={n}h",
    "/users?page={n}",
    "/campaigns/nothing-{n}",
    "/api/v1/leaderboard?last=24h&limit={n}",
    "/health?{n}",
    "/{n}",
)
GROWTH = 60 << 20
"""Bytes that the second half of the requests may add: what is kept by address and question is bounded."""


class Served:
    """`stats-assets serve` on a database, at one port, begun again as often as it is wanted."""

    def __init__(self, folder: Path, database: str) -> None:
        shutil.copy(PROJECT / "dagster.yaml", folder)
        self._folder, self._database = folder, database
        [self.port] = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = self.begin()

    def start(self) -> None:
        """Begin it, and wait until it answers."""
        self.process = self.begin()
        until(self.ready, "it is ready")

    def begin(self) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
        return subprocess.Popen(  # noqa: S603
            [str(Path(sys.executable).with_name("stats-assets")), "serve", "--port", str(self.port)],
            cwd=self._folder,
            env=kept | {"DATABASE_URL": self._database, "LIMIT_SECONDS": "0"},
            stderr=(self._folder / "log").open("a"),
            text=True,
        )

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ready").status_code == 200
        except httpx.HTTPError:
            return False

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()


@pytest.fixture
def served(counted: str, tmp_path: Path) -> Iterator[Served]:  # noqa: F811
    made = Served(tmp_path, counted)
    try:
        until(made.ready, "it is ready")
        yield made
    finally:
        made.process.kill()
        made.process.wait()


async def ask(client: httpx.AsyncClient, numbers: range) -> set[int]:
    found = set()
    for number in numbers:
        path = PATHS[number % len(PATHS)].format(n=number % 997 + 1)
        found.add((await client.get(path)).status_code)
    return found


async def ask_all(url: str, numbers: range, at_once: int = 20) -> set[int]:
    parts = [numbers[start::at_once] for start in range(at_once)]
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        return set().union(*await asyncio.gather(*(ask(client, part) for part in parts)))


@pytest.mark.drill
def test_ten_thousand_requests_leave_it_as_it_was(served: Served) -> None:
    process = psutil.Process(served.process.pid)
    half = REQUESTS // 2
    assert asyncio.run(ask_all(served.url, range(half))) <= {200, 404, 503}
    before = process.memory_info().rss, process.num_fds()
    assert asyncio.run(ask_all(served.url, range(half, REQUESTS))) <= {200, 404, 503}
    after = process.memory_info().rss, process.num_fds()
    print(f"RSS {before[0] >> 20} → {after[0] >> 20} MB, files {before[1]} → {after[1]}")
    assert after[0] - before[0] < GROWTH
    assert after[1] <= before[1] + 20
    assert "Traceback" not in served.log
    assert len(re.findall(r"^\d{4}-.* GET ", served.log, re.MULTILINE)) >= REQUESTS


class Listener:
    """A live page: it shows the last state, and asks again when its connection is lost."""

    def __init__(self) -> None:
        self.states = 0
        self.shown: dict[str, object] | None = None

    async def listen(self, client: httpx.AsyncClient) -> None:
        while True:
            try:
                async with client.stream("GET", LIVE) as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith("data: ") and '"totals"' in line:
                            self.shown, self.states = json.loads(line[6:]), self.states + 1
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)


@pytest.mark.drill
def test_five_hundred_listen_while_it_is_killed_and_begun_again(served: Served, counted: str) -> None:  # noqa: F811
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))

    async def story() -> None:
        before = await asyncio.to_thread(asked, counted)
        listeners = [Listener() for _ in range(LISTENERS)]
        client = httpx.AsyncClient(
            base_url=served.url,
            timeout=httpx.Timeout(120, read=None),
            limits=httpx.Limits(max_connections=None),
        )
        tasks = [asyncio.create_task(one.listen(client)) for one in listeners]

        async def all_have(states: int, what: str) -> None:
            for _ in range(1200):
                if all(one.states >= states for one in listeners):
                    return
                await asyncio.sleep(0.2)
            raise AssertionError(f"{what}: {sorted(one.states for one in listeners)[:20]}")

        await all_have(1, "all are told at once")
        questions = await asyncio.to_thread(asked, counted) - before
        assert questions < LISTENERS / 2  # a look and a question each few seconds, whoever listens
        shown = [one.shown for one in listeners]
        served.process.kill()
        served.process.wait()
        await asyncio.sleep(5)
        assert [one.shown for one in listeners] == shown  # what was shown stays
        await asyncio.to_thread(served.start)
        await all_have(2, "all are told again")
        assert all((one.shown or {})["totals"] == (shown[0] or {})["totals"] for one in listeners)
        print(f"questions for {LISTENERS} listeners: {questions}")
        process = psutil.Process(served.process.pid)
        print(f"RSS with {LISTENERS} listeners: {process.memory_info().rss >> 20} MB")
        served.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(served.process.wait, 60) == 0
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.aclose()

    try:
        asyncio.run(story())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "Traceback" not in served.log


def asked(database: str) -> int:
    """How many transactions there were in the database so far."""
    with connect(database) as connection:
        row = connection.execute(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    return int(row[0]) if row else 0
