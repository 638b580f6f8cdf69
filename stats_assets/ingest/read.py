"""A body that was read: whether it can be used, and whether it is final. Pure.

Where it comes from is fetch.py's; what becomes of one that can't be used, failure_rules.py's.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from stats_assets.feeds.body import Body
from stats_assets.feeds.history import judge_history
from stats_assets.feeds.outcomes import BrokenGeometryRemark
from stats_assets.feeds.sequences import TO_COME, covers, sequence_of
from stats_assets.feeds.source import Source
from stats_assets.feeds.validation import judge_envelope
from stats_assets.ingest.parse import Reading
from stats_assets.streams import TABLE


class Read(NamedTuple):
    """A body, and what was read of it."""

    body: Body
    reading: Reading

    @property
    def is_to_come(self) -> bool:
        """Whether the server says that its data reaches into the future: then its clock is wrong."""
        reached = self.reading.envelope.osm_base
        return reached is not None and reached - self.body.fetched_at > TO_COME

    @property
    def osm_base(self) -> datetime | None:
        """How far the server's data reached. None for a time in the future: no later body could ever win over that."""
        return None if self.is_to_come else self.reading.envelope.osm_base


def judge(read: Read, until: datetime | None) -> None:
    """Raises FeedError unless the body can be used; see `judge_envelope` and `judge_history`."""
    reading, url = read.reading, read.body.url
    try:
        judge_envelope(
            reading.envelope,
            url=url,
            until=until,
            unreadable=reading.unreadable,
            of=reading.actions,
            example=next(iter(reading.examples), ""),
        )
    except BrokenGeometryRemark:  # which may be put up with
        judge_history(reading.creations, actions=reading.actions, url=url)
        raise
    judge_history(reading.creations, actions=reading.actions, url=url)


def is_settled(read: Read, source: Source, settle_seconds: float, said: int | None) -> bool:
    """Whether the body is final (docs/states.md, section 6.1). said: what the feed's state says of that."""
    sequence, reached = read.body.sequence, read.osm_base
    if read.is_to_come:
        return False
    until = source.until(sequence)
    if until is None and said is not None:
        if not read.body.from_archive:
            return sequence <= said
        # When it was fetched the feed may have said less.
        if reached is None or not TABLE[source.stream].numbers_are_minutes:
            return False
        until = covers(sequence).until
    # Where nobody says how far the server was, nobody knows better.
    return until is None or reached is None or (reached - until).total_seconds() >= settle_seconds


def settled_to(
    source: Source, settle_seconds: float, head: int | None, said: int | None = None
) -> int | None:
    """The newest augmented diff that is settled on a server with this head, by its own time and not by the clock; of a
    directory what its state says (`State.settled`).

    None: the source's bodies never change, or its head is not known.
    """
    reached = None if head is None else source.until(head)
    if reached is None:
        # What another source has left unsettled is settled by the files of one that says nothing: they are final.
        minutes = TABLE[source.stream].numbers_are_minutes
        return said if said is not None else head if minutes else None
    then = reached - timedelta(seconds=settle_seconds)
    newest = sequence_of(then)
    return newest if covers(newest).until <= then else newest - 1
