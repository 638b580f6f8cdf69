"""Tables and views that follow from other assets by themselves: OSMesa's checkpoints, and the statistics by day.

Nothing makes them here; they are observed now and then, apart from ticks and the streams' runs, by an op: an asset that
Dagster observes by itself would be called failed after one failed look, until it is materialized. How many rows there
are, and what was counted lately, is database/statistics/sizes.py's.
"""

from typing import Any

from dagster import (
    AssetMaterialization,
    AssetObservation,
    AssetSpec,
    MetadataValue,
    OpExecutionContext,
    op,
)

from stats_assets.database.connection import Connection, clock
from stats_assets.database.ledger.stream_rows import stream_of
from stats_assets.database.statistics.sizes import ROWS_OF, committed_by_hour, edits_by_day, row_count
from stats_assets.monitoring.lag import feed_age_seconds
from stats_assets.orchestration.assets.about import described
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
LOOKED_AT = " No run makes it: `observation_job` looks at it, every ten minutes."
FOUND_ALONE = ("checkpoints", *DAYS)
"""Assets that no run makes: what is found of them is their materialization, else the UI would call them missing."""


def observe(stats: Stats, connection: Connection) -> dict[str, dict[str, Any]]:
    """What is to be said now of each table, and of the feeds: asset → metadata. Asks no feed."""
    found: dict[str, dict[str, Any]] = {name: {ROWS: row_count(connection, name)} for name in ROWS_OF}
    for stream in STREAMS:
        row = stream_of(connection, stream)
        age = newest_age(connection, stats, stream)
        hours = [
            (f"{hour:%d %b %H:00} UTC", number) for hour, number in committed_by_hour(connection, stream)
        ]
        feed = stats.head(stream, connection, asks=False)
        feed_age = feed_age_seconds(feed, clock(connection))
        found[TABLE[stream].feed] = {
            **({} if feed.head is None else {"head": feed.head}),
            **({} if feed_age is None else {"feed_age_seconds": feed_age}),
        }
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


tables = [
    described(
        AssetSpec(
            "checkpoints",
            deps=FACTS,
            group_name="statistics",
            description=(
                "How far each stream has come, under OSMesa's names: all from its origin to this sequence is"
                " done. Written by the sensors' ticks; clients of OSMesa's read it."
                f"{LOOKED_AT}"
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
                group_name="statistics",
                description=f"{says}, by UTC: edits, changesets, counts and measures. A view, brought up to"
                " date with the totals, in one transaction."
                f"{LOOKED_AT}",
                kinds={"postgres", "view"},
            ),
            "statistics",
            observe,
            document="statistics.md#user_days-hashtag_days-country_days",
            is_table=True,
        )
        for name, says in DAYS.items()
    ),
]


@op(
    description="Counts rows, looks how far the streams are and what was counted lately, and notes it at the assets."
)
def look_at_tables(context: OpExecutionContext) -> None:
    """Observations of all tables and views that are assets."""
    stats = current_stats()
    with failing(), stats.look() as connection:
        found = observe(stats, connection)
    for name, metadata in found.items():
        kind = AssetMaterialization if name in FOUND_ALONE else AssetObservation
        context.log_event(kind(name, metadata=metadata))
    rows = (f"{name}: {metadata[ROWS]} rows" for name, metadata in found.items() if ROWS in metadata)
    context.log.info(", ".join(rows))
