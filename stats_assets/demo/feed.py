"""The demo feed: a web server for `content`, in this process (`with DemoFeed(...) as feed`) or by itself
(`python -m stats_assets.demo.feed`). What it says is decided in `content`, what goes wrong in `faults`, how it is sent
in `serving`.
"""

import argparse
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from stats_assets.demo.answers.content import Content
from stats_assets.demo.answers.fault_rules import Faults
from stats_assets.demo.answers.faults import Request
from stats_assets.demo.answers.folder import Folder, FolderError
from stats_assets.demo.answers.overpass import Overpass
from stats_assets.demo.answers.overpass_ways import Ways
from stats_assets.demo.answers.replication import ON_TIME, Replication
from stats_assets.demo.answers.serving import Server
from stats_assets.demo.answers.sources import FolderSource, Source, WorldSource
from stats_assets.demo.clock import ManualClock, PassingClock, SteadyClock
from stats_assets.demo.world.minute import until
from stats_assets.demo.world.world import DEFAULT_FIRST, World

DEFAULT_HISTORY = 60


class DemoFeed:
    """A feed on `host:port` (0: any free one) over `world`, or over the real diffs in `directory`.

    Without `interval` the head stays until `advance` is called; with it, one minute of the world passes every
    `interval` seconds since `started` (epoch seconds; by default now). `history`: the minutes at the start. With
    `ways`, Overpass's addresses are answered as a genuine server would (`overpass`), and `pass_time` moves its clock.
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
        ways: Ways | None = None,
    ) -> None:
        self.world = world or World()
        self.faults = Faults()
        self.requests: deque[Request] = deque(maxlen=10_000)
        """What was asked, in order, spoiled answers included."""
        self._clock: ManualClock | PassingClock | SteadyClock = ManualClock(self.world.first + history - 1)
        self._overpass: Overpass | None = None
        if interval is not None:
            begin = time.time() if started is None else started
            self._clock = SteadyClock(self.world.first, history, interval, begin)
        elif ways is not None:
            self._clock = PassingClock(until(self.world.first + history - 1))
        if ways is not None and not isinstance(self._clock, ManualClock):
            self._overpass = Overpass(self.world, ways, self._clock.time)
        self.replication = Replication(self.world, ON_TIME if ways is None else ways.late)
        self.source: Source = WorldSource(self.world, self._clock, self.replication)
        """Of directories, and of Overpass without ways. Another may be put in its place."""
        if directory is not None:
            self.source = FolderSource(Folder(directory))
        self.stopping = Event()
        self._host, self._port = host, port
        self._server: Server | None = None
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
    def osmchange_url(self) -> str:
        return f"{self.url}/osmchange"

    @property
    def planet_url(self) -> str:
        return f"{self.url}/planet.osm.gz"

    @property
    def content(self) -> Content:
        return Content(self.source, self._overpass)

    @property
    def overpass(self) -> Overpass:
        """The server behind Overpass's addresses. Raises LookupError for a feed without `ways`."""
        if self._overpass is None:
            raise LookupError("this feed has no Overpass with ways of its own")
        return self._overpass

    @property
    def head(self) -> int:
        return self.source.head()

    @property
    def changesets_head(self) -> int:
        """What `state.yaml` says. Raises LookupError when a folder has no changeset files."""
        state = self.source.changeset_state()
        if state is None:
            raise LookupError("there are no changeset files")
        return state.said

    def advance(self, minutes: int = 1) -> int:
        """Let minutes of the world pass; the new head.

        Raises RuntimeError when a clock or folder decides it.
        """
        if isinstance(self._clock, SteadyClock) or isinstance(self.source, FolderSource):
            raise RuntimeError("this feed's head moves by itself: start it without interval and directory")
        return self._clock.advance(minutes)

    @property
    def time(self) -> datetime:
        """The time in the world. Raises RuntimeError without a clock that has one."""
        if isinstance(self._clock, ManualClock):
            raise RuntimeError("this feed's clock knows minutes alone: start it with ways")
        return self._clock.time()

    def pass_time(self, seconds: float) -> datetime:
        """Let time pass; what it is then. Raises RuntimeError without `ways`, or when a clock decides it."""
        if not isinstance(self._clock, PassingClock):
            raise RuntimeError("this feed's time does not pass by hand: start it with ways, without interval")
        return self._clock.pass_time(seconds)

    def start(self, poll: float = 0.02) -> "DemoFeed":
        """Listen; `stop` waits for `poll` seconds, which cost CPU. Raises OSError when the port is taken."""
        self.stopping.clear()
        self._server = Server((self._host, self._port), self)
        self._port = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, args=(poll,), name="demo feed", daemon=True)
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
    parser.add_argument(
        "--overpass", action="store_true", help="with a genuine Overpass's ways: late edits, cache"
    )
    parser.add_argument("--directory", type=Path, help="serve the real diffs NNN.adiff.xml.gz found there")
    options = parser.parse_args(arguments)
    limits = (("interval", options.interval > 0, "above 0"), ("history", options.history >= 1, "at least 1"))
    ports = ("port", 0 <= options.port <= 65_535, "0 to 65535")
    for name, holds, limit in (*limits, ports, ("first", options.first >= 0, "at least 0")):
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
            ways=Ways() if options.overpass else None,
        ).start(poll=1.0)
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
