"""How far the numbers reach: the feed's time, what is counted, and what of it is applied.

Which minutes of a window are missing is minutes.py's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.newest import newest_committed
from stats_assets.database.ledger.spans import begin
from stats_assets.feeds.sequences import covers
from stats_assets.questions.windows import floor
from stats_assets.streams import STREAMS, TABLE, Stream

BEHIND, STALLED = timedelta(minutes=3), timedelta(hours=1)
_ODD = timedelta(hours=1)  # a feed whose time is off by more lives in a time of its own: a demo's, a replay's
_MANY = 20_000  # entries of the queue that are looked at one by one


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one stream is counted."""

    sequence: int | None
    complete_to: datetime | None
    lag_seconds: int | None
    state: Literal["fine", "behind", "stalled", "not begun"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far all is."""

    as_of: datetime
    """Now, by the feed's clock."""
    shift: timedelta
    """What the feed's clock is before the database's."""
    begins: datetime | None
    first: int | None
    """The first sequence that is counted of what the streams go on from; islands that were backfilled lie before it."""
    reaches: dict[Stream, Reach]
    summed_to: datetime | None
    """Up to then diffs are counted, and none of them waits to be added up."""
    applied_to: datetime | None
    """Up to then changesets and their hashtags are applied, too."""
    queued: int

    @property
    def newest(self) -> int:
        """The newest augmented diff that is counted; -1: none is, wherever the stream was told to begin."""
        sequence = self.reaches["augmented_diffs"].sequence
        return -1 if sequence is None or self.first is None else sequence

    def complete_to(self, *, needs_changesets: bool) -> datetime | None:
        """Up to when all is counted that a filter needs."""
        return self.applied_to if needs_changesets else self.summed_to


def now_by_the_feed(connection: Connection) -> tuple[datetime, timedelta]:
    """The time by the diffs' feed: the database's, unless the feed lives in a time of its own. And what it is off."""
    row = connection.execute(
        "SELECT clock_timestamp(), (SELECT moved_at - feed_time FROM heads WHERE stream = 'augmented_diffs')"
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM
    now: datetime = row[0]
    shift: timedelta | None = row[1]
    return (now, timedelta(0)) if shift is None or abs(shift) < _ODD else (now - shift, -shift)


def standing(connection: Connection) -> Standing:
    """How far all is."""
    as_of, shift = now_by_the_feed(connection)
    reaches: dict[Stream, Reach] = {stream: _reach(connection, stream, as_of) for stream in STREAMS}
    first = begin(connection, "augmented_diffs")
    queued, sequence, file = _queue(connection)
    diffs, changesets = (reaches[stream].complete_to for stream in STREAMS)
    summed_to = diffs
    if sequence is not None and diffs is not None:
        summed_to = min(diffs, covers(sequence).since)
    ends = [end for end in (summed_to, changesets) if end is not None]
    told = reaches["changesets"]
    if file is not None and told.sequence is not None and changesets is not None:
        ends.append(changesets - timedelta(minutes=told.sequence - file + 1))
    return Standing(
        as_of=as_of,
        shift=shift,
        begins=None if first is None else covers(first).since,
        first=first,
        reaches=reaches,
        summed_to=summed_to,
        applied_to=min(ends) if ends and diffs is not None else None,
        queued=queued,
    )


def _reach(connection: Connection, stream: Stream, as_of: datetime) -> Reach:
    row = connection.execute(
        "SELECT coalesce(s.checkpoint, (SELECT max(sequence) FROM ledger WHERE stream = %(stream)s AND"
        " result = 'committed')), h.head, h.feed_time"
        " FROM (SELECT %(stream)s::text AS stream) AS asked LEFT JOIN streams AS s USING (stream)"
        " LEFT JOIN heads AS h USING (stream)",
        {"stream": stream},
    ).fetchone()
    assert row is not None  # noqa: S101 - one row is joined to others
    cursor, head, feed_time = row
    newest = None if cursor is None else newest_committed(connection, stream, cursor)
    if newest is None:
        return Reach(cursor, None, None, "not begun")
    complete_to = None
    if TABLE[stream].numbers_are_minutes:
        complete_to = covers(newest).until
    elif feed_time is not None and head is not None:
        complete_to = floor(feed_time - timedelta(minutes=max(0, head - newest)))
    if complete_to is None:
        return Reach(newest, None, None, "fine")
    lag = max(timedelta(0), as_of - complete_to)
    state: Literal["fine", "behind", "stalled"] = (
        "fine" if lag <= BEHIND else "behind" if lag <= STALLED else "stalled"
    )
    return Reach(newest, complete_to, int(lag.total_seconds()), state)


def _queue(connection: Connection) -> tuple[int, int | None, int | None]:
    """How many changes wait to be applied; of those that were never, the lowest diff and the lowest changeset file.

    What is queued of a diff that was counted anew is in the sums as it was. What lies before the stream's origin is a
    backfill's, and says nothing of how far it is.
    """
    row = connection.execute("SELECT count(*), count(sequence) FROM statistics_queue").fetchone()
    assert row is not None  # noqa: S101 - an aggregate always answers
    queued, of_diffs = row
    if not queued:
        return 0, None, None
    looked_at = (
        " AND NOT EXISTS (SELECT FROM changesets AS c WHERE c.id = q.changeset_id"
        " AND q.sequence = ANY (c.augmented_diffs))"
        if of_diffs <= _MANY
        else ""
    )
    row = connection.execute(
        f"""
        SELECT (SELECT min(sequence) FROM statistics_queue AS q WHERE sequence >=
                coalesce((SELECT origin FROM streams WHERE stream = 'augmented_diffs'), 0){looked_at}),
            (SELECT min(m.sequence) FROM statistics_queue AS q JOIN changeset_metadata AS m USING (changeset_id)
                WHERE q.sequence IS NULL)
        """.encode()  # noqa: S608 - constants
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM
    return queued, row[0], row[1]
