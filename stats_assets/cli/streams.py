"""Commands that move a stream, and make ready what it needs."""

from typing import Annotated

import typer

from stats_assets.cli.shared import (
    FromFeed,
    SequenceOption,
    StreamName,
    StreamOption,
    Yes,
    err,
    say,
    settings_here,
    sure,
)
from stats_assets.database.connection import Connection, database_url, without_password
from stats_assets.database.facts.empty_partitions import drop_empty
from stats_assets.database.facts.partitions import MOST, SEQUENCES, make_partitions
from stats_assets.database.ledger import due_again, seeking, stream_rows
from stats_assets.database.ledger.ledger import BLOCK, block_of
from stats_assets.database.migrations import NEWEST
from stats_assets.database.migrations import migrate as migrate_database
from stats_assets.feeds import HeadUnknown
from stats_assets.ingest.feed_head import of_limit
from stats_assets.streams import TABLE
from stats_assets.system import Stats

MOST_UNASKED = 1_440  # sequences, a day of minutes: a seek farther than that may be a digit too many
MOST_KEYS = 1_000  # partitions, ten weeks


def seek(
    stream: StreamOption, sequence: SequenceOption, from_feed: FromFeed = False, yes: Yes = False
) -> None:
    """Move a stream's cursor to a sequence: back, all above is done again; forward, what is between is skipped.

    The next tick of the stream's sensor does it. Nothing is deleted, and what is skipped can be done by a backfill.
    What lies beyond the feed's head is refused; more than a day's minutes, either way, are asked about.
    With --from-feed it is for a feed whose numbers began again, or another feed: it may go below the stream's origin,
    which moves, too, and what the archive has above the sequence is never read again.
    """
    stats = Stats(settings_here(database=True))
    with stats.connect() as connection:
        row = stream_rows.stream_of(connection, stream.value)
        if row is not None and row.origin is not None and sequence < row.origin - 1 and not from_feed:
            raise typer.BadParameter(
                f"{stream.value} begins at {row.origin}. What is before that is done by:"
                f" stats-assets backfill --stream {stream.value} --start {sequence + 1} --end {row.origin - 1}"
                " If the feed's numbers began again: --from-feed."
            )
        at = row.checkpoint if row is not None else None
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
            sure(f"{stream.value} {does}: {far} sequences.", yes=yes)
        seeking.request_seek(connection, stream.value, sequence, from_feed=from_feed)
    say(
        f"{stream.value} {does}, at the next tick of {TABLE[stream.value].sensor}. Switch that sensor on if it is off."
    )


def _head(stats: Stats, stream: StreamName, sequence: int, at: int | None, *, yes: bool) -> int | None:
    """The feed's head, which must not be below the sequence; unknown, a person must be sure."""
    try:
        with stats.connect() as connection:
            head = of_limit(connection, stats.source(stream.value), stream.value, decides=at is None)
    except HeadUnknown as error:
        if at is None or sequence > at:
            said = (
                f"Whether {sequence} lies beyond the feed's head can't be told now: {str(error).rstrip('.')}."
            )
            sure(f"{said} The tick waits until it is known, and drops the seek if it does.", yes=yes)
        return None
    if sequence > head:
        raise typer.BadParameter(f"{sequence} lies beyond the feed's head: {stream.value} has {head}.")
    return head


def retry(
    stream: Annotated[StreamName | None, typer.Option(help="Default: both.")] = None,
    sequence: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Only this one of the stream; may be given again. Default: all."),
    ] = None,
) -> None:
    """Try again now what waits, is quarantined or a hole, instead of after its pause; and read again what is flagged.

    The next tick of the stream's sensor does it, one block after the other, after all that is due for the first time.
    """
    if sequence and stream is None:
        raise typer.BadParameter(
            "it needs --stream, too: each stream has numbers of its own", param_hint="--sequence"
        )
    missed = False
    with Stats(settings_here(database=True)).connect() as connection:
        for one in [stream] if stream else StreamName:
            due = due_again.retry(connection, one.value, sequence)
            for number in sorted(set(sequence or ()) - set(due)):
                missed = True
                said = (
                    f"{number} of {one.value} neither waits nor was it given up or flagged: nothing to retry."
                )
                say(said, style="red")
            shown = ", ".join(map(str, due[:20])) + (", …" if len(due) > 20 else "")
            if due:
                said = f"{len(due)} sequences of {one.value} are due: {shown}."
                say(f"{said} {TABLE[one.value].sensor} tries them, if it is on.")
            else:
                say(f"Nothing of {one.value} waits, was given up or is flagged.")
    raise typer.Exit(1 if missed else 0)


def migrate(
    first: Annotated[
        int | None,
        typer.Option(
            "--from",
            min=0,
            max=999_999_999,
            help="Make partitions from this sequence to the stream's origin.",
        ),
    ] = None,
    stream: StreamOption = StreamName.augmented_diffs,
    remove: Annotated[
        bool,
        typer.Option(
            "--remove", help="With --from: take these partitions away again, where nothing is in them."
        ),
    ] = False,
    yes: Yes = False,
) -> None:
    """Bring the database's schema up to date.

    With --from, also make ready what is before a stream's origin, so that it can be chosen in the UI for a backfill.
    """
    if remove and first is None:
        raise typer.BadParameter("it needs --from: where the partitions begin", param_hint="--remove")
    settings = settings_here(database=True, dagster=first is not None)
    url = database_url(settings)
    before = migrate_database(url)
    did = (
        "was up to date"
        if before is not None and before >= NEWEST
        else f"went from {before or 'nothing'} to revision {NEWEST}"
    )
    err.print(f"The schema of {without_password(url)} {did}.", highlight=False, soft_wrap=True)
    if first is not None:
        (_take_away if remove else _make_ready)(Stats(settings), stream, first, yes)


def _make_ready(stats: Stats, stream: StreamName, first: int, yes: bool) -> None:
    from dagster import DagsterInstance

    from stats_assets.orchestration.partitions import BLOCKS, key_of

    with stats.connect() as connection:
        origin = _origin(stats, connection, stream, first)
        keys = [key_of(block) for block in range(block_of(first), origin, BLOCK)]
        if len(keys) > MOST_KEYS:
            sure(f"That makes {len(keys)} partitions of {stream.value}, {keys[0]} to {keys[-1]}.", yes=yes)
        if stream is StreamName.augmented_diffs:
            for start in range(first, origin, MOST // 2 * SEQUENCES):
                make_partitions(connection, start, min(origin, start + MOST // 2 * SEQUENCES) - 1)
    with DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(BLOCKS[stream.value].name or "", keys)
    say(f"{len(keys)} partitions of {stream.value}, {keys[0]} to {keys[-1]}, can be chosen in the UI.")


def _take_away(stats: Stats, stream: StreamName, first: int, yes: bool) -> None:
    from dagster import DagsterInstance

    from stats_assets.orchestration.spare_partitions import remove_keys, spare_keys

    with stats.connect() as connection, DagsterInstance.get() as instance:
        origin = _origin(stats, connection, stream, first)
        keys, busy = spare_keys(instance, connection, stream.value, first, origin)
        if busy:
            say(f"{busy} Wait for its end, or cancel it.", style="red")
            raise typer.Exit(2)
        if len(keys) > MOST_KEYS:
            sure(f"That removes {len(keys)} partitions of {stream.value}, {keys[0]} to {keys[-1]}.", yes=yes)
        remove_keys(instance, stream.value, keys)
        dropped = []
        if stream is StreamName.augmented_diffs:
            dropped = drop_empty(connection, first, origin - 1)
    say(f"{len(keys)} partitions of {stream.value} in which nothing was done are gone from the UI.")
    if dropped:
        say(f"{len(dropped)} empty partitions of the facts are gone, too.")


def _origin(stats: Stats, connection: Connection, stream: StreamName, first: int) -> int:
    """Where the stream begins, or will; what is asked for must be before it."""
    row = stream_rows.stream_of(connection, stream.value)
    origin = row.origin if row is not None else None
    if origin is None:
        origin = stats.settings.start(stream.value)
    if origin is None:
        try:
            origin = of_limit(connection, stats.source(stream.value), stream.value, decides=True)
        except HeadUnknown as error:
            say(f"Up to where? {stream.value} has not begun, and {error}.", style="red")
            raise typer.Exit(2) from None
    if first >= origin:
        say(
            f"--from {first} is not before {origin}, where {stream.value} begins: nothing to do.", style="red"
        )
        raise typer.Exit(2)
    return origin
