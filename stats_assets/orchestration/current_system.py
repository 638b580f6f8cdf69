"""What assets, checks and sensors work with: the system's parts, made once a process, when something first runs.

A plain function, not a Dagster resource: settings come from the environment alone, and nothing is configured twice.
"""

import os
from functools import cache, lru_cache
from pathlib import Path

from stats_assets import garbage
from stats_assets.settings import Settings, load_settings
from stats_assets.system import Stats


def current_stats() -> Stats:
    """The parts as the settings are now. Raises SettingsError."""
    return _stats_of(_settings(_told()))


def _told() -> tuple[object, ...]:
    """What settings are made of: each tick asks for them, and to read and check them anew is a fifth of its CPU."""
    given = tuple(
        sorted((name, value) for name, value in os.environ.items() if name.lower() in Settings.model_fields)
    )
    file = Settings.model_config.get("env_file")
    try:
        stat = Path(str(file)).stat() if file else None
    except OSError:
        stat = None
    return given, str(file), str(Path.cwd()), stat and (stat.st_ino, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)
def _settings(told: tuple[object, ...]) -> Settings:
    return load_settings()


@cache
def _stats_of(settings: Settings) -> Stats:
    if not garbage.kept:
        garbage.keep_what_is_loaded()
    return Stats(settings)
