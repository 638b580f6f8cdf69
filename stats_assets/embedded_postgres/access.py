"""The embedded PostgreSQL as its users see it: the URL of a server that is running, for a data directory.

Whoever asks holds a shared lock until its process ends; the server stops some seconds after the last of
them and of the clients that are connected (`clients.py`). Starting, mending and stopping it is
`keeper.py`, a process of its own, started from here.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psycopg

from stats_assets.embedded_postgres.elsewhere import home_elsewhere
from stats_assets.files import write_whole
from stats_assets.linux import LockFile, is_locked
from stats_assets.mendable import Mendable, reason_of

FOLDER = "postgresql"
USERS_LOCK = "users.lock"
SERVER_LOCK = "server.lock"
STATE_FILE = "server.json"
LOG_FILE = "server.log"
SYSTEM_FOLDER = Path("/var/lib/stats-assets")
ELSEWHERE = "STATS_ASSETS_ELSEWHERE"
"""An environment variable: a folder in place of SYSTEM_FOLDER, for sockets too, so that tests leave nothing there."""
OURS = "stats-assets"
"""How the connections of our programs are named."""
GRACE_SECONDS = 10.0
START_SECONDS = 300.0

LITTLE_ROOM = 64  # MB; a new database takes as much, a start some files of 16 MB

FULL_SECONDS = 10.0  # so long a server on a full disk may take to be up again, which it hardly ever will

_STARTS = 3
_held: dict[Path, LockFile] = {}
_one_at_a_time = threading.Lock()


class EmbeddedServerError(Mendable):
    """The embedded PostgreSQL can't be had; the message says in which directory, why, and what to do."""


class ServerState(NamedTuple):
    """What the server's process last said of itself."""

    state: str
    """starting, ready or failed"""
    detail: str
    url: str | None


def embedded_url(data_directory: Path, *, grace: float = GRACE_SECONDS, elsewhere: Path | None = None) -> str:
    """The URL of the data directory's PostgreSQL, which is made, started or mended where needed.

    The server is this machine's only one for the directory. It stays at least until this process ends, and
    stops `grace` seconds after its last user did and its last client has gone. Call it again before a new
    connection: it costs a few milliseconds and finds a server that was killed meanwhile on its feet again, under
    the same URL.
    Its files are in `data_directory/postgresql`; started by root, which PostgreSQL refuses to be, in a
    folder below `elsewhere` (else that of STATS_ASSETS_ELSEWHERE, else SYSTEM_FOLDER) when the unprivileged
    user can't reach that.
    Says on stderr what it waits for when it takes long. Raises EmbeddedServerError.
    """
    folder = data_directory.absolute() / FOLDER
    elsewhere = (elsewhere or Path(os.environ.get(ELSEWHERE) or SYSTEM_FOLDER)).absolute()
    with _one_at_a_time:
        try:
            _make(folder)
            _join(folder)
            return _running(folder, grace, elsewhere)
        except PermissionError as error:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL in {folder} is another user's ({reason_of(error, folder)}). Run as that"
                " user, choose a folder of your own with STATS_DATA_DIR, or name a server with DATABASE_URL."
            ) from None
        except OSError as error:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL in {folder} can't be used: {reason_of(error, folder)}. Choose another folder"
                " with STATS_DATA_DIR, or name a server with DATABASE_URL."
            ) from None


def read_state(folder: Path) -> ServerState:
    """What the folder's server says of itself; state "" when it says nothing."""
    try:
        return ServerState(**json.loads((folder / STATE_FILE).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return ServerState("", "", None)


def write_state(folder: Path, state: str, detail: str, url: str | None) -> None:
    """Tell the users, in one piece; the server's keeper alone does."""
    write_whole(folder / STATE_FILE, json.dumps({"state": state, "detail": detail, "url": url}))


def answers(url: str) -> bool:
    """Whether a connection succeeds, the only sign of life that counts; a full server is alive."""
    try:
        psycopg.connect(url, connect_timeout=5, application_name=OURS).close()
    except psycopg.OperationalError as error:
        return "too many" in str(error) or "remaining connection slots" in str(error)
    return True


class _Patience:
    """Tells a person what is waited for: after 3 seconds, then every 10."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun = time.monotonic()
        self._next = 3.0

    @property
    def waited(self) -> float:
        return time.monotonic() - self._begun

    def pause(self, what: str) -> None:
        waited = self.waited
        if waited >= self._next:
            print(f"Embedded PostgreSQL in {self._folder}: {what} ({waited:.0f} s)", file=sys.stderr)
            self._next = waited + 10
        time.sleep(0.05)


def _make(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    root = os.geteuid() == 0
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not root or folder.stat().st_uid != 0:
            return
    if root:
        # the unprivileged user that runs the server only passes through
        folder.chmod(0o711)


def _join(folder: Path) -> None:
    """Hold the shared lock, once a process; waits while a server is being stopped."""
    path = folder / USERS_LOCK
    patience = _Patience(folder)
    held = _held.pop(path, None)
    if held is not None and not held.in_place:
        held.close()
        held = None
    while held is None:
        held = LockFile(path)
        if not held.try_lock(shared=True) or not held.in_place:
            held.close()
            held = None
            patience.pause("waiting for the server to stop, to start it again")
    held.touch()
    _held[path] = held


def _running(folder: Path, grace: float, elsewhere: Path) -> str:
    patience = _Patience(folder)
    starts = 0
    while True:
        # without a server here, the state is an old one, or was copied with the folder: that server may well answer
        served = is_locked(folder / SERVER_LOCK)
        state = read_state(folder)
        if served and state.url is not None and answers(state.url):
            return state.url
        if not served:
            if starts and state.state == "failed":
                raise EmbeddedServerError(
                    f"The embedded PostgreSQL in {folder} does not start: {state.detail.rstrip('.')}. "
                    f"More in {folder / LOG_FILE}.{_room(folder, elsewhere)}"
                )
            if starts == _STARTS:
                raise EmbeddedServerError(
                    f"The embedded PostgreSQL in {folder} was started {starts} times and was gone each time. "
                    f"The reason should be in {folder / LOG_FILE}.{_room(folder, elsewhere)}"
                )
            starts += 1
            _start(folder, grace, elsewhere)
        # who keeps it can't say there how it stands, and others who use it start it again and again
        if patience.waited >= FULL_SECONDS and _free(folder, elsewhere) == 0:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL in {folder} does not answer.{_room(folder, elsewhere)}"
            )
        patience.pause("starting" if state.state == "ready" else state.detail or "starting")


def _free(folder: Path, elsewhere: Path) -> int:
    """MB that are left where the server's files are."""
    return shutil.disk_usage(home_elsewhere(folder, elsewhere) or folder).free >> 20


def _room(folder: Path, elsewhere: Path) -> str:
    """What to say of a disk that is about full, which is a reason that nobody can write down."""
    free = _free(folder, elsewhere)
    return (
        f" Its disk has {free} MB left: make room, and try again; nothing is lost."
        if free < LITTLE_ROOM
        else ""
    )


def _start(folder: Path, grace: float, elsewhere: Path) -> None:
    """Start the server's process; returns when it is detached and holds its lock, or left that to another."""
    try:
        done = _detach(folder, grace, elsewhere)
    except subprocess.TimeoutExpired:
        raise EmbeddedServerError(
            f"The embedded PostgreSQL in {folder} did not start within {START_SECONDS:.0f} s."
        ) from None
    if done.returncode != 0:
        reason = done.stderr.strip().rpartition("\n")[2] or f"its process ended with code {done.returncode}"
        raise EmbeddedServerError(f"The embedded PostgreSQL in {folder} does not start: {reason}")


def _detach(folder: Path, grace: float, elsewhere: Path) -> subprocess.CompletedProcess[str]:
    # PG* variables of the person's own server would lead ours astray; the rest is not the server's business
    kept = ("PATH", "LD_LIBRARY_PATH", "XDG_RUNTIME_DIR")
    packages = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    return subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "stats_assets.embedded_postgres.keeper"),
            *("--folder", str(folder), "--grace", str(grace), "--elsewhere", str(elsewhere)),
        ],
        cwd="/",
        env={name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONPATH": packages},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        check=False,
        timeout=START_SECONDS,
    )
