"""The process that keeps an embedded PostgreSQL: one a data directory, detached, started by `access.py`.

`python -m stats_assets.embedded_postgres.keeper`. PostgreSQL dies with it (fast shutdown), so that no server runs
that nobody would stop. What it does with the server is `lifecycle.py`'s.
"""

import argparse
import contextlib
import logging
import os
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from stats_assets.embedded_postgres.access import (
    GRACE_SECONDS,
    LOG_FILE,
    SERVER_LOCK,
    STATE_FILE,
    SYSTEM_FOLDER,
    EmbeddedServerError,
    write_state,
)
from stats_assets.embedded_postgres.lifecycle import Server, log
from stats_assets.embedded_postgres.place import find_place
from stats_assets.linux import LockFile


def detach(log_file: Path) -> None:
    """Leave the starter, who goes on as soon as this process's first half is gone."""
    if os.fork():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    handler = RotatingFileHandler(log_file, maxBytes=5_000_000, backupCount=2)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logging.Formatter.converter = time.gmtime
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def only_one(path: Path) -> LockFile | None:
    """The lock of the folder's one server process; None: another has it."""
    lock = LockFile(path)
    for _ in range(20):
        if lock.try_lock():
            return lock
        # users look whether it is held, for a moment
        time.sleep(0.05)
    return None


def main() -> int:
    """The process: 0 detached, or left to another; 2 it can't be, with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="embedded_server")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--grace", type=float, default=GRACE_SECONDS)
    parser.add_argument("--elsewhere", type=Path, default=SYSTEM_FOLDER)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    os.umask(0o077)
    try:
        lock = only_one(folder / SERVER_LOCK)
        if lock is None:
            return 0
        (folder / STATE_FILE).unlink(missing_ok=True)
        place = find_place(folder, arguments.elsewhere)
        server = Server(place, lock, arguments.grace)
        detach(folder / LOG_FILE)
        with contextlib.suppress(OSError):  # a full disk
            lock.write(str(os.getpid()))
    except (EmbeddedServerError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    failure = None
    try:
        server.run()
    except (EmbeddedServerError, OSError) as error:
        log.error("%s", error)
        failure = str(error)
    except Exception:
        log.exception("the server's process failed")
        failure = "its process failed."
    if not lock.in_place:
        return 0  # the folder was removed; what has its path now is another's
    if failure is None:
        (folder / STATE_FILE).unlink(missing_ok=True)
    else:
        with contextlib.suppress(OSError):
            write_state(folder, "failed", failure, None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
