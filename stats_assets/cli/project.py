"""The project that a command is called in, and its settings. What they mean is settings.py's."""

import os
from collections.abc import Collection
from pathlib import Path

from stats_assets.cli.messages import say
from stats_assets.env_file import DEFINING, ousted, settings_of
from stats_assets.root import find_project_root, is_demo, project_root
from stats_assets.settings import Settings, enter


def settings_here(
    *, database: bool = False, looks: bool = False, dagster: bool = False, files: Collection[str] = DEFINING
) -> Settings:
    """The project's settings, whatever folder below it one is in; then the project's root is the current folder.

    With `dagster`, it is Dagster's home, too: there must be one. looks: who only looks does with READ_DATABASE_URL.
    files: as in settings_of. Says what is set and not heard. Raises SettingsError, also for one that is set twice.
    """
    root = project_root() if dagster else find_project_root()
    if dagster:
        os.environ["DAGSTER_HOME"] = str(root)
    if root is not None:
        unused = ousted(root / ".env") if is_demo(root) else None
        if unused:
            say(unused, style="yellow")
        enter(root)
    settings = settings_of(Path.cwd(), lambda what: say(what, style="yellow"), writes=database, files=files)
    named = settings.database_url or (looks and settings.read_database_url)
    if (database or looks) and root is None and not named:
        project_root()  # says what to do
    return settings
