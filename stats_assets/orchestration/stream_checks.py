"""The asset checks on each stream: its lag (lag_check.py), its holes, its quarantine, its doubts, its definitions.

A check runs when a person asks for it. Besides, the sensor's tick reports it when its outcome changes, so that a dead
stream is not silent. The checks hang on the feed's asset: on one that is materialized every minute, Dagster's UI would
call each of them "not evaluated" again every minute.
"""

from collections.abc import Sequence
from datetime import timedelta

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
    DagsterInvariantViolationError,
    asset_check,
)

from stats_assets.database.connection import Connection
from stats_assets.database.facts.ranges import WHAT_TO_DO, away
from stats_assets.database.ledger.doubts import doubts, to_heal
from stats_assets.database.ledger.ledger import Work
from stats_assets.database.ledger.spans import counted_under_older
from stats_assets.database.ledger.stream_rows import given_up_for, stream_of, troubled
from stats_assets.ingest.feed_head import Feed
from stats_assets.monitoring.lag import BEHIND
from stats_assets.orchestration.assets.failing import failing
from stats_assets.orchestration.check_outcomes import SHOWN, changed, evaluation_of
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.lag_check import lag_outcome, why_not_followed
from stats_assets.orchestration.markdown import escaped
from stats_assets.osm.categories import CategoriesError
from stats_assets.osm.regions import RegionsError
from stats_assets.streams import STREAMS, TABLE, Stream
from stats_assets.system import Stats
from stats_assets.words import in_words

ERROR_AFTER = timedelta(hours=25)


def evaluate(
    stats: Stats,
    connection: Connection,
    stream: Stream,
    cursor: int,
    feed: Feed,
    not_followed: str | None = None,
) -> dict[str, AssetCheckResult]:
    """The stream's checks by name. not_followed: its sensor is off or dead, in words."""
    key = AssetKey(TABLE[stream].feed)
    results = {"lag": lag_outcome(stats, connection, stream, cursor, feed, not_followed)}
    troubles: dict[str, Work] = {"no_quarantine": "quarantined", "no_holes": "hole"}
    for name, work in troubles.items():
        found = troubled(connection, stream, work)
        results[name] = AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=not found,
            severity=_severity(given_up_for(connection, stream, work)),
            description=escaped(_given_up(stream, work, found)),
            metadata={"sequences": len(found)},
        )
    results["all_readable"] = _doubtful(connection, stream, "all_readable", unread=True)
    results["none_flagged"] = _doubtful(connection, stream, "none_flagged")
    results["same_definitions"] = _same_definitions(stats, connection, stream)
    if TABLE[stream].has_fact_partitions:
        results["facts_are_here"] = _facts_are_here(connection)
    return results


def _given_up(stream: Stream, work: Work, found: Sequence[tuple[int, str]]) -> str:
    if not found:
        return "No sequence is set aside." if work == "quarantined" else "The feed lacks no sequence."
    what = "set aside after too many tries" if work == "quarantined" else "missing in the feed"
    named = "; ".join(f"{n}: {reason.rstrip('.')}" for n, reason in found[:SHOWN])
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{len(found)} {what}: {named}{more}. Tried again once a day; now: stats-assets retry --stream {stream}"


def _facts_are_here(connection: Connection) -> AssetCheckResult:
    """Ranges that a person said are meant to be away are named, and pass."""
    gone = away(connection)
    said = [f"{one}{' It is meant so.' if one.accepted else ''}" for one in gone[:SHOWN]]
    return AssetCheckResult(
        asset_key=TABLE["augmented_diffs"].feed,
        check_name="facts_are_here",
        passed=all(one.accepted for one in gone),
        severity=AssetCheckSeverity.WARN,
        description=escaped(" ".join([*said, WHAT_TO_DO])) if said else "All facts are here.",
        metadata={"ranges": len(gone)},
    )


def _severity(age: timedelta) -> AssetCheckSeverity:
    """What a daily try has not healed either wants a person."""
    return AssetCheckSeverity.ERROR if age > ERROR_AFTER else AssetCheckSeverity.WARN


def _doubtful(connection: Connection, stream: Stream, name: str, *, unread: bool = False) -> AssetCheckResult:
    found = doubts(connection, stream, SHOWN, unread=unread)
    said = [f"{found.flagged} are flagged. {to_heal(stream)}", *(f"{n}: {why}" for n, why in found.newest)]
    return AssetCheckResult(
        asset_key=TABLE[stream].feed,
        check_name=name,
        passed=not found.flagged,
        severity=AssetCheckSeverity.WARN,
        description=escaped("; ".join(said))
        if found.flagged
        else "All could be read."
        if unread
        else "Nothing is flagged.",
        metadata={"sequences": found.flagged, "unreadable": found.unreadable},
    )


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
        asset_key=TABLE[stream].feed,
        check_name="same_definitions",
        passed=not said,
        severity=AssetCheckSeverity.WARN,
        description=escaped("; ".join(said)) or "All is counted by the present definitions.",
        metadata={"ranges": len(older)},
    )


def stream_checks(stream: Stream) -> list[AssetChecksDefinition]:
    """The checks that a person can run in the UI."""
    said = {
        "lag": f"Stream and feed are less than {in_words(BEHIND)} behind, past what waits by its own fault.",
        "no_quarantine": "No sequence has failed so often that it was set aside. Materialize its partition to heal it.",
        "no_holes": "The feed lacks no sequence.",
        "all_readable": "All that was counted could be read as it stands: nothing was left out, cut or replaced.",
        "none_flagged": "No counted body is doubtful: for what could not be read, for a geometry that the server could"
        " not expand, as it was not read again when settled, or as a later one had fewer actions.",
        "same_definitions": "All is counted by the present categories, regions and counting code.",
    }
    if TABLE[stream].has_fact_partitions:
        said["facts_are_here"] = "No facts were detached, dropped, emptied, or left out of a restore."

    def check(name: str) -> AssetChecksDefinition:
        @asset_check(asset=TABLE[stream].feed, name=name, description=said[name])
        def run() -> AssetCheckResult:
            stats = current_stats()
            with failing(), stats.look() as connection:
                feed = stats.head(stream, connection)
                row = stream_of(connection, stream)
                cursor = row.cursor if row and row.cursor is not None else -1
                instance = _instance()
                why = None if instance is None else why_not_followed(instance, stats, row, stream)
                return evaluate(stats, connection, stream, cursor, feed, why)[name]

        return run

    return [check(name) for name in said]


def _instance() -> DagsterInstance | None:
    """Dagster's, where the check is run by it; none where it is called as a function."""
    try:
        instance: DagsterInstance = AssetCheckExecutionContext.get().instance
    except DagsterInvariantViolationError:
        return None
    return instance


def changed_outcomes(
    instance: DagsterInstance,
    stats: Stats,
    connection: Connection,
    stream: Stream,
    cursor: int,
    feed: Feed,
) -> Sequence[AssetCheckEvaluation]:
    """The stream's checks whose outcome differs from the one last stored."""
    found = evaluate(stats, connection, stream, cursor, feed).values()
    return [
        evaluation_of(result) for result in found if changed(instance, AssetKey(TABLE[stream].feed), result)
    ]


all_checks = [check for stream in STREAMS for check in stream_checks(stream)]
