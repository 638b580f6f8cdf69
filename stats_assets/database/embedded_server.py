"""The process that keeps an embedded PostgreSQL: makes, starts and mends it, stops it when nobody needs it.

One a data directory, detached, started by `embedded.py`: `python -m stats_assets.database.embedded_server`.
PostgreSQL dies with it (fast shutdown), so that no server runs that nobody would stop.
"""

import argparse
import contextlib
import json
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

import psycopg

from stats_assets.database.embedded import (
    GRACE_SECONDS,
    LOG_FILE,
    SERVER_LOCK,
    STATE_FILE,
    SYSTEM_FOLDER,
    USERS_LOCK,
    EmbeddedServerError,
)
from stats_assets.database.embedded_place import (
    DATABASE,
    MAJOR,
    ROLE,
    SOCKET,
    Place,
    find_place,
    socket_folder,
)
from stats_assets.processes import LockFile, dies_with_parent, processes_titled, send

POLL_SECONDS = 0.2
FAST_SHUTDOWN_SECONDS = 60.0
STARTS_IN_A_ROW = 4
# defaults of a new data directory: a person may change them in its postgresql.conf
DEFAULTS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_locks_per_transaction": "128",  # a query over all partitions of facts locks each, and its indexes
}
log = logging.getLogger("embedded")


class Stop(Exception):  # noqa: N818
    """No failure: SIGTERM came, or the folder was removed."""


class Server:
    """A PostgreSQL at a place, from nothing to its end."""

    def __init__(self, place: Place, lock: LockFile, grace: float) -> None:
        self._place = place
        self._lock = lock
        self._users = LockFile(place.folder / USERS_LOCK)
        self._grace = grace
        self._socket_folder = socket_folder(place)
        self._url = place.url(self._socket_folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = False
        self._last_lines: list[str] = []
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, number: int, frame: object) -> None:
        self._stop = True

    def run(self) -> None:
        """Serve until nobody needs the server. Raises EmbeddedServerError when it can't be had."""
        try:
            self._make()
            failures = 0
            while True:
                begun = time.monotonic()
                self._clear_leftovers()
                if not self._served(begun):
                    return
                # whatever ran for a while was no failure to start
                failures = 0 if time.monotonic() - begun > 30 else failures + 1
                if failures == STARTS_IN_A_ROW:
                    raise EmbeddedServerError(f"PostgreSQL ended {failures} times: {self._reason()}")
                self._say("starting", "PostgreSQL ended by itself, starting it again")
                self._wait(min(5.0, 0.1 * 3 ** (failures - 1)) if failures else 0)
        except Stop:
            log.info("told to stop")
        finally:
            self._end()

    def _say(self, state: str, detail: str, url: str | None = None) -> None:
        log.info("%s: %s", state, detail)
        write_state(self._place.folder, state, detail, url)

    def _reason(self) -> str:
        telling = [
            line for line in self._last_lines if any(word in line for word in ("FATAL", "PANIC", "rror"))
        ]
        return " / ".join((telling or self._last_lines)[-2:]) or "it said nothing."

    def _command(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        user = self._place.user
        return subprocess.Popen(  # noqa: S603
            [str(self._place.binaries / name), *arguments],
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "HOME": "/", "LC_ALL": "C"}
            | {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
            preexec_fn=dies_with_parent(signal.SIGINT),
        )

    def _make(self) -> None:
        """initdb, under another name until it is whole."""
        data = self._place.data
        if data.exists():
            version = (data / "PG_VERSION").read_text().strip()
            if version != MAJOR:
                raise EmbeddedServerError(
                    f"{data} was made by PostgreSQL {version}, and this is {MAJOR}. Dump it with the older "
                    "version and restore it here, or move the folder away."
                )
            return
        self._say("starting", "making a new database")
        half = data.with_name("data.half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        if self._place.user is not None:
            os.chown(half, self._place.user.pw_uid, self._place.user.pw_gid)
        for locale in ("C.UTF-8", "C"):
            arguments = [
                *("-D", str(half), "-U", ROLE, "--auth=trust", "--encoding=UTF8", f"--locale={locale}"),
                *(word for name, value in DEFAULTS.items() for word in ("-c", f"{name}={value}")),
            ]
            self._process = self._command("initdb", *arguments)
            while self._alive():
                self._listen()
            self._listen(0)
            if self._process.returncode == 0:
                break
            if not any("locale" in line for line in self._last_lines):
                raise EmbeddedServerError(f"initdb failed: {self._reason()}")
        else:
            raise EmbeddedServerError(f"initdb failed: {self._reason()}")
        half.rename(data)

    def _clear_leftovers(self) -> None:
        """See the processes of a killed server or of its killed keeper end, then remove what they left lying.

        A lock file's process id proves nothing (it may be anybody's by now), so the processes are known by
        their titles; PostgreSQL's own guard, its shared memory, stays behind this one.
        """
        begun = time.monotonic()
        ladder = [(30.0, signal.SIGQUIT), (40.0, signal.SIGKILL)]
        told = False
        while left := processes_titled("postgres", self._place.mark):
            if not told:
                self._say("starting", "waiting for the processes of the last server to end")
                told = True
            if ladder and time.monotonic() - begun > ladder[0][0]:
                send(left, ladder.pop(0)[1])
            self._listen()
        for path in (
            self._place.data / "postmaster.pid",
            self._socket_folder / f"{SOCKET}.lock",
            self._socket_folder / SOCKET,
        ):
            if path.exists() or path.is_socket():
                log.info("removing %s of a server that is no more", path)
                path.unlink(missing_ok=True)

    def _served(self, begun: float) -> bool:
        """Start PostgreSQL and stay with it. True: it ended; False: nobody needs it any more."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_folder),
            "unix_socket_permissions": "0700",
            "port": SOCKET.rpartition(".")[2],
            "cluster_name": self._place.mark,
            "fsync": "on",
            "full_page_writes": "on",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_destination": "stderr",
            "logging_collector": "off",
        }
        self._say("starting", "PostgreSQL is starting")
        self._process = self._command(
            *("postgres", "-D", str(self._place.data)),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        )
        ready = False
        probed, touched = 0.0, 0
        used = time.monotonic()
        while self._alive():
            self._listen()
            if ready and time.monotonic() - probed < POLL_SECONDS:
                continue
            probed = time.monotonic()
            if not ready:
                ready = self._ready(begun)
            if self._users.try_lock():
                # shared locks of users are gone; one that came and went meanwhile left its time on the file
                if self._users.touched != touched:
                    touched, used = self._users.touched, time.monotonic()
                if ready and time.monotonic() - used >= self._grace:
                    log.info("nobody has used it for %.0f s", self._grace)
                    return False
                self._users.unlock()
            else:
                used = time.monotonic()
        self._listen(0)
        log.warning("PostgreSQL ended with code %s", self._process.returncode)
        return True

    def _ready(self, begun: float) -> bool:
        try:
            with psycopg.connect(
                self._url.replace(f"/{DATABASE}?", "/postgres?"), autocommit=True
            ) as connection:
                there = connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).rowcount
                if not there:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError as error:
            if "starting up" in str(error) or "recovery" in str(error):
                detail = "PostgreSQL is starting up; after a crash it first replays its log"
                write_state(self._place.folder, "starting", detail, None)
            return False
        self._say("ready", f"ready after {time.monotonic() - begun:.1f} s", self._url)
        return True

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _listen(self, seconds: float = POLL_SECONDS) -> None:
        """Pass on what PostgreSQL says, for at most this time. Raises Stop."""
        stream = self._process.stdout if self._process is not None else None
        if self._process is None or stream is None:
            time.sleep(seconds)
        elif select.select([stream], [], [], seconds)[0]:
            said = os.read(stream.fileno(), 65536)
            for line in said.decode(errors="replace").splitlines():
                log.info("  %s", line)
                self._last_lines = [*self._last_lines[-19:], line]
            if not said and self._alive():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(seconds)
            elif not said:
                time.sleep(seconds)
        if self._stop or not self._lock.in_place:
            raise Stop

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._listen()

    def _end(self) -> None:
        """Stop PostgreSQL: fast, then at once (then it recovers at its next start), then by force."""
        if not self._alive() or self._process is None:
            return
        begun = time.monotonic()
        # with its folder gone there is nothing to save
        ladder = [(0.0, signal.SIGINT)] if self._lock.in_place else []
        ladder += [(FAST_SHUTDOWN_SECONDS if ladder else 0.0, signal.SIGQUIT)]
        ladder += [(ladder[-1][0] + 10, signal.SIGKILL)]
        while self._alive():
            if ladder and time.monotonic() - begun >= ladder[0][0]:
                self._process.send_signal(ladder.pop(0)[1])
            try:
                self._listen()
            except Stop:
                time.sleep(0.02)
        log.info("PostgreSQL stopped after %.1f s", time.monotonic() - begun)


def write_state(folder: Path, state: str, detail: str, url: str | None) -> None:
    """Tell the users, in one piece."""
    new = folder / f"{STATE_FILE}.new"
    new.write_text(json.dumps({"state": state, "detail": detail, "url": url}))
    new.rename(folder / STATE_FILE)


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
    except (EmbeddedServerError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        server.run()
    except (EmbeddedServerError, OSError) as error:
        log.error("%s", error)
        write_state(folder, "failed", str(error), None)
    except Exception:
        log.exception("the server's process failed")
        write_state(folder, "failed", "its process failed.", None)
    else:
        if lock.in_place:
            (folder / STATE_FILE).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
