"""What a run has met of an address that a question for its head does not show: written down, for the tick that chooses.

Which address is used by that is address_choice.py's; whose fault a single failure is, failure_booking.py's.
"""

from stats_assets.database.connection import clock
from stats_assets.database.ledger import addresses
from stats_assets.feeds.outcomes import FeedRefused
from stats_assets.feeds.sequences import covers
from stats_assets.ingest.address_choice import BEHIND
from stats_assets.ingest.failure_booking import FeedFailed
from stats_assets.ingest.run_result import NOT_YET
from stats_assets.ingest.sequence_loop import Runner
from stats_assets.streams import TABLE


def blame(runner: Runner, failure: FeedFailed) -> None:
    """The feed failed. A limit is told by its quiet, and by hand nothing is said of the stream's feed."""
    if not (runner.mode.by_hand or isinstance(failure.error, FeedRefused)):
        why = str(failure).rstrip(".")
        addresses.bad(runner.connection, runner.work.stream, runner.bodies.source.url, why)


def doubt(runner: Runner) -> None:
    """The run has ended: an address whose head is far on, and whose documents end before a minute that is long over, is
    as good as behind.

    By the clock: a replay's only address is used all the same.
    """
    stream, source, report = runner.work.stream, runner.bodies.source, runner.report
    if report.ended_early != NOT_YET or report.committed or runner.mode.by_hand:
        return
    if TABLE[stream].numbers_are_minutes and clock(runner.connection) - covers(runner.at).until >= BEHIND:
        what = f"{source.url} says that it has {runner.at}, and its data end before"
        addresses.bad(runner.connection, stream, source.url, what)
