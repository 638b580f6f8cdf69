"""Asset checks on each stream: its lag, its holes, its quarantine.

A check runs when a person asks for it; the sensor's tick reports it when its outcome changes, so that a dead stream is
not silent. The checks are the feeds': on an asset that is materialized every minute, Dagster's UI would call each of
them "not evaluated" again every minute.
"""

from collections.abc import Sequence
from datetime import timedelta

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    asset_check,
)

from stats_assets.assets.failing import failing
from stats_assets.database.connection import Connection
from stats_assets.database.ledger import Work
from stats_assets.database.ranges import counted_under_older
from stats_assets.database.streams import STREAMS, Stream, given_up_for, stream_of, troubled
from stats_assets.osm import CategoriesError, RegionsError
from stats_assets.parts import Stats
from stats_assets.replication import HeadUnknown
from stats_assets.resources import current_stats
from stats_assets.status import LAG_SECONDS, in_words, lag_seconds

FEEDS = {"augmented_diffs": "augmented_diffs_feed", "changesets": "changesets_feed"}
SHOWN = 20
ERROR_AFTER = timedelta(hours=25)


def evaluate(
    stats: Stats, connection: Connection, stream: Stream, cursor: int, head: int | None
) -> dict[str, AssetCheckResult]:
    """The stream's checks by name."""
    key = AssetKey(FEEDS[stream])
    lag = lag_seconds(stream, cursor, head)
    results = {
        "lag": AssetCheckResult(
            asset_key=key,
            check_name="lag",
            passed=lag is not None and lag < LAG_SECONDS,
            severity=AssetCheckSeverity.WARN,
            description="the feed's head is unknown" if lag is None else f"{in_words(lag)} behind",
            metadata={"cursor": cursor, "head": head if head is not None else "unknown"},
        )
    }
    troubles: dict[str, Work] = {"no_quarantine": "quarantined", "no_holes": "hole"}
    for name, work in troubles.items():
        found = troubled(connection, stream, work)
        results[name] = AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=not found,
            severity=_severity(given_up_for(connection, stream, work)),
            description="; ".join(f"{n}: {reason}" for n, reason in found[:SHOWN]) or "none",
            metadata={"sequences": len(found)},
        )
    results["same_definitions"] = _same_definitions(stats, connection, stream)
    return results


def _severity(age: timedelta) -> AssetCheckSeverity:
    """What a daily try has not healed either wants a person."""
    return AssetCheckSeverity.ERROR if age > ERROR_AFTER else AssetCheckSeverity.WARN


def _same_definitions(stats: Stats, connection: Connection, stream: Stream) -> AssetCheckResult:
    try:
        older = counted_under_older(connection, stream, stats.reader(stream).definitions)
        said = [
            f"{first}..{last} were counted under older definitions: stats-assets backfill --stream {stream}"
            f" --start {first} --end {last}"
            for first, last in older
        ]
    except (CategoriesError, RegionsError) as error:
        older, said = [], [str(error)]
    return AssetCheckResult(
        asset_key=FEEDS[stream],
        check_name="same_definitions",
        passed=not said,
        severity=AssetCheckSeverity.WARN,
        description="; ".join(said) or "all",
        metadata={"ranges": len(older)},
    )


def stream_checks(stream: Stream) -> list[AssetChecksDefinition]:
    """The checks that a person can run in the UI."""
    said = {
        "lag": f"The stream is less than {LAG_SECONDS // 60} minutes behind.",
        "no_quarantine": "No sequence has failed so often that it was set aside. Materialize its partition to heal it.",
        "no_holes": "The feed lacks no sequence.",
        "same_definitions": "All is counted by the present categories, regions and counting code.",
    }

    def check(name: str) -> AssetChecksDefinition:
        @asset_check(asset=FEEDS[stream], name=name, description=said[name])
        def run() -> AssetCheckResult:
            parts = current_stats()
            try:
                head = parts.source(stream).head()
            except HeadUnknown:
                head = None
            with failing(), parts.connect() as connection:
                row = stream_of(connection, stream)
                cursor = row.checkpoint if row and row.checkpoint is not None else -1
                return evaluate(parts, connection, stream, cursor, head)[name]

        return run

    return [check(name) for name in said]


def changed_outcomes(
    instance: DagsterInstance,
    stats: Stats,
    connection: Connection,
    stream: Stream,
    cursor: int,
    head: int | None,
) -> Sequence[AssetCheckEvaluation]:
    """The stream's checks whose outcome differs from the one last stored."""
    changed = []
    for name, result in evaluate(stats, connection, stream, cursor, head).items():
        key = AssetCheckKey(AssetKey(FEEDS[stream]), name)
        if _outcome(instance, key) != (result.passed, None if result.passed else result.severity):
            changed.append(
                AssetCheckEvaluation(
                    asset_key=key.asset_key,
                    check_name=name,
                    passed=result.passed,
                    severity=result.severity,
                    description=result.description,
                    metadata=result.metadata,
                )
            )
    return changed


def _outcome(instance: DagsterInstance, key: AssetCheckKey) -> tuple[bool | None, AssetCheckSeverity | None]:
    last = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    event = last.event.dagster_event if last is not None and last.event is not None else None
    if event is None or event.event_type is not DagsterEventType.ASSET_CHECK_EVALUATION:
        return None, None
    evaluation = event.asset_check_evaluation_data
    return evaluation.passed, None if evaluation.passed else evaluation.severity


all_checks = [check for stream in STREAMS for check in stream_checks(stream)]
