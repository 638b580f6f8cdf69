"""When nobody works on a stream, or asks its feed: pauses after failures, and the quiet that a feed asks for.

What is kept is in the stream's row (stream_rows.py); what brings a pause is said by ingest/run.py and asked.py.
"""

from datetime import datetime

from stats_assets.database.connection import Connection
from stats_assets.feeds.limits import ASKED_MOST, QUIET, QUIET_MOST
from stats_assets.streams import Followed

PAUSE_FIRST, PAUSE_MOST = 15.0, 300.0  # seconds


def pause(
    connection: Connection,
    stream: Followed,
    reason: str,
    retry_after: float | None,
    began: datetime | None = None,
) -> datetime:
    """No runs for a while, longer each time up to 5 minutes, or as long as the feed asks. reason: who failed, how.

    began: when the run that failed began. A run that began before the last pause has met the same outage: that is no
    further pause, and this one lasts longer only where the feed asks for that.
    """
    row = connection.execute(
        """
        INSERT INTO streams AS s (stream, pauses, pause_reason, paused_at, paused_until)
        VALUES (%(stream)s, 1, %(reason)s, now(), now() + make_interval(secs => greatest(%(first)s, %(asked)s)))
        ON CONFLICT (stream) DO UPDATE SET
            (pauses, pause_reason, paused_at, paused_until) = (
                SELECT CASE WHEN same THEN greatest(s.pauses, 1) ELSE s.pauses + 1 END,
                    CASE WHEN same AND s.paused_until >= until THEN s.pause_reason ELSE excluded.pause_reason END,
                    CASE WHEN same THEN s.paused_at ELSE now() END,
                    CASE WHEN same THEN greatest(s.paused_until, until) ELSE until END
                FROM (SELECT coalesce(s.paused_at >= %(began)s::timestamptz, false) AS same) AS a,
                    LATERAL (SELECT now() + make_interval(secs => CASE
                        WHEN same AND s.paused_until > now() THEN %(asked)s
                        WHEN same THEN greatest(%(first)s, %(asked)s)
                        ELSE greatest(least(%(first)s * 2 ^ least(s.pauses, 10), %(most)s), %(asked)s)
                    END) AS until) AS b
            )
        RETURNING paused_until
        """,
        {
            "stream": stream,
            "reason": reason[:2000],
            "first": PAUSE_FIRST,
            "most": PAUSE_MOST,
            "asked": min(retry_after or 0.0, ASKED_MOST),
            "began": began,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - an upsert returns its row
    until: datetime = row[0]
    return until


def be_quiet(connection: Connection, stream: Followed, seconds: float, reason: str) -> None:
    """Nobody of the stream asks the feed for so long, and twice as long with each further refusal in a row.

    So a feed that bans us and names no end is asked ever more rarely. A quiet that lasts longer already is not
    shortened, and a refusal while it lasts is of an earlier question: no further one. It counts from now, however long
    ago the connection's transaction began.
    """
    connection.execute(
        """
        INSERT INTO streams AS s (stream, quiet_until, quiet_reason, refusals)
        VALUES (%(stream)s, clock_timestamp() + make_interval(secs => greatest(%(first)s, %(seconds)s)),
            %(reason)s, 1)
        ON CONFLICT (stream) DO UPDATE SET (quiet_until, quiet_reason, refusals) = (
            SELECT greatest(s.quiet_until, until),
                CASE WHEN s.quiet_until >= until THEN s.quiet_reason ELSE excluded.quiet_reason END,
                CASE WHEN held THEN s.refusals ELSE s.refusals + 1 END
            FROM (SELECT coalesce(s.quiet_until > clock_timestamp(), false) AS held) AS a,
                LATERAL (SELECT greatest(excluded.quiet_until, CASE WHEN NOT held THEN clock_timestamp() +
                    make_interval(secs => least(%(first)s * 2 ^ least(s.refusals, 10), %(most)s)) END) AS until) AS b
        )
        """,
        {
            "stream": stream,
            "seconds": min(seconds, ASKED_MOST),
            "reason": reason[:2000],
            "first": QUIET,
            "most": QUIET_MOST,
        },
    )


def rest(connection: Connection, stream: Followed, seconds: float, reason: str) -> None:
    """Nobody of the stream asks the feed for so long, as it says when it will answer again; it refused nothing."""
    connection.execute(
        """
        INSERT INTO streams AS s (stream, quiet_until, quiet_reason)
        VALUES (%s, clock_timestamp() + make_interval(secs => %s), %s)
        ON CONFLICT (stream) DO UPDATE SET quiet_until = greatest(s.quiet_until, excluded.quiet_until),
            quiet_reason = CASE WHEN s.quiet_until >= excluded.quiet_until THEN s.quiet_reason
                ELSE excluded.quiet_reason END
        """,
        (stream, min(seconds, ASKED_MOST), reason[:2000]),
    )


def not_refused(connection: Connection, stream: Followed) -> None:
    """The feed answered well again."""
    connection.execute("UPDATE streams SET refusals = 0 WHERE stream = %s AND refusals > 0", (stream,))


def quiet(connection: Connection, stream: Followed) -> tuple[float, str] | None:
    """For how many more seconds the feed wants quiet, and why; None: it may be asked."""
    row = connection.execute(
        "SELECT extract(epoch FROM quiet_until - clock_timestamp())::float8, coalesce(quiet_reason, '') FROM streams"
        " WHERE stream = %s AND quiet_until > clock_timestamp()",
        (stream,),
    ).fetchone()
    return None if row is None else (row[0], row[1])


def in_a_row(connection: Connection, stream: Followed) -> int:
    """How many pauses in a row failures have brought."""
    row = connection.execute("SELECT pauses FROM streams WHERE stream = %s", (stream,)).fetchone()
    return int(row[0]) if row else 0


def unpause(connection: Connection, stream: Followed) -> None:
    """A sequence was committed again."""
    connection.execute(
        "UPDATE streams SET pauses = 0, paused_until = NULL, pause_reason = NULL WHERE stream = %s AND pauses > 0",
        (stream,),
    )
