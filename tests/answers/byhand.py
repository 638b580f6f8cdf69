"""Facts made by hand, minute by minute, and all that stands beside them in the ledger: a helper of tests."""

from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from stats_assets.database.connection import Connection
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.statistics.applier import apply_queue, save_countries
from stats_assets.feeds.sequences import covers, sequence_of
from stats_assets.web.serving import Serving
from tests.answers.asking import Asked

FIRST = 6_543_200
"""Of the minute (04:15, 04:16] on 2025-02-20."""


def at(time: str) -> datetime:
    """A time of that day, in UTC, or a whole one."""
    return datetime.fromisoformat(f"{time if 'T' in time else f'2025-02-20T{time}'}Z")


class Byhand:
    """A database of one's own. Times are texts: `14:00`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        make_partitions(connection, FIRST, FIRST)
        save_countries(connection, {"KEN": "Kenya", "UGA": "Uganda"})

    def upload(
        self, time: str, changeset: int, user: int | None = 1, regions: tuple[str, ...] = (), **counts: int
    ) -> None:
        """What was uploaded of a changeset then, to the second."""
        when = at(time)
        sequence = sequence_of(when)
        numbers = counts or {"buildings_added": 1}
        self.connection.execute(
            "INSERT INTO changeset_edits VALUES (%s, %s, %s, %s, %s, %s, '{}')",
            (sequence, changeset, user, when, sum(numbers.values()), Jsonb(numbers)),
        )
        for region in regions:
            self.connection.execute(
                "INSERT INTO changeset_edits_countries VALUES (%s, %s, %s, %s, %s, '{}')",
                (sequence, changeset, region, sum(numbers.values()), Jsonb(numbers)),
            )
        if user is not None:
            self.connection.execute(
                "INSERT INTO users (id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (user, f"mapper-{user}"),
            )
        self.connection.execute(
            "INSERT INTO statistics_queue (changeset_id, sequence) VALUES (%s, %s)", (changeset, sequence)
        )

    def told(
        self, changeset: int, *hashtags: str, closed: str | None = None, editor: str | None = "JOSM/1.5"
    ) -> None:
        """What the changeset feed says."""
        self.connection.execute(
            "INSERT INTO changeset_metadata (changeset_id, sequence, created_at, closed_at, closed_sequence, open,"
            " editor, hashtags) VALUES (%(id)s, 1, %(created)s, %(closed)s, 1, false, %(editor)s, %(tags)s)"
            " ON CONFLICT (changeset_id) DO UPDATE SET closed_at = excluded.closed_at, hashtags = excluded.hashtags",
            {
                "id": changeset,
                "created": at("04:15:30"),
                "closed": closed and at(closed),
                "editor": editor,
                "tags": list(hashtags),
            },
        )
        self.connection.execute("INSERT INTO statistics_queue (changeset_id) VALUES (%s)", (changeset,))

    def counted(
        self, since: str, until: str, *, now: str | None = None, settled: bool = False, **columns: Any
    ) -> None:
        """The ledger's minutes (since, until] are committed, and the feed's clock shows `now`."""
        first, last = sequence_of(at(since)) + 1, sequence_of(at(until))
        names = "".join(f", {name}" for name in columns)
        self.connection.execute(
            f"INSERT INTO ledger (stream, sequence, result, epoch, definitions, settled_at{names})"  # noqa: S608
            f" SELECT 'augmented_diffs', s, 'committed', 0, 'here', CASE WHEN %s THEN now() END"
            f" {', %s' * len(columns)} FROM generate_series(%s::int, %s::int) AS s".encode(),
            (settled, *columns.values(), first, last),
        )
        self.connection.execute(
            "INSERT INTO ledger_blocks (stream, block, done)"
            " SELECT stream, sequence - sequence % 100, count(*) FROM ledger GROUP BY 1, 2"
            " ON CONFLICT (stream, block) DO UPDATE SET done = excluded.done"
        )
        self.connection.execute(
            "INSERT INTO streams (stream, origin, checkpoint) VALUES ('augmented_diffs', %s, %s)"
            " ON CONFLICT (stream) DO UPDATE SET checkpoint = excluded.checkpoint",
            (FIRST, last),
        )
        self.clock(now or until)

    def clock(self, now: str) -> None:
        """It is so late by the feed; its head is there, too."""
        self.connection.execute(
            "INSERT INTO heads (stream, head, feed_time, moved_at) VALUES ('augmented_diffs', %s, %s, now())"
            " ON CONFLICT (stream) DO UPDATE SET head = excluded.head, feed_time = excluded.feed_time,"
            " moved_at = excluded.moved_at",
            (sequence_of(at(now)), at(now) + timedelta(seconds=1)),
        )

    def apply(self) -> None:
        apply_queue(self.connection)

    def asked(self, pool: ConnectionPool[Any], settings: Any) -> Asked:
        return Asked(Serving(settings, pool), self.connection, FIRST, FIRST)


def minute(sequence: int) -> str:
    """When it begins."""
    return f"{covers(sequence).since:%H:%M}"
