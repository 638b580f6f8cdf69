"""`stats-assets seek`: move a stream's cursor. What the next tick makes of it is database/ledger/seeking.py's."""

import typer

from stats_assets.cli.messages import print_json, say, sure
from stats_assets.cli.options import AsJson, FromFeed, SequenceOption, StreamOption, Yes
from stats_assets.cli.project import settings_here
from stats_assets.database.ledger import seeking, stream_rows
from stats_assets.feeds.outcomes import HeadUnknown
from stats_assets.ingest.feed_head import of_limit
from stats_assets.streams import TABLE, Stream
from stats_assets.system import Stats

MOST_UNASKED = 1_440  # sequences, a day of minutes: a seek farther than that may be a digit too many

EXAMPLES = {
    "do all above a sequence again": "stats-assets seek --stream augmented_diffs --sequence 7464544",
    "skip to a sequence, by a script": "stats-assets seek --stream changesets --sequence 6300099 --yes",
}
EXIT_CODES = {
    0: "the next tick does it",
    2: "wrong use or setting, beyond the feed's head, not meant, or a database out of reach",
}


def seek(
    stream: StreamOption,
    sequence: SequenceOption,
    from_feed: FromFeed = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Move a stream's cursor to a sequence: back, all above is done again; forward, what is between is skipped.

    The next tick of the stream's sensor does it. Nothing is deleted, and what is skipped can be done by a backfill.
    What lies beyond the feed's head is refused; more than a day's minutes, either way, are asked about.
    With --from-feed it is for a feed whose numbers began again, or another feed: it may go below the stream's origin,
    which moves, too, and what the archive has above the sequence is never read again.
    """
    stats = Stats(settings_here(database=True, files=()))
    with stats.connect() as connection:
        row = stream_rows.stream_of(connection, stream)
        if row is not None and row.origin is not None and sequence < row.origin - 1 and not from_feed:
            raise typer.BadParameter(
                f"{stream} begins at {row.origin}. What is before that is done by:"
                f" stats-assets backfill --stream {stream} --start {sequence + 1} --end {row.origin - 1}"
                " If the feed's numbers began again: --from-feed."
            )
        at = row.cursor if row is not None else None
        does = f"begins at {sequence + 1}"
        if at is not None and sequence < at:
            does = f"goes back from {at} to {sequence}, and does all above again"
        elif at is not None:
            does = f"goes on from {at} to {sequence}, and skips what is not done between"
        if from_feed:
            does += ", from the feed: what the archive has above is another numbering's"
        head = _head(stats, stream, sequence, None if from_feed else at, yes=yes)
        begins_from = head if at is None else at
        far = 0 if begins_from is None else abs(sequence - begins_from)
        if far > MOST_UNASKED:
            sure(f"{stream} {does}: {far} sequences.", yes=yes)
        seeking.request_seek(connection, stream, sequence, from_feed=from_feed)
    if as_json:
        print_json({"stream": stream, "checkpoint": at, "to": sequence, "from_feed": from_feed, "head": head})
    say(f"{stream} {does}, at the next tick of {TABLE[stream].sensor}. Switch that sensor on if it is off.")


def _head(stats: Stats, stream: Stream, sequence: int, at: int | None, *, yes: bool) -> int | None:
    """The feed's head, which must not be below the sequence; unknown, a person must be sure."""
    try:
        with stats.connect() as connection:
            head = of_limit(connection, stats.source(stream, connection), stream, decides=at is None)
    except HeadUnknown as error:
        if at is None or sequence > at:
            said = (
                f"Whether {sequence} lies beyond the feed's head can't be told now: {str(error).rstrip('.')}."
            )
            sure(f"{said} The tick waits until it is known, and drops the seek if it does.", yes=yes)
        return None
    if sequence > head:
        raise typer.BadParameter(f"{sequence} lies beyond the feed's head: {stream} has {head}.")
    return head
