"""What is written, and where it stays: python -m benchmarks.writing

Minutes of 60 changesets through the system's own functions (facts, metadata, ledger, ticks, statistics) on a synthetic
history: per table the updates, how many of them HOT, its growth, and write-ahead log in all; the same for what changes
nothing, with a transaction left open; and how fast a batch of 2,000 changed changesets is, beside a COPY of their rows
into an empty table, by the processor's time. Not here: assertions; the tests have a smoke of it.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import set_json_loads

from benchmarks.aggregates import HALF, History, filled_history, say, seconds
from benchmarks.figures import Figure
from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import save_facts
from stats_assets.database.ledger import asked, heads, leases, stream_rows
from stats_assets.database.ledger.commit import commit
from stats_assets.database.ledger.ledger import take
from stats_assets.database.ledger.worth import Counted
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.osm.changesets import Changeset, ChangesetFile
from stats_assets.osm.document import Envelope
from stats_assets.osm.statistics import ChangesetStatistics, DiffStatistics, RegionStatistics
from stats_assets.streams import Stream

TICKS = 6  # of each stream, a minute
MENTIONS = 10  # a minute: changesets that somebody has commented on
LATELY = 60  # minutes: what is edited again, closed or mentioned is of the last hour
BATCH = 2_000  # changesets of a catch-up's batch
COPIES = 10  # of the anchor: the processor's time is counted in hundredths
A_DAY = 24 * 60
ENVELOPE = Envelope("osm", None, (), True, None)
TABLES = """
SELECT s.relname, n_tup_ins, n_tup_upd, n_tup_hot_upd, n_tup_del, pg_total_relation_size(relid)
FROM pg_stat_user_tables AS s WHERE schemaname = 'public' ORDER BY 1
"""
CATALOG = """
SELECT 'system catalog', sum(n_tup_ins)::bigint, sum(n_tup_upd)::bigint, sum(n_tup_hot_upd)::bigint,
    sum(n_tup_del)::bigint, sum(pg_total_relation_size(relid))::bigint
FROM pg_stat_sys_tables WHERE schemaname = 'pg_catalog'
"""


class Table(NamedTuple):
    """What a table has seen, or what of it came within a while: rows, and bytes with its indexes."""

    inserted: int = 0
    updated: int = 0
    hot: int = 0
    deleted: int = 0
    size: int = 0

    @property
    def rows(self) -> int:
        return self.inserted + self.updated + self.deleted


@dataclass
class Written:
    """What was written within a while."""

    wal: int = 0
    tables: dict[str, Table] = field(default_factory=dict)

    @property
    def total(self) -> Table:
        return Table(*map(sum, zip(*self.tables.values(), strict=True))) if self.tables else Table()


@contextmanager
def watched(history: History) -> Iterator[Written]:
    """What is written inside."""
    found = Written()
    before, at = _counted(history)
    yield found
    after, until = _counted(history)
    found.wal = until - at
    for name, now in after.items():
        then = before.get(name, Table())
        found.tables[name] = Table(*(a - b for a, b in zip(now, then, strict=True)))


def _counted(history: History) -> tuple[dict[str, Table], int]:
    history.connection.execute("SELECT pg_stat_force_next_flush()")  # else it tells of its rows once a second
    history.connection.execute("SELECT 1")
    with psycopg.connect(history.url, autocommit=True) as connection:
        rows = [*connection.execute(TABLES.encode()), *connection.execute(CATALOG.encode())]
        wal = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
    assert wal is not None
    parts: dict[str, Table] = {}
    for name, *numbers in rows:
        whole = name.rstrip("0123456789").rstrip("_")  # of a partition its table
        parts[whole] = Table(*(a + b for a, b in zip(parts.get(whole, Table()), numbers, strict=True)))
    return parts, int(wal[0])


class Facts(NamedTuple):
    """What a sequence writes."""

    sequence: int
    content: DiffStatistics | ChangesetFile

    def canonical(self) -> str:
        return "canonical"

    def keep_replaced(self) -> None:
        """No archive is here."""

    def facts(self, connection: Connection) -> None:
        if isinstance(self.content, DiffStatistics):
            save_facts(connection, self.sequence, self.content)
        else:
            save_changesets(connection, self.sequence, self.content)


class Minutes:
    """Minutes that follow a history, as runs and ticks write them."""

    def __init__(self, history: History, start: int = 0) -> None:
        self.history, self.number, self.random = history, start, random.Random(history.size)  # noqa: S311
        self.connection = history.connection
        set_json_loads(exact, self.connection)
        self.first = history.size // 60 + 50_000
        self.files = history.size // 60 + 50_000
        self.told: dict[Stream, list[Facts]] = {"augmented_diffs": [], "changesets": []}

    def drawn(self, ids: Sequence[int], again: int) -> list[Any]:
        given = {"ids": list(ids), "size": self.history.size, "again": again}
        return self.connection.execute("SELECT * FROM drawn(%(ids)s, %(size)s, %(again)s)", given).fetchall()

    def minute(self) -> None:
        """60 changesets, half of them new; metadata of them, and mentions; ticks; the statistics."""
        n, size = self.number, self.history.size
        self.number += 1
        new = range(size + n * HALF + 1, size + (n + 1) * HALF + 1)
        back = max(0, size // HALF + n - 1 - self.random.randrange(LATELY)) * HALF
        old = range(back + 1, back + HALF + 1)
        rows, more = self.drawn(new, 0), self.drawn(old, 1 + n % 5)
        edits = [statistics(row) for row in (*rows, *more)]
        self.counted("augmented_diffs", Facts(self.first + n, diff(edits)))
        mentioned = self.random.sample(range(max(1, size - 60 * HALF), size), MENTIONS)
        told = [
            *(metadata(row, closed=False) for row in rows),
            *(metadata(row, closed=True) for row in more),
            *(metadata(row, closed=True) for row in self.drawn(mentioned, 0)),
        ]
        self.counted("changesets", Facts(self.files + n, file(told)))
        for _ in range(TICKS):
            self.tick()
        apply_queue(self.connection)

    def counted(self, stream: Stream, facts: Facts, run: str = "run") -> None:
        """As a run of one sequence does it."""
        run_id, connection = f"{run} {stream} {facts.sequence}", self.connection
        self.told[stream] = [*self.told[stream][-100:], facts]
        with leases.lease(
            connection, self.history.url, run_id, stream, facts.sequence, facts.sequence, stale=60
        ):
            (taken,) = take(connection, run_id, stream, [facts.sequence])
            asked.count(connection, stream, "body", size=1_000_000)
            body = Counted(f"{stream} {facts.sequence}", 60, datetime.now(UTC), "definitions", settled=True)
            commit(connection, run_id, stream, taken, body, facts, by_hand=run != "run")
        leases.end_lease(connection, run_id)

    def tick(self) -> None:
        """What a tick of each stream writes down."""
        firsts: dict[Stream, int] = {"augmented_diffs": self.first, "changesets": self.files}
        for stream, first in firsts.items():
            done = first + self.number - 1
            asked.count(self.connection, stream, "head")
            heads.saw(self.connection, stream, done, datetime.now(UTC))
            with stream_rows.driving(self.connection, stream, "benchmark"):
                stream_rows.save_checkpoint(self.connection, stream, done)
                stream_rows.save_shown(self.connection, stream, done)

    def again(self) -> None:
        """The last minutes counted again, by hand, and told again: nothing is new."""
        for stream in self.told:
            for facts in list(self.told[stream])[-10:]:
                self.counted(stream, facts, run="again")
        apply_queue(self.connection)

    def mention(self) -> None:
        """A changeset file that tells what is known already, under a higher number."""
        last = self.told["changesets"][-1]
        self.files += 1
        self.counted("changesets", Facts(self.files + self.number, last.content))
        apply_queue(self.connection)

    def catch_up(self, many: int) -> list[int]:
        """Facts and metadata of so many changesets, half of them new, as the queue of a catch-up holds them."""
        n, size, ids = self.number, self.history.size, []
        for _ in range(many // 60):
            new = range(size + n * HALF + 1, size + (n + 1) * HALF + 1)
            back = self.random.randrange(size // HALF) * HALF
            rows, more = self.drawn(new, 0), self.drawn(range(back + 1, back + HALF + 1), 1 + n % 5)
            self.counted(
                "augmented_diffs", Facts(self.first + n, diff([statistics(r) for r in (*rows, *more)]))
            )
            self.counted("changesets", Facts(self.files + n, file([metadata(r, closed=True) for r in rows])))
            ids += [row[0] for row in (*rows, *more)]
            n += 1
        self.number = n
        return sorted(set(ids))


def exact(text: str | bytes) -> Any:
    return json.loads(text, parse_float=Decimal)


def statistics(row: Sequence[Any]) -> ChangesetStatistics:
    number, _, user, at, _, counts, measures, _, regions, _ = row
    edits = sum(counts.values())
    parts = {code: RegionStatistics(edits, counts, measures) for code in regions}
    return ChangesetStatistics(number, user, f"user {user}", at, counts, measures, parts, 0, at)


def metadata(row: Sequence[Any], *, closed: bool) -> Changeset:
    number, _, user, at, _, _, _, hashtags, _, editor = row
    box = (None, None, None, None)
    return Changeset(
        *(number, at, at if closed else None, not closed, 1, user, f"user {user}", *box, 0, editor, None),
        tuple(hashtags),
    )


def diff(edits: Sequence[ChangesetStatistics]) -> DiffStatistics:
    unique = {one.changeset: one for one in edits}
    return DiffStatistics(ENVELOPE, 1, len(unique), "", tuple(unique.values()), (), {}, 0)


def file(told: Sequence[Changeset]) -> ChangesetFile:
    unique = {one.id: one for one in told}
    newest = max(one.created_at for one in unique.values() if one.created_at)
    return ChangesetFile(ENVELOPE, tuple(unique.values()), newest, "", 0)


def spent(connection: Connection, work: Callable[[], object]) -> float:
    """Seconds of the processor, the server's and ours, that are another program's least of all."""

    def now() -> float:
        fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + time.process_time()

    began = now()
    work()
    return now() - began


def times(number: int, work: Callable[[], object]) -> Callable[[], None]:
    """The work, so often."""

    def all_of_it() -> None:
        for _ in range(number):
            work()

    return all_of_it


def copied(history: History, ids: Sequence[int]) -> float:
    """Seconds of the processor for a COPY of the changesets' rows into an empty table: the anchor."""
    columns = (
        "id, measurements, counts, total_edits, editor, user_id, created_at, closed_at, augmented_diffs, updated_at,"
        " comment, min_lon, min_lat, max_lon, max_lat, comments_count, num_changes, open, edited_at"
    )
    connection = history.connection
    connection.execute("DROP TABLE IF EXISTS copied; CREATE TABLE copied (LIKE changesets)")
    query = (
        f"COPY (SELECT {columns} FROM changesets WHERE id = ANY ('{{{','.join(map(str, ids))}}}')) TO STDOUT"  # noqa: S608
    )
    with connection.cursor() as cursor:
        with cursor.copy(query.encode()) as out:
            rows = b"".join(bytes(part) for part in out)

        def write() -> None:
            cursor.execute("TRUNCATE copied")
            with cursor.copy(f"COPY copied ({columns}) FROM STDIN".encode()) as into:
                into.write(rows)

        return spent(connection, times(COPIES, write)) / COPIES


class CatchUp(NamedTuple):
    """Seconds of the processor for a batch, and for its anchor, of so many changesets."""

    changesets: int
    batch: float
    copy: float


def catch_up(minutes: Minutes, many: int) -> CatchUp:
    ids = minutes.catch_up(many)
    took = spent(minutes.connection, lambda: apply_queue(minutes.connection))
    return CatchUp(len(ids), took, copied(minutes.history, ids))


def table(written: Written, minutes: int) -> Iterator[str]:
    """Lines of a table that a person can put into a document."""
    yield "| table | inserted | updated | HOT | deleted | growth a day, MB |"
    yield "|---|---:|---:|---:|---:|---:|"
    for name, one in [*sorted(written.tables.items()), ("**all**", written.total)]:
        if one.rows or one.size:
            hot = f"{100 * one.hot / one.updated:.0f} %" if one.updated else ""
            growth = one.size / minutes * A_DAY / 1e6
            yield f"| {name} | {one.inserted:,} | {one.updated:,} | {hot} | {one.deleted:,} | {growth:.1f} |"


def report(title: str, minutes: int, work: Callable[[], object], history: History) -> Written:
    with watched(history) as written:
        work()
    say(
        f"\n{title}: {written.wal / minutes / 1e6:.2f} MB of write-ahead log each, "
        f"{written.wal / minutes * A_DAY / 1e9:.2f} GB a day\n"
    )
    for line in table(written, minutes):
        say(line)
    return written


def figures(*, small: bool) -> list[Figure]:
    """F10, and what a minute of 60 changesets writes: stated, as it depends on what is edited."""
    with filled_history(1_500 if small else 100_000) as history:
        minutes = 3 if small else 200
        found = run(history, minutes, *((1, 100) if small else (3, BATCH)))
    written = found["minutes"]
    caught = found["catch_up"]
    assert isinstance(written, Written)
    assert isinstance(caught, list)
    what = (
        f"statistics of {caught[0].changesets:,} changed changesets in one batch, a second of the processor"
    )
    ours, anchor = (median(getattr(one, part) for one in caught) for part in ("batch", "copy"))
    rates = [caught[0].changesets / seconds_ for seconds_ in (ours, anchor)]
    a_day, growth = written.wal / minutes * A_DAY / 1e9, written.total.size / minutes * A_DAY / 1e9
    return [
        Figure("F10", what, "changesets/s", rates[0], "by COPY into an empty table", rates[1], least=2000),
        Figure("F10", "60 changesets a minute: write-ahead log a day", "GB", a_day),
        Figure("F10", "60 changesets a minute: growth of all tables a day", "GB", growth),
        Figure(
            "F10",
            "of the rows that are updated, HOT",
            "%",
            100 * written.total.hot / max(1, written.total.updated),
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, write, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=100_000, help="changesets of the history (100000)")
    parser.add_argument("--minutes", type=int, default=200, help="minutes of 60 changesets (200)")
    parser.add_argument("--batches", type=int, default=3, help=f"of {BATCH} changesets (3)")
    given = parser.parse_args(arguments)
    with filled_history(given.size) as history:
        run(history, given.minutes, given.batches)


def run(
    history: History, number: int, batches: int, batch: int = BATCH
) -> dict[str, Written | list[CatchUp]]:
    """All parts, on a history that is filled."""
    minutes = Minutes(history)
    for _ in range(3):  # they fill the caches
        minutes.minute()
    took: list[float] = []
    found: dict[str, Written | list[CatchUp]] = {}
    found["minutes"] = report(
        f"{number} minutes of 60 changesets",
        number,
        lambda: took.extend(seconds(minutes.minute) for _ in range(number)),
        history,
    )
    say(f"\na minute of all that took {median(took) * 1000:.0f} ms (median)")
    found["again"] = report("10 minutes counted again, nothing is new", 10, minutes.again, history)
    found["mentions"] = report("mentions that change nothing", 1, minutes.mention, history)
    with connect(history.url) as open_:
        open_.execute("SET idle_in_transaction_session_timeout = 0")
        open_.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        found["open"] = report(
            "10 minutes counted again three times, a transaction left open",
            30,
            times(3, minutes.again),
            history,
        )
        open_.execute("ROLLBACK")
    found["catch_up"] = caught = [catch_up(minutes, batch) for _ in range(batches)]
    say(
        "\n| changesets in a batch | a second of the processor | by COPY into an empty table | ratio |"
        "\n|---:|---:|---:|---:|"
    )
    for one in caught:
        say(
            f"| {one.changesets:,} | {one.changesets / one.batch:,.0f} | {one.changesets / one.copy:,.0f}"
            f" | {one.copy / one.batch:.3f} |"
        )
    return found


if __name__ == "__main__":
    main()
