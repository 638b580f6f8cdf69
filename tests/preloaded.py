"""What the processes of tests/command.py, and nobody else, begin with: the modules, and the packaged regions. They are
forked from the one that imports this. No test is here.
"""

import gc
from pathlib import Path

import stats_assets.cli.answers
import stats_assets.cli.main
import stats_assets.orchestration.jobs  # noqa: F401
from stats_assets.ingest import feed_head
from stats_assets.osm.regions import Regions

_load, _packaged = Regions.load, Regions.load()


def _once(path: Path | str | None = None) -> Regions:
    return _packaged if path is None else _load(path)


Regions.load = _once  # type: ignore[method-assign]
feed_head.CONFIRM_SECONDS = 0
gc.freeze()
