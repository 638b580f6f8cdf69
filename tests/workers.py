"""pytest's workers, forked from one process that has imported the libraries and the tests, and read the regions: in
each of them that took eight seconds of the processor, and seven more where nothing was compiled yet. Which worker has
which file is conftest.py's. No test is here.

As a script it stands where a worker's Python would: it hands its pipes to a fork, and ends with it.
"""

import gc
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import types
from importlib import import_module
from pathlib import Path

# Nothing of pytest's or its plugins', which begin before what they look at is imported.
LIBRARIES = (
    "alembic.command",
    "cryptography.x509",
    "dagster_aws.ecs",
    "dagster_graphql.test.utils",
    "dagster_postgres",
    "dagster_webserver.webserver",
    "mkdocs.commands.build",
    "numpy.ma",
    "pandas",
    "rich._emoji_codes",
    "s3fs",
    "stats_assets.definitions",
    "typer._adapters",
)
SOCKET = "STATS_ASSETS_TESTS_WORKERS"  # where the process listens that has them


def begin() -> "tuple[subprocess.Popen[bytes], str]":
    """Start that process, which ends with this one; and the command that is a worker's Python."""
    os.environ[SOCKET] = path = str(Path(tempfile.mkdtemp()) / "workers")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        started = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "tests.workers", str(listening.fileno())],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            pass_fds=[listening.fileno()],
        )
    return started, f"{sys.executable} -I -S {__file__}"


def _serve(listening: socket.socket) -> None:
    """Fork for each who asks, until nobody holds our standard input; Ctrl-C is pytest's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # to look for circles in what will all stay took a third of the time
    for name in LIBRARIES:
        import_module(name)
    _read_tests()
    import_module("tests.packaged_regions").keep_them()
    commands, warm_runs = import_module("tests.command"), import_module("stats_assets.local.warm_runs")
    gc.collect()
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while listening.fileno() in select.select([listening.fileno(), 0], [], [])[0]:
        asker, _ = listening.accept()
        code, pipes, _, _ = socket.recv_fds(asker, 1 << 16, 3)
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            listening.close()
            # begun later, it would be a new interpreter, which imports all of this again
            warm_runs.fork_server(list(commands.PRELOADED), "stats-assets tests' commands")
            for number, pipe in enumerate(pipes):
                os.dup2(pipe, number)
                os.close(pipe)
            # as of `python -c`, also for multiprocessing, whose processes would import what has a name
            sys.modules["__main__"] = main = types.ModuleType("__main__")
            sys.argv = ["-c"]
            try:
                exec(code, vars(main))  # noqa: S102
            finally:
                asker.close()
            sys.exit()
        for one in pipes:
            os.close(one)
        asker.close()


def _read_tests() -> None:
    """As a worker that only collects, so that forks find all test modules imported. A broken one is theirs to tell."""
    import pytest

    class Worker:
        """Says that it is one: the run's folders are made already."""

        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(self, config: pytest.Config) -> None:
            config.workerinput = {}  # type: ignore[attr-defined]

        @pytest.hookimpl(tryfirst=True)
        def pytest_pycollect_makeitem(self) -> list[pytest.Item]:
            """None: each worker makes its own of the modules."""
            return []

    silent = ("-p", "no:terminal", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib")
    pytest.main(["--collect-only", *silent, "tests"], [Worker()])
    # by which hypothesis chooses, and which it would look for in each worker
    import_module("hypothesis.internal.conjecture.providers")._get_local_constants()


def _ask() -> None:
    """Ends with the fork, which has our pipes: they are closed as soon as it has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as asker:
        asker.connect(os.environ[SOCKET])
        socket.send_fds(asker, [sys.argv[-1].encode()], [0, 1, 2])
        os.close(0)
        os.close(1)
        asker.recv(1)  # nothing, when it has ended


if __name__ == "__main__":
    if len(sys.argv) == 2:
        _serve(socket.socket(fileno=int(sys.argv[1])))
    else:
        _ask()
