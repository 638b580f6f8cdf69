"""An embedded PostgreSQL from nothing to its end: made, started, mended, stopped when nobody needs it.

Runs in a process of its own, `keeper.py`, which holds the directory's lock.
"""

import contextlib
import logging
import os
import shutil
import signal
import time

import psycopg

from stats_assets.embedded_postgres.access import USERS_LOCK, EmbeddedServerError, write_state
from stats_assets.embedded_postgres.clients import Visitors
from stats_assets.embedded_postgres.place import MAJOR, SOCKET, Place, socket_folder
from stats_assets.embedded_postgres.program import Program
from stats_assets.embedded_postgres.roles import SUPERUSER, make_roles
from stats_assets.embedded_postgres.server_settings import DEFAULTS, for_small_memory, unset_defaults
from stats_assets.linux import LockFile
from stats_assets.processes import send, titled

POLL_SECONDS = 0.2
LONGEST_POLL_SECONDS = 1.0
FAST_SHUTDOWN_SECONDS = 60.0
STARTS_IN_A_ROW = 4
log = logging.getLogger("embedded")


class Stop(Exception):
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
        self._visitors = Visitors(self._url)
        self._program: Program | None = None
        self._stays = ""
        self._state: tuple[str, str, str | None] | None = None
        self._stop = False
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
                    raise EmbeddedServerError(f"PostgreSQL ended {failures} times: {self._reason}")
                self._say("starting", "PostgreSQL ended by itself, starting it again")
                self._wait(min(5.0, 0.1 * 3 ** (failures - 1)) if failures else 0)
        except Stop:
            log.info("told to stop")
        finally:
            self._end()

    @property
    def _reason(self) -> str:
        return "it said nothing." if self._program is None else self._program.reason

    def _say(self, state: str, detail: str, url: str | None = None) -> None:
        log.info("%s: %s", state, detail)
        self._state = (state, detail, url)
        self._tell()

    def _tell(self) -> None:
        """Write what was said, again and again until there is room for it: a full disk is no reason to end."""
        if self._state is None:
            return
        with contextlib.suppress(OSError):
            write_state(self._place.folder, *self._state)
            self._state = None

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
                *("-D", str(half), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", f"--locale={locale}"),
                "--no-instructions",  # how to start it by hand, in the folder that is renamed
                *(word for name, value in DEFAULTS.items() for word in ("-c", f"{name}={value}")),
            ]
            self._program = initdb = Program(self._place, log, "initdb", *arguments)
            while initdb.alive:
                self._listen()
            self._listen(0)
            if initdb.code == 0:
                break
            if locale == "C" or not initdb.said("locale"):
                raise EmbeddedServerError(f"initdb failed: {initdb.reason}")
        half.rename(data)

    def _clear_leftovers(self) -> None:
        """See the processes of a killed server or of its killed keeper end, then remove what they left lying.

        A lock file's process id proves nothing (it may be anybody's by now), so the processes are known by
        their titles; PostgreSQL's own guard, its shared memory, stays behind this one.
        """
        begun = time.monotonic()
        ladder = [(30.0, signal.SIGQUIT), (40.0, signal.SIGKILL)]
        told = False
        while left := titled("postgres", self._place.mark):
            if not told:
                self._say("starting", "waiting for the processes of the last server to end")
                told = True
            if ladder and time.monotonic() - begun > ladder[0][0]:
                send(left, ladder.pop(0)[1])
            self._listen()
        socket_folder(self._place)  # the keeper before this one may have removed it just now
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
        settings |= for_small_memory() | unset_defaults(self._place.data)
        self._say("starting", "PostgreSQL is starting")
        self._program = postgres = Program(
            *(self._place, log, "postgres", "-D", str(self._place.data)),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        )
        ready = False
        probed, touched = 0.0, 0
        used = time.monotonic()
        pause = min(LONGEST_POLL_SECONDS, max(POLL_SECONDS, self._grace / 10))
        while postgres.alive:
            self._listen(pause if ready else POLL_SECONDS)
            if ready and time.monotonic() - probed < POLL_SECONDS:
                continue
            probed = time.monotonic()
            if not ready:
                ready = self._ready(begun)
            if self._users.try_lock():
                # shared locks of users are gone; one that came and went meanwhile left its time on the file
                if self._users.touched != touched or (ready and self._visited()):
                    touched, used = self._users.touched, time.monotonic()
                if ready and time.monotonic() - used >= self._grace:
                    log.info("nobody has used it for %.0f s", self._grace)
                    return False
                self._users.unlock()
            else:
                self._visitors.close()
                self._stays = ""
                used = time.monotonic()
        self._listen(0)
        log.warning("PostgreSQL ended with code %s", postgres.code)
        return True

    def _visited(self) -> bool:
        """Whether somebody is connected, or was since this was last asked; the log says who."""
        visited, clients = self._visitors.look()
        stays = ", ".join(map(str, clients))
        if stays and stays != self._stays:
            log.info("no program of ours needs it, and it goes on for %s", stays)
        self._stays = stays
        return visited

    def _ready(self, begun: float) -> bool:
        try:
            make_roles(self._url)
        except psycopg.OperationalError as error:
            if "starting up" in str(error) or "recovery" in str(error):
                detail = "PostgreSQL is starting up; after a crash it first replays its log"
                self._state = ("starting", detail, None)
            return False
        except psycopg.Error as error:
            raise EmbeddedServerError(f"its roles can't be made: {error}") from None
        self._say("ready", f"ready after {time.monotonic() - begun:.1f} s", self._url)
        return True

    def _listen(self, seconds: float = POLL_SECONDS) -> None:
        """Let time pass. Raises Stop."""
        self._tell()
        if self._program is None:
            time.sleep(seconds)
        else:
            self._program.listen(seconds)
        if self._stop or not self._lock.in_place:
            raise Stop

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._listen()

    def _end(self) -> None:
        """Stop PostgreSQL: fast, then at once (then it recovers at its next start), then by force."""
        if self._program is not None and self._program.alive:
            # with its folder gone there is nothing to save
            patience = FAST_SHUTDOWN_SECONDS if self._lock.in_place else 0.0
            kind = [(0.0, signal.SIGINT)] if patience else []
            self._program.end([*kind, (patience, signal.SIGQUIT), (patience + 10, signal.SIGKILL)])
            log.info("PostgreSQL stopped")
        if self._socket_folder != self._place.data:
            with contextlib.suppress(OSError):
                self._socket_folder.rmdir()
