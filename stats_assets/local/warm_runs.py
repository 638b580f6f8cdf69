"""Runs that begin warm: each is forked from a process that has loaded all that a run needs, where Dagster begins a new
interpreter, which imports for seconds.

It is Python's own fork server, forked from the code server (a local stack's, a deployment's) before that has threads,
so that the two share what is loaded. What a run does, how it ends, and who is told, is as with Dagster's own launcher.
"""

import os
import socket
from contextlib import suppress
from importlib import import_module
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from dagster._grpc import server

from stats_assets.garbage import keep_what_is_loaded
from stats_assets.linux import entitle

LATE = (
    "sqlalchemy.dialects.sqlite.pysqlite",
    *("dagster._core.execution.plan.execute_plan", "dagster._grpc.impl"),
    *("stats_assets.database.migrations", "stats_assets.embedded_postgres.access"),
    *("stats_assets.feeds.archive", "stats_assets.feeds.directory", "stats_assets.feeds.overpass"),
    "stats_assets.ingest.parse",
)
"""What dagster and we import when it is first used."""


class Run(ForkServerProcess):
    """A run's process, by its name in a list of processes; else it would have the code server's."""

    def run(self) -> None:
        entitle("stats-assets run")
        super().run()


class Forks(ForkServerContext):
    """What the code server makes processes, queues and events of."""

    Process = Run


def begin(module: str) -> None:
    """From now on a code server of this process forks its runs. Only for a process of one thread."""
    load(module)
    fork_server([module, *LATE], "stats-assets warm runs", loaded=True)

    class Warm(server.DagsterApiServer):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            context: Any = Forks()
            self._mp_ctx = context

    server.DagsterApiServer = Warm  # type: ignore[misc]


def load(module: str) -> None:
    """Import the definitions, and what runs import and read. What can't be, the code server or a run says by itself.

    No thread and no connection is begun: of both a fork has nothing.
    """
    for name in (module, *LATE):
        with suppress(Exception):
            import_module(name)
    with suppress(Exception):  # definitions of another name than ours are built by each run
        import_module(module).defs.get_repository_def().get_all_jobs()
    with suppress(Exception):
        from stats_assets.orchestration.current_system import current_stats
        from stats_assets.orchestration.records.storage import read_revisions
        from stats_assets.streams import STREAMS

        for stream in STREAMS:
            current_stats().reader(stream)
        read_revisions()
    keep_what_is_loaded()


def fork_server(modules: list[str], name: str, *, loaded: bool = False) -> None:
    """What multiprocessing's `ensure_running` does, by a fork in place of a new interpreter; `name` in a list of
    processes. modules: what it imports, unless that was tried already (loaded): what can't be would end it.

    Should that process die, the next run begins another one, a new interpreter: multiprocessing sees to it.
    """
    forkserver.set_forkserver_preload(modules)
    resource_tracker.ensure_running()
    address = connection.arbitrary_address("AF_UNIX")  # type: ignore[attr-defined]
    alive_reader, alive_writer = os.pipe()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        pid = os.fork()
        if not pid:
            os.close(alive_writer)
            _serve(listener.detach(), alive_reader, Path(address), [] if loaded else modules, name)
    os.close(alive_reader)
    running: Any = forkserver._forkserver
    running._forkserver_address, running._forkserver_alive_fd = address, alive_writer
    running._forkserver_pid = pid


def _serve(listener: int, alive: int, address: Path, modules: list[str], name: str) -> None:
    """Fork until the code server and the last run have ended; what a killed code server leaves is tidied up."""
    try:
        entitle(name)
        forkserver.main(listener, alive, modules)
    finally:
        with suppress(OSError):
            address.unlink()
            address.parent.rmdir()
        os._exit(0)
