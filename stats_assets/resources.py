"""What assets and sensors get from Dagster: the system's parts, made once a process when something runs."""

from functools import cache

from dagster import ConfigurableResource

from stats_assets.parts import Stats
from stats_assets.settings import Settings, load_settings


@cache
def _stats_of(settings: Settings) -> Stats:
    return Stats(settings)


class StatsResource(ConfigurableResource):  # type: ignore[type-arg]
    """The system's parts for Dagster; settings are read when something runs, never when definitions load."""

    def get(self) -> Stats:
        """The parts as the settings are now. Raises SettingsError."""
        return _stats_of(load_settings())
