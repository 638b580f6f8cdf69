"""The web server in a thread of the tests' process, at a port of its own. No test is here."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from stats_assets.settings import Settings
from stats_assets.web.pool import Pool, open_pool
from stats_assets.web.running import Server, listen
from stats_assets.web.serving import Serving
from tests.drills.waiting import PATIENCE


@dataclass(frozen=True)
class Web:
    """A server at work. `get` asks it, and follows nothing."""

    url: str
    port: int
    serving: Serving
    pool: Pool
    client: httpx.Client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(
            path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


@contextmanager
def served(database_url: str, **settings: object) -> Iterator[Web]:
    """One on this database."""
    given: dict[str, object] = {"database_url": database_url, "limit_seconds": 0, **settings}
    with open_pool(Settings(**given)) as pool, running(pool, Settings(**given)) as web:  # type: ignore[arg-type]
        yield web


@contextmanager
def running(pool: Pool, settings: Settings) -> Iterator[Web]:
    """One with this pool."""
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    began = threading.Event()
    serving = Serving(settings, pool)
    server = Server(serving, began.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        assert began.wait(PATIENCE)
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=PATIENCE) as client:
            yield Web(url, port, serving, pool, client)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()
