"""The table `made_diffs`: what ticks, runs and people must know of the maker of augmented diffs. One row, a copy.

The truth is in the maker's store (augment/), which one process has open; what follows from the row is
ingest/diff_making_tick.py's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from stats_assets.database.connection import Connection

LEASE: Final = "made_augmented_diffs"
"""By which a lease is told to be a maker's."""
PROC_NAME: Final = "AugmentedDiffMaker"
"""Under which the table `checkpoints` has the newest OsmChange file that was read."""
_COLUMNS = (
    "feed, head, head_time, asked_at, feed_trouble, quiet_until, store, read_from, begins, settled_to, reached,"
    " sequence, made, coalesce(tallies, '{}') AS tallies, coalesce(noted, '[]') AS noted,"
    " coalesce(contents, '[]') AS contents, kept_at, doing, trouble,"
    " coalesce(attempts, 0) AS attempts, not_before, ticked_at, clock_timestamp() AS now"
)


class MadeDiffs(NamedTuple):
    """The row, and the database's clock. Times have a zone."""

    feed: str | None
    """The address that was asked last, without credentials."""
    head: int | None
    head_time: datetime | None
    asked_at: datetime | None
    feed_trouble: str | None
    """Why the feed did not say how far it is; None: it did."""
    quiet_until: datetime | None
    """Until then the feed wants to be left alone."""
    store: str | None
    """The store's folder; None: none was opened yet."""
    read_from: str | None
    """The address that the newest file was read from."""
    begins: datetime | None
    settled_to: datetime | None
    reached: datetime | None
    sequence: int | None
    made: int | None
    tallies: dict[str, int]
    noted: list[dict[str, Any]]
    contents: list[dict[str, Any]]
    """Of the newest files that hold anything, in order: `sequence`, `content` (augment/content.py), and the `url` that
    it was read from."""
    kept_at: datetime | None
    """When the store's place was last told."""
    doing: str | None
    trouble: str | None
    """Why the last run could not go on; None: it could."""
    attempts: int
    """How many runs in a row could not."""
    not_before: datetime | None
    """When the next one may."""
    ticked_at: datetime | None
    now: datetime


class StorePlace(NamedTuple):
    """How far a store is, as the row has it."""

    store: str
    read_from: str | None
    begins: datetime
    settled_to: datetime
    reached: datetime
    sequence: int | None
    made: int | None


def made_diffs(connection: Connection) -> MadeDiffs:
    """The row; of what was never followed, one with nothing in it."""
    with connection.cursor(row_factory=class_row(MadeDiffs)) as cursor:
        row = cursor.execute(
            f"SELECT {_COLUMNS} FROM (VALUES (true)) AS always (one) LEFT JOIN made_diffs USING (one)"  # noqa: S608
        ).fetchone()
    assert row is not None  # noqa: S101 - a left join with one row
    return row


def save_head(connection: Connection, feed: str, head: int, time: datetime) -> None:
    """What the feed answered."""
    _save(connection, feed=feed, head=head, head_time=time, feed_trouble=None, quiet_until=None)
    connection.execute("UPDATE made_diffs SET asked_at = clock_timestamp()")


def save_feed_trouble(connection: Connection, feed: str, why: str, quiet_seconds: float | None) -> None:
    """That it did not answer, or refused: then it is left alone for so long. What was known of it stays."""
    _save(connection, feed=feed, feed_trouble=why)
    connection.execute(
        "UPDATE made_diffs SET asked_at = clock_timestamp(),"
        " quiet_until = clock_timestamp() + make_interval(secs => %s)",
        (quiet_seconds,),
    )


def save_place(
    connection: Connection,
    place: StorePlace,
    tallies: Mapping[str, int],
    noted: Sequence[Mapping[str, Any]],
    contents: Sequence[Mapping[str, Any]],
) -> None:
    """How far the store is, with its mirror in `checkpoints`. That it got on ends what was wrong."""
    with connection.transaction():
        _save(
            connection,
            **place._asdict(),
            tallies=Jsonb(dict(tallies)),
            noted=Jsonb([dict(one) for one in noted]),
            contents=Jsonb([dict(one) for one in contents]),
        )
        connection.execute("UPDATE made_diffs SET kept_at = clock_timestamp()")
        if place.sequence is not None:
            connection.execute(
                "INSERT INTO checkpoints AS c (proc_name, sequence) VALUES (%s, %s) ON CONFLICT (proc_name)"
                " DO UPDATE SET sequence = excluded.sequence WHERE c.sequence <> excluded.sequence",
                (PROC_NAME, place.sequence),
            )


def save_doing(connection: Connection, doing: str | None) -> None:
    """What a run is at; None: it has ended."""
    _save(connection, doing=doing)


def save_trouble(connection: Connection, why: str, *, first: float, most: float) -> None:
    """Why a run could not go on. The next one waits, each time twice as long: from `first` seconds to `most`."""
    _save(connection, trouble=why)
    connection.execute(
        "UPDATE made_diffs SET attempts = attempts + 1, not_before = clock_timestamp()"
        " + make_interval(secs => least(%s * power(2, least(attempts, 30)), %s))",
        (first, most),
    )


def save_no_pause(connection: Connection) -> None:
    """Another address is read from now: what was wrong with the one before says nothing of it."""
    _save(connection, attempts=0, not_before=None)


def save_no_trouble(connection: Connection) -> None:
    """A run could go on."""
    _save(connection, trouble=None, attempts=0, not_before=None)


def save_tick(connection: Connection) -> None:
    """The sensor ticks."""
    connection.execute(
        "INSERT INTO made_diffs (ticked_at) VALUES (clock_timestamp())"
        " ON CONFLICT (one) DO UPDATE SET ticked_at = excluded.ticked_at"
    )


def _save(connection: Connection, **values: object) -> None:
    names = list(values)
    connection.execute(
        f"INSERT INTO made_diffs ({', '.join(names)}) VALUES ({', '.join(f'%({name})s' for name in names)})"  # noqa: S608
        f" ON CONFLICT (one) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}",
        values,
    )
