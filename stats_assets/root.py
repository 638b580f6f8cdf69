"""Where the project's root is: the folder with our `dagster.yaml`, which is Dagster's home, too."""

import os
from pathlib import Path

from stats_assets.mendable import Mendable

MARKER = "# stats-assets"
"""The first line of our `dagster.yaml`: a project's root is known by it."""


DEMO = ".demo"
"""The folder of a project's demo, which is a project's root too."""


class NoProject(Mendable):
    """No project is here; the message says where it was looked for, and what to do."""


class RecordsError(Mendable):
    """Dagster's records can't be found or used; the message says where, why and what to do."""


def find_project_root() -> Path | None:
    """DAGSTER_HOME if it is ours, else the nearest folder upwards with our `dagster.yaml`; None: there is none."""
    home = os.environ.get("DAGSTER_HOME")
    if home:
        folder = Path(home).expanduser().absolute()  # as Dagster reads it
        return folder if _is_root(folder) else None
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if _is_root(folder)), None)


def project_root() -> Path:
    """As find_project_root. Raises NoProject that says what to do when there is none."""
    root = find_project_root()
    if root is not None:
        return root
    home = os.environ.get("DAGSTER_HOME")
    if home:
        raise NoProject(
            f"DAGSTER_HOME is {home}, and there is no dagster.yaml of this project in it (its first line would be "
            f"{MARKER!r}). Unset it, or set it to the project's folder."
        )
    raise NoProject(
        f"Neither {Path.cwd()} nor a folder above it is this project's: none has a dagster.yaml that begins with "
        f"{MARKER!r}. Change into the project's folder, or name it with DAGSTER_HOME."
    )


def is_demo(root: Path) -> bool:
    """Whether the project's root is a demo's folder."""
    return any(folder.name == DEMO for folder in (root, *root.parents))


def live_root(root: Path) -> Path:
    """The live project's, of a root that may be its demo's."""
    return next((folder.parent for folder in (root, *root.parents) if folder.name == DEMO), root)


def _is_root(folder: Path) -> bool:
    try:
        with (folder / "dagster.yaml").open() as file:
            return file.readline().strip() == MARKER
    except (OSError, ValueError):
        return False
