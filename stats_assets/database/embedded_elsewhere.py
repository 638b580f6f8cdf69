"""The folder elsewhere that an embedded PostgreSQL's files go to when its user can't reach the project's.

Folder and home name each other, so that the home follows a project that is moved, is not shared with a copy of it,
and is not found again by another project that has its path by now. When one is needed is `embedded_place.py`'s.
"""

import secrets
import shutil
from pathlib import Path

_NAME = "elsewhere"
_ORIGIN = "origin"


def home_elsewhere(folder: Path, elsewhere: Path) -> Path | None:
    """The home that belongs to this folder; None: it has none."""
    name = _name_in(folder)
    if name is None or not (elsewhere / name / _ORIGIN).exists():
        return None
    home = elsewhere / name
    origin = Path((home / _ORIGIN).read_text())
    if origin != folder:
        if _name_in(origin) == name:
            return None  # the other folder is where it was: this one is a copy of it
        (home / _ORIGIN).write_text(str(folder))
    return home


def make_home_elsewhere(folder: Path, elsewhere: Path) -> Path:
    """As home_elsewhere; makes one where there is none, in place of one whose folder was removed here."""
    home = home_elsewhere(folder, elsewhere)
    if home is not None:
        return home
    for origin in elsewhere.glob(f"*/{_ORIGIN}"):
        if origin.read_text() == str(folder):
            shutil.rmtree(origin.parent)
    # short enough for a socket in it
    home = elsewhere / f"{str(folder.parent).strip('/').replace('/', '-')[-40:]}-{secrets.token_hex(4)}"
    for path in (elsewhere, home):
        if not path.exists():
            path.mkdir(parents=True)
            # the server's user passes through, whatever root's umask says
            path.chmod(0o711)
    (home / _ORIGIN).write_text(str(folder))
    (folder / _NAME).write_text(home.name)
    return home


def _name_in(folder: Path) -> str | None:
    try:
        return (folder / _NAME).read_text().strip()
    except OSError:
        return None
