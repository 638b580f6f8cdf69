"""The packaged regions, read once for a process and its forks, as many tests ask for them. No test is here."""

from pathlib import Path

from stats_assets.osm.regions import Regions

load = Regions.load


def keep_them() -> None:
    """From now on, in this process and its forks, they are not read again."""
    packaged = load()

    def once(path: Path | str | None = None) -> Regions:
        return packaged if path is None else load(path)

    Regions.load = once  # type: ignore[method-assign]
