"""Where the project's root is: the folder with our `dagster.yaml`, which is Dagster's home, too.

What is said to a person who is in none is `local/stack.py`'s.
"""

import os
from pathlib import Path

MARKER = "# stats-assets"
"""The first line of our `dagster.yaml`: a project's root is known by it."""


DEMO = ".demo"
"""The folder of a project's demo, which is a project's root too."""


class RecordsError(Exception):
    """Dagster's records can't be found or used; the message says where, why and what to do."""


def find_project_root() -> Path | None:
    """DAGSTER_HOME if it is ours, else the nearest folder upwards with our `dagster.yaml`; None: there is none."""
    home = os.environ.get("DAGSTER_HOME")
    if home:
        folder = Path(home).expanduser().absolute()  # as Dagster reads it
        return folder if _is_root(folder) else None
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if _is_root(folder)), None)


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
