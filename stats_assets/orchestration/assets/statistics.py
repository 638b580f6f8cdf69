"""The statistics: per user, hashtag, country and user within a hashtag, kept up to date by difference."""

from collections.abc import Iterator
from time import monotonic
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
    multi_asset,
)

from stats_assets.database.ledger.leases import heartbeat
from stats_assets.database.statistics import passes
from stats_assets.database.statistics.applier import apply_queue, keep_refreshments, leaders
from stats_assets.database.statistics.milestones import keep_rules, look_again
from stats_assets.database.statistics.own_files import MILESTONES_STAY, UNIONS_STAY
from stats_assets.database.statistics.owners import OWNERS
from stats_assets.database.statistics.unions import keep_unions
from stats_assets.orchestration.assets.about import described
from stats_assets.orchestration.assets.failing import failing
from stats_assets.orchestration.assets.freshness import FRESHNESS, newest_age
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.markdown import escaped
from stats_assets.osm.milestones import MilestonesError, load_milestones
from stats_assets.osm.unions import UnionsError, load_unions
from stats_assets.streams import STREAMS, TABLE

LEADERS = 10
LEADERS_SCHEMA = TableSchema(
    [TableColumn("name"), TableColumn("edits", "int"), TableColumn("changesets", "int")]
)
HOW = (
    " A view, always up to date: a run adds what changed changesets contribute now, less what they contributed before."
    " With OSMesa's columns under OSMesa's names."
)
SAMPLE_CHECK, FILES_CHECK, SHOWN = "sample_is_exact", "files_can_be_used", 10


@multi_asset(
    name="statistics",
    specs=[
        described(
            AssetSpec(
                owner.view,
                deps=[stream.facts for stream in TABLE.values()],
                description=f"{owner.says}{HOW}",
                kinds={"postgres", "view"},
                freshness_policy=FRESHNESS,
            ),
            "statistics",
            apply_queue,
            document="statistics.md#views-of-totals",
            is_table=True,
        )
        for owner in OWNERS.values()
    ],
    check_specs=[
        AssetCheckSpec(
            SAMPLE_CHECK,
            asset="user_statistics",
            description="Random owners and changesets, of all four statistics, are exactly what the facts say.",
        ),
        AssetCheckSpec(
            FILES_CHECK,
            asset="hashtag_statistics",
            description="UNIONS_FILE and MILESTONES_FILE can be used; else what they said before goes on counting.",
        ),
    ],
    group_name="statistics",
)
def statistics(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
    """Apply what the changed changesets contribute now, less what they contributed before; then verify a sample."""
    began = monotonic()
    stats = current_stats()
    unusable: list[str] = []
    with (
        failing("What was applied stays; the rest is queued, and applied later."),
        stats.connect() as connection,
        heartbeat(stats.url, context.run.run_id, stats.settings.lease_stale_seconds),
    ):
        keep_refreshments(connection, stats.settings.refreshments_rows)
        try:
            if changed := keep_unions(connection, load_unions(stats.settings.unions_file)):
                context.log.info(f"Unions that are made anew: {', '.join(changed)}")
        except UnionsError as error:  # the others' numbers don't wait for it
            unusable.append(f"{error}. {UNIONS_STAY}")
        applied = apply_queue(connection, lambda left: _say_left(context, left))
        try:
            keep_rules(connection, load_milestones(stats.settings.milestones_file))
        except MilestonesError as error:  # the others' numbers don't wait for it
            unusable.append(f"{error}. {MILESTONES_STAY}")
        look_again(connection)
        sample = passes.sample(connection)
        context.log.info(
            f"{applied.changesets} changesets brought up to date ({applied.entries} entries of the queue); of a sample"
            f" of {sample.steps} ranges {len(sample.differences) or 'nothing'} differs from the facts"
        )
        ages = {stream: newest_age(connection, stats, stream) for stream in STREAMS}
        most = {name: leaders(connection, name, LEADERS) for name, owner in OWNERS.items() if owner.named}
    for name, owner in OWNERS.items():
        yield MaterializeResult(
            asset_key=owner.view,
            metadata={
                "queue_entries": applied.entries,
                "changesets": applied.changesets,
                "batches": applied.batches,
                "seconds": round(monotonic() - began, 3),
                **{f"{stream}_lag_seconds": age for stream, age in ages.items() if age is not None},
                **({"most_edits": _table(most[name])} if name in most else {}),
            },
        )
    said = [f"{one.what}: {one.expected} by the facts, {one.found} here" for one in sample.differences]
    yield AssetCheckResult(
        asset_key="user_statistics",
        check_name=SAMPLE_CHECK,
        passed=not said,
        description=f"{escaped('; '.join(said[:SHOWN]))}; `stats-assets rebuild` mends it." if said else None,
        metadata={"differences": len(said), "ranges": sample.steps, "pending": sample.pending},
    )
    for one in unusable:
        context.log.error(one)
    yield AssetCheckResult(
        asset_key="hashtag_statistics",
        check_name=FILES_CHECK,
        passed=not unusable,
        severity=AssetCheckSeverity.WARN,
        description=escaped(" ".join(unusable)) or None,
    )


def _say_left(context: AssetExecutionContext, left: int) -> None:
    if left:
        context.log.info(f"{left} entries left in the queue")


def _table(rows: list[tuple[Any, ...]]) -> MetadataValue:
    columns = [column.name for column in LEADERS_SCHEMA.columns]
    return MetadataValue.table(
        [TableRecord(dict(zip(columns, row, strict=True))) for row in rows], schema=LEADERS_SCHEMA
    )
