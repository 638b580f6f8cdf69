"""What the processes of tests/command.py, and nobody else, begin with: the modules, and the packaged regions. They are
forked from the one that imports this. No test is here.
"""

import gc
from importlib import import_module

import alembic.command  # noqa: F401
import sqlalchemy  # noqa: F401

import stats_assets.feeds.overpass
import stats_assets.ingest.fetch
import stats_assets.monitoring.alert_round
import stats_assets.orchestration.jobs  # noqa: F401
from stats_assets import garbage
from stats_assets.cli.main import COMMANDS
from stats_assets.ingest import feed_head
from tests import dagster_records, packaged_regions

packaged_regions.keep_them()
dagster_records.copy_them()
for command in COMMANDS:
    import_module(f"stats_assets.cli.{command.replace('-', '_')}")
feed_head.CONFIRM_SECONDS = 0
gc.freeze()
garbage.kept = True
