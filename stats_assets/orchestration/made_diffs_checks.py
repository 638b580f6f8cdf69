"""The asset checks on OsmChange and the augmented diffs that are made of it; they hang on the feed's asset.

As of the streams' (stream_checks.py): a person asks for them, and the tick reports them when an outcome changes.
"""

from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    DagsterInstance,
    Failure,
    asset_check,
)

from stats_assets.augment.store_errors import StoreError, StoreInUse, StoreMissing
from stats_assets.augment.window import HELD, LATE, PASSED
from stats_assets.database.connection import Connection
from stats_assets.database.made_diffs import MadeDiffs, made_diffs
from stats_assets.feeds.outcomes import HeadUnknown
from stats_assets.ingest import failover
from stats_assets.ingest.osmchange_numbers import disagreement
from stats_assets.ingest.store_checking import Checked, check_on
from stats_assets.monitoring.lag import BEHIND
from stats_assets.monitoring.made_diffs import MakerStatus, maker_status
from stats_assets.orchestration.assets.failing import failing
from stats_assets.orchestration.assets.made_diffs import FEED, POOL
from stats_assets.orchestration.check_outcomes import changed, evaluation_of
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.markdown import escaped
from stats_assets.settings import Settings
from stats_assets.streams import OSMCHANGE
from stats_assets.system import Stats
from stats_assets.words import in_words

WHOLE = "store_is_whole"
STEP_SECONDS = 120.0
SAID = {
    "lag": f"The newest minute that was made, and the feed's newest file, are less than {in_words(BEHIND)} old.",
    "goes_on": "The last run could go on: no file is missing, store and directory are usable.",
    "store_and_feed_agree": "The feed's files are those that the store has read: it numbers them alike.",
    "none_late": "Within about a day no version came after its minute was settled, and none is of the future.",
}


def evaluate(status: MakerStatus, disagrees: str | None = None) -> dict[str, AssetCheckResult]:
    """The checks by name. disagrees: why the feed is not the one that was read, as far as it was asked."""
    late = max(status.lag_seconds or 0.0, status.feed_age_seconds or 0.0)
    behind = "nothing is made yet" if status.lag_seconds is None else f"{in_words(status.lag_seconds)} behind"
    lost = status.feed_trouble or ("" if status.silent_since is None else "its sensor does not tick")
    where = failover.in_words(status.addresses)
    lag = "; ".join(filter(None, (behind, lost, where and f"it is {where}")))
    begun = status.lag_seconds is not None
    noted = {what: len(status.lately(what)) for what in (LATE, HELD, PASSED)}
    why_not = disagrees or next((one for one in status.sentences() if status.is_another), None)
    return {
        "lag": _result("lag", begun and late < BEHIND and not lost, lag, read_from=status.feed),
        "goes_on": _result("goes_on", not status.trouble, status.trouble or "It goes on."),
        "store_and_feed_agree": _result(
            "store_and_feed_agree", why_not is None, why_not or "They agree, as far as the states tell."
        ),
        "none_late": _result(
            "none_late",
            not any(noted.values()),
            ", ".join(f"{number} {what}" for what, number in noted.items() if number) or "None.",
        ),
    }


def _result(name: str, passed: bool, said: str, **metadata: str) -> AssetCheckResult:
    return AssetCheckResult(
        asset_key=FEED,
        check_name=name,
        passed=passed,
        severity=AssetCheckSeverity.WARN,
        description=escaped(said),
        metadata=metadata,
    )


def status_of(stats: Stats, connection: Connection, row: MadeDiffs) -> MakerStatus:
    """Where the maker stands; it is there where OSMCHANGE_URL is set."""
    work = stats.making_work()
    assert work is not None  # noqa: S101 - whoever asks has looked
    places = failover.look(connection, OSMCHANGE, work.feeds)
    seconds = stats.settings.poll_seconds
    return maker_status(row, places, can_begin=work.can_begin, poll_seconds=seconds)


def changed_outcomes(
    instance: DagsterInstance, stats: Stats, connection: Connection, row: MadeDiffs
) -> list[AssetCheckEvaluation]:
    """The checks whose outcome differs from the one last stored. Nothing is asked of the feed."""
    found = evaluate(status_of(stats, connection, row)).values()
    return [evaluation_of(result) for result in found if changed(instance, FEED, result)]


def maker_checks(settings: Settings) -> list[AssetChecksDefinition]:
    """The checks that a person can run in the UI, or none where no augmented diffs are made."""
    return [*map(_check, SAID), store_is_whole] if settings.osmchange_url else []


@asset_check(
    asset=FEED,
    name=WHOLE,
    description=(
        "Every row of the store is what was written. A run is a step of at most two minutes, in which nothing is made,"
        " and goes on where the last one ended. What was found stands until all was read without finding anything."
    ),
    pool=POOL,
)
def store_is_whole() -> AssetCheckResult:
    """Go on with reading the store, for some minutes. The pool keeps the maker away."""
    work = current_stats().making_work()
    if work is None:
        raise Failure("OSMCHANGE_URL is not set, so there is no store here.", allow_retries=False)
    try:
        found = check_on(work.folder, STEP_SECONDS)
    except (StoreMissing, StoreInUse) as error:
        raise Failure(f"{error} The next step tries again.", allow_retries=False) from None
    except StoreError as error:
        found = Checked(damage=str(error))
    at = "It was never read to its end" if found.ended is None else f"It was read to its end at {found.ended}"
    return AssetCheckResult(
        asset_key=FEED,
        check_name=WHOLE,
        passed=not found.damage,
        description=escaped(found.damage or f"{at}; nothing is amiss."),
        metadata={"rows": found.rows, "ended": found.ended or "never"},
    )


def _check(name: str) -> AssetChecksDefinition:
    @asset_check(asset=FEED, name=name, description=SAID[name])
    def run() -> AssetCheckResult:
        stats = current_stats()
        with failing(), stats.look() as connection:
            row = made_diffs(connection)
            status = status_of(stats, connection, row)
        disagrees = _disagrees(stats, status) if name == "store_and_feed_agree" else None
        return evaluate(status, disagrees)[name]

    return run


def _disagrees(stats: Stats, status: MakerStatus) -> str | None:
    if status.reached is None:
        return None
    feed = next(one for one in stats.osmchange if one.url == status.feed)
    try:
        return disagreement(feed, status.sequence, status.reached)
    except HeadUnknown as error:
        return f"It can't be told: {error}"
