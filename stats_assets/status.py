"""Where each stream stands, for a person and for monitors. How it is printed is the command line's."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from stats_assets.database.connection import Connection
from stats_assets.database.leases import leases
from stats_assets.database.statistics import queued
from stats_assets.database.streams import STREAMS, Stream, stream_of, troubled
from stats_assets.parts import Stats
from stats_assets.replication import HeadUnknown, covers

LAG_SECONDS = 600  # behind from here on: what OSMesa's monitor mailed about
RATE_MINUTES = 10
RATE_SEQUENCES = 5_000  # how far below the checkpoint the rate is measured


@dataclass(frozen=True)
class StreamStatus:
    """One stream. cursor: the checkpoint; rate: sequences a minute over the last ten; the lists: sequences."""

    origin: int | None
    cursor: int | None
    head: int | None
    trouble: str | None
    lag_seconds: float | None
    rate: float
    eta_seconds: float | None
    in_flight: list[list[int]]
    waiting: list[int]
    quarantined: list[int]
    holes: list[int]
    paused: str | None

    @property
    def exit_code(self) -> int:
        """0 fine, 1 behind, 2 stalled, 3 unreachable."""
        if self.head is None:
            return 3
        if self.cursor is None or (self.head > self.cursor and not self.rate and not self.in_flight):
            return 2 if self.cursor is None or (self.lag_seconds or 0) >= LAG_SECONDS else 0
        return 1 if (self.lag_seconds or 0) >= LAG_SECONDS else 0


@dataclass(frozen=True)
class Status:
    """All streams, and how many changed changesets wait for the statistics."""

    streams: dict[Stream, StreamStatus]
    queued: int

    @property
    def exit_code(self) -> int:
        """The worst of the streams'."""
        return max(stream.exit_code for stream in self.streams.values())

    def as_json(self) -> dict[str, Any]:
        """As monitors read it."""
        return {
            "streams": {name: dict(vars(stream)) for name, stream in self.streams.items()},
            "queued": self.queued,
        }

    def as_table(self) -> Table:
        """As a person reads it."""
        table = Table("", *self.streams, title="stats-assets")
        for name, label in (
            *(
                ("origin", "origin"),
                ("cursor", "cursor"),
                ("head", "feed's head"),
                ("lag_seconds", "lag (s)"),
            ),
            *(
                ("rate", "sequences a minute"),
                ("eta_seconds", "caught up in (s)"),
                ("in_flight", "in flight"),
            ),
            *(
                ("waiting", "waiting"),
                ("quarantined", "quarantined"),
                ("holes", "holes"),
                ("paused", "paused"),
            ),
            ("trouble", "trouble"),
        ):
            values = [_shown(getattr(stream, name)) for stream in self.streams.values()]
            if any(values) or name not in ("paused", "trouble"):
                table.add_row(label, *values)
        table.caption = f"{self.queued} changed changesets wait for the statistics"
        return table


def lag_seconds(stream: Stream, cursor: int, head: int | None) -> float | None:
    """How far the statistics are behind; None: unknown. A changeset file is taken for a minute."""
    behind = None if head is None else max(0, head - cursor) * 60.0
    if stream == "augmented_diffs":
        return max(behind or 0.0, round((datetime.now(UTC) - covers(cursor)[1]).total_seconds(), 1))
    return behind


def of(stats: Stats) -> Status:
    """Ask database and feeds. Raises DatabaseUnreachable; a feed that can't be asked is said in `trouble`."""
    with stats.connect() as connection:
        return Status({stream: _stream(stats, connection, stream) for stream in STREAMS}, queued(connection))


def _stream(stats: Stats, connection: Connection, stream: Stream) -> StreamStatus:
    row = stream_of(connection, stream)
    cursor = row.checkpoint if row else None
    head, trouble = None, None
    try:
        head = stats.source(stream).head()
    except HeadUnknown as error:
        trouble = str(error)
    rate = _rate(connection, stream, cursor)
    behind = head - cursor if head is not None and cursor is not None else None
    return StreamStatus(
        origin=row.origin if row else None,
        cursor=cursor,
        head=head,
        trouble=trouble,
        lag_seconds=None if cursor is None else lag_seconds(stream, cursor, head),
        rate=rate,
        eta_seconds=None
        if behind is None or (behind and not rate)
        else round(behind / rate * 60 if behind > 0 else 0),
        in_flight=[
            [lease.start_sequence, lease.end_sequence]
            for lease in leases(connection, stream)
            if not lease.released and lease.silent_seconds <= stats.settings.lease_stale_seconds
        ],
        waiting=[sequence for sequence, _ in troubled(connection, stream, "waiting")],
        quarantined=[sequence for sequence, _ in troubled(connection, stream, "quarantined")],
        holes=[sequence for sequence, _ in troubled(connection, stream, "hole")],
        paused=row.pause_reason if row else None,
    )


def _rate(connection: Connection, stream: Stream, cursor: int | None) -> float:
    if cursor is None:
        return 0.0
    row = connection.execute(
        "SELECT count(*) FROM ledger WHERE stream = %s AND sequence > %s"
        " AND done_at > now() - make_interval(mins => %s)",
        (stream, cursor - RATE_SEQUENCES, RATE_MINUTES),
    ).fetchone()
    return round((row[0] if row else 0) / RATE_MINUTES, 2)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join("–".join(map(str, v)) if isinstance(v, list) else str(v) for v in value[:10]) + (
            f" … ({len(value)})" if len(value) > 10 else ""
        )
    return f"{value:.0f}" if isinstance(value, float) and value >= 10 else str(value)
