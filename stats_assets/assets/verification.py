"""The check that goes over all statistics, a step at a time. How it compares is database/verification.py's."""

from dagster import AssetCheckExecutionContext, AssetCheckResult, asset_check

from stats_assets.assets.failing import failing
from stats_assets.assets.statistics import outcome
from stats_assets.database import passes
from stats_assets.resources import current_stats

STEP_SECONDS = 300.0
CHECK = "all_is_exact"


@asset_check(
    asset="user_statistics",
    name=CHECK,
    description=(
        "Every row and key of all statistics is exactly what the facts say. A run is a step of at most five minutes and"
        " goes on where the last one ended; `whole`: it came to the end."
    ),
)
def all_is_exact(context: AssetCheckExecutionContext) -> AssetCheckResult:
    """Go on with the pass over everything, for some minutes."""
    with failing("The next step goes on from here."), current_stats().connect() as connection:
        passed = passes.verify(
            connection,
            CHECK,
            resume=True,
            seconds=STEP_SECONDS,
            progress=lambda part, first: context.log.debug(f"comparing {part} from {first} on"),
        )
    return outcome(CHECK, passed)
