"""Tables and views that follow from other assets by themselves: OSMesa's checkpoints, and the statistics by day.

Nothing makes them here; they are observed now and then, apart from ticks and the streams' runs: how many rows they and
the other assets' tables have, and what was counted lately, is database/statistics/sizes.py's.
"""

from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetObservation,
    AssetsDefinition,
    AssetSpec,
    MetadataValue,
    ObserveResult,
    multi_observable_source_asset,
)

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.stream_rows import stream_of
from stats_assets.database.statistics.sizes import ROWS_OF, committed_by_hour, edits_by_day, row_count
from stats_assets.orchestration.assets.about import beta, described
from stats_assets.orchestration.assets.failing import failing
from stats_assets.orchestration.assets.freshness import newest_age
from stats_assets.orchestration.charts import bars
from stats_assets.orchestration.current_system import current_stats
from stats_assets.streams import STREAMS, TABLE
from stats_assets.system import Stats

ROWS = "dagster/row_count"
FACTS = [stream.facts for stream in TABLE.values()]
DAYS = {
    "user_days": "Each user's days",
    "hashtag_days": "Each hashtag's days",
    "country_days": "Each country's days, of what lies there",
}


def observe(stats: Stats, connection: Connection) -> dict[str, dict[str, Any]]:
    """What is to be said of each table now: its name → metadata."""
    found: dict[str, dict[str, Any]] = {name: {ROWS: row_count(connection, name)} for name in ROWS_OF}
    for stream in STREAMS:
        row = stream_of(connection, stream)
        age = newest_age(connection, stats, stream)
        hours = [
            (f"{hour:%d %b %H:00} UTC", number) for hour, number in committed_by_hour(connection, stream)
        ]
        found["checkpoints"] |= {
            **({} if row is None or row.checkpoint is None else {f"{stream}_checkpoint": row.checkpoint}),
            **({} if age is None else {f"{stream}_lag_seconds": age}),
            f"{stream}_committed_in_24_h": sum(number for _, number in hours),
            f"{stream}_by_hour": MetadataValue.md(bars("Committed by hour", hours, unit="sequences")),
        }
    days = [(f"{day:%d %b}", number) for day, number in edits_by_day(connection)]
    found["user_days"] |= {
        "edits_today": days[-1][1],
        "edits_by_day": MetadataValue.md(bars("Edits by day, of all users", days, unit="edits")),
    }
    return found


def _look(context: AssetExecutionContext) -> Iterator[ObserveResult]:
    """Count rows, and look how far the streams are."""
    stats = current_stats()
    with failing(), stats.look() as connection:
        found = observe(stats, connection)
    for name, metadata in found.items():
        if name in ("checkpoints", *DAYS):
            yield ObserveResult(asset_key=name, metadata=metadata)
        else:
            context.log_event(AssetObservation(name, metadata=metadata))


with beta():
    tables: AssetsDefinition = multi_observable_source_asset(
        name="tables",
        description="How many rows the tables have, how far the streams are, and what was counted lately.",
        specs=[
            described(
                AssetSpec(
                    "checkpoints",
                    deps=FACTS,
                    description=(
                        "How far each stream has come, under OSMesa's names: all from its origin to this sequence is"
                        " done. Written by the sensors' ticks; clients of OSMesa's read it."
                    ),
                    kinds={"postgres", "table"},
                ),
                "statistics",
                observe,
                document="statistics.md#tables",
                is_table=True,
            ),
            *(
                described(
                    AssetSpec(
                        name,
                        deps=FACTS,
                        description=f"{says}, by UTC: edits, changesets, counts and measures. A view, brought up to"
                        " date with the totals, in one transaction.",
                        kinds={"postgres", "view"},
                    ),
                    "statistics",
                    observe,
                    document="statistics.md#user_days-hashtag_days-country_days",
                    is_table=True,
                )
                for name, says in DAYS.items()
            ),
        ],
        group_name="statistics",
    )(_look)
