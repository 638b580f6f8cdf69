"""The folder elsewhere that an embedded PostgreSQL's files go to when its user can't reach the project's.

Folder and home name each other, so that the home follows a project that is moved, is not shared with a copy of it,
and is not found again by another project that has its path by now. All of a machine's projects may come at once:
what is made here appears whole. When a home is needed is `place.py`'s.
"""

import secrets
import shutil
from pathlib import Path

from stats_assets.files import write_whole
from stats_assets.linux import locked_folder

PASSABLE = 0o711
_NAME = "elsewhere"
_ORIGIN = "origin"


def home_elsewhere(folder: Path, elsewhere: Path) -> Path | None:
    """The home that belongs to this folder; None: it has none."""
    if _name_in(folder) is None or not elsewhere.exists():
        return None
    with locked_folder(elsewhere):
        return _home(folder, elsewhere)


def make_home_elsewhere(folder: Path, elsewhere: Path) -> Path:
    """As home_elsewhere; makes one where there is none, in place of one whose folder was removed here."""
    make_passable(elsewhere)
    with locked_folder(elsewhere):
        home = _home(folder, elsewhere)
        if home is not None:
            return home
        for origin in elsewhere.glob(f"*/{_ORIGIN}"):
            if origin.read_text() == str(folder):
                shutil.rmtree(origin.parent)
        # short enough for a socket in it
        name = f"{str(folder.parent).strip('/').replace('/', '-')[-40:]}-{secrets.token_hex(4)}"
        unfinished = elsewhere / f".{name}"
        make_passable(unfinished)
        (unfinished / _ORIGIN).write_text(str(folder))
        home = unfinished.rename(elsewhere / name)
        write_whole(folder / _NAME, name)
        return home


def make_passable(folder: Path) -> None:
    """Make it, if it isn't there: the server's user passes through, whatever root's umask says."""
    folder.mkdir(parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    if not mode & 0o001:
        folder.chmod(mode | PASSABLE)


def _home(folder: Path, elsewhere: Path) -> Path | None:
    name = _name_in(folder)
    if name is None or not (elsewhere / name / _ORIGIN).exists():
        return None
    home = elsewhere / name
    origin = Path((home / _ORIGIN).read_text())
    if origin != folder:
        if _name_in(origin) == name:
            return None  # the other folder is where it was: this one is a copy of it
        write_whole(home / _ORIGIN, str(folder))
    return home


def _name_in(folder: Path) -> str | None:
    try:
        return (folder / _NAME).read_text().strip()
    except OSError:
        return None
