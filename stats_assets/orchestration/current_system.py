"""What assets, checks and sensors work with: the system's parts, made once a process, when something first runs.

A plain function, not a Dagster resource: settings come from the environment alone, and nothing is configured twice.
"""

import gc
from functools import cache

from stats_assets.settings import Settings, load_settings
from stats_assets.system import Stats


def current_stats() -> Stats:
    """The parts as the settings are now. Raises SettingsError."""
    return _stats_of(load_settings())


@cache
def _stats_of(settings: Settings) -> Stats:
    # Dagster's definitions are a quarter of a million objects that stay: the full collections of garbage that a large
    # body causes need not go through them, which takes a tenth of a second each time.
    if not gc.get_freeze_count():
        gc.freeze()
    return Stats(settings)
