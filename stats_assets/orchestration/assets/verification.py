"""The verdict on all statistics, as an asset of its own, and its check, which goes over everything a step at a time.

On an asset that is materialized every minute, Dagster's UI would call a failed check "not evaluated" a minute later.
How it compares is database/statistics/verification.py's.
"""

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetKey,
    AssetSpec,
    DagsterInstance,
    asset_check,
)

from stats_assets.database.connection import Connection
from stats_assets.database.statistics import passes, verdicts
from stats_assets.database.statistics.owners import OWNERS
from stats_assets.database.statistics.verdicts import Verdict
from stats_assets.orchestration.assets.about import described
from stats_assets.orchestration.assets.failing import failing
from stats_assets.orchestration.check_outcomes import changed, evaluation_of
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.markdown import escaped

STEP_SECONDS = 300.0
CHECK = "all_is_exact"

statistics_verification = described(
    AssetSpec(
        "statistics_verification",
        deps=[owner.view for owner in OWNERS.values()],
        description=(
            "Whether all statistics are exactly what the facts say. Never materialized: its check is the verdict, which"
            " stands until all is verified again, or rebuilt (`stats-assets verify`, `stats-assets rebuild`)."
        ),
        group_name="statistics",
        kinds={"postgres"},
    ),
    "statistics",
    passes.verify,
    document="reliability.md",
)


@asset_check(
    asset=statistics_verification.key,
    name=CHECK,
    description=(
        "Every row and key of all statistics is exactly what the facts say. A run is a step of at most five minutes and"
        " goes on where the last one ended; `whole`: it came to the end. What was found stands until all is verified"
        " again, or rebuilt."
    ),
)
def all_is_exact(context: AssetCheckExecutionContext) -> AssetCheckResult:
    """Go on with the pass over everything, for some minutes."""
    with failing("The next step goes on from here."), current_stats().look(may_write=True) as connection:
        passed = passes.verify(
            connection,
            CHECK,
            resume=True,
            seconds=STEP_SECONDS,
            progress=lambda part, first: context.log.debug(f"comparing {part} from {first} on"),
        )
        return outcome(
            verdicts.verdict(connection), ranges=passed.steps, pending=passed.pending, whole=passed.whole
        )


def outcome(verdict: Verdict, **step: int) -> AssetCheckResult:
    """The verdict, as the UI shows it, with the figures of a step."""
    return AssetCheckResult(
        asset_key=statistics_verification.key,
        check_name=CHECK,
        passed=not verdict.bad,
        description=escaped(str(verdict)),
        metadata={"differences": verdict.differences, "at": str(verdict.at or "never"), **step},
    )


def changed_verdict(instance: DagsterInstance, connection: Connection) -> list[AssetCheckEvaluation]:
    """The check's evaluation, if a command, a sample or a rebuild has changed the verdict since the last one."""
    found = verdicts.verdict(connection)
    result = outcome(found)
    if found.state == "never" or not changed(instance, AssetKey("statistics_verification"), result):
        return []
    return [evaluation_of(result)]
