"""`stats-assets backfill`: an exact range of sequences, with progress on stderr and an exit code."""

import logging
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from stats_assets.cli.messages import print_json, say
from stats_assets.cli.options import AsJson, FromFeed, SequenceOption, StreamOption
from stats_assets.cli.progress import Progress
from stats_assets.cli.project import settings_here
from stats_assets.database.facts.ranges import WHAT_TO_DO, away_in, require_tables
from stats_assets.database.ledger.ledger import block_of
from stats_assets.feeds.outcomes import HeadUnknown
from stats_assets.ingest.feed_head import of_limit
from stats_assets.streams import TABLE, Stream
from stats_assets.system import Stats

if TYPE_CHECKING:
    from stats_assets.orchestration.backfill.round import Wanted

MOST_TASKS = 200
"""As orchestration/backfill/run_queue.py has it, which is not imported for --help."""

EXAMPLES = {
    "a range, from the archive where it has the bodies": (
        "stats-assets backfill --stream augmented_diffs --start 7464000 --end 7468999"
    ),
    "one file, anew from the feed": (
        "stats-assets backfill --stream changesets --start 6300100 --end 6300100 --from-feed"
    ),
}
EXIT_CODES = {
    0: "all are committed",
    1: "some are left, or facts of theirs are away",
    2: "wrong use or setting, beyond the feed's head, no room for its runs, or a database out of reach",
    130: "ended by Ctrl-C; the same command goes on",
}


def backfill(
    stream: StreamOption,
    start: SequenceOption,
    end: SequenceOption,
    from_feed: FromFeed = False,
    tasks: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_TASKS, help="Blocks at a time, in a deployment; default: as configured."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do the sequences start..end again, or for the first time.

    Runs are seen in the UI. What the archive has is read from there, unless --from-feed.
    Ended by Ctrl-C, it leaves nothing queued, and the same command goes on where it stopped.
    """
    if end < start:
        raise typer.BadParameter(f"--end {end} is before --start {start}.")
    settings = settings_here(database=True, dagster=True)
    from dagster import DagsterInstance  # here, as all else is quick without it

    from stats_assets.definitions import defs
    from stats_assets.orchestration import backfill as room
    from stats_assets.orchestration.backfill.backfill import do_backfill
    from stats_assets.orchestration.backfill.round import Wanted
    from stats_assets.orchestration.backfill.run_queue import NoRoom

    log = logging.getLogger(room.__name__)
    log.addHandler(_Said())
    log.setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stats = Stats(settings)
    wanted = Wanted(stream, start, end, from_feed)
    if _away(stats, wanted.stream, start, end):
        say("Nothing was begun.", style="red")
        raise typer.Exit(1)
    _warn_of_head(stats, wanted)
    with DagsterInstance.get() as instance, Progress("sequences", wanted.size) as shown:
        try:
            outcome = do_backfill(defs, instance, stats, wanted, shown.at, tasks)
        except NoRoom as error:
            say(f"{error} Nothing was begun.", style="red")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            say("Ended. What was committed stays; the same command goes on with the rest.", style="yellow")
            raise typer.Exit(130) from None
    for trouble in outcome.troubles:
        say(f"{trouble.sequence} is {trouble.work}: {trouble.reason}", style="red")
    if as_json:
        troubles = [one._asdict() for one in outcome.troubles]
        asked = {"stream": stream, "start": start, "end": end, "sequences": wanted.size}
        left = {"committed": outcome.committed, "blocks_left": outcome.blocks_left}
        print_json(asked | left | {"troubles": troubles})
    done = f"{outcome.committed} of {wanted.size} sequences of {stream} {start}..{end} are committed"
    if outcome.blocks_left:
        say(f"{done}; blocks left: {outcome.blocks_left}. The same command does these.", style="red")
        raise typer.Exit(1)
    say(f"{done}.")
    if _away(stats, wanted.stream, start, end):
        raise typer.Exit(1)


def _away(stats: Stats, stream: Stream, start: int, end: int) -> bool:
    """Says where in start..end facts are away: nothing can be counted there."""
    if not TABLE[stream].has_fact_partitions:
        return False
    with stats.connect() as connection:
        require_tables(connection)
        ranges = away_in(connection, start, end)
    for one in ranges:
        say(f"{one} Nothing can be counted there. {WHAT_TO_DO}", style="red")
    return bool(ranges)


def _warn_of_head(stats: Stats, wanted: "Wanted") -> None:
    """Says what is beyond the head; refuses where that is more than the head's own block. Raises BadParameter."""
    try:
        with stats.connect() as connection:
            head = of_limit(connection, stats.source(wanted.stream, connection), wanted.stream, decides=False)
    except HeadUnknown as error:
        said = "" if wanted.from_feed else " What the archive has is done without it."
        say(f"{error}.{said}", style="yellow")
    else:
        end = wanted.end
        said = f"The feed has only up to {head} yet: what is above can't be done."
        if block_of(end) > block_of(head):  # whose partitions would be made, and stay
            raise typer.BadParameter(f"{said} Say --end {head} at most.")
        if end > head:
            say(said, style="yellow")


class _Said(logging.Handler):
    """Shows what the backfill logs, above its bar. What its runs log is theirs, and in the UI."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())
