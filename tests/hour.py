"""Streams driven as the daemon and its runs do, in time that passes when told: a helper of tests, not a test.

The feed, the database and what sleeps share one clock, so that an hour takes seconds. Ticks are the sensors' own; the
runs they ask for are done in this thread.
"""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from importlib import import_module
from io import BytesIO
from itertools import pairwise
from pkgutil import iter_modules
from typing import Any

import psycopg
import pytest
from dagster import DagsterInstance, RunRequest, SensorResult, build_sensor_context

from stats_assets import feeds
from stats_assets.database.connection import Connection, connect
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.definitions import defs
from stats_assets.demo.answers.overpass_ways import Answered
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.truth.truth import truth
from stats_assets.feeds.sequences import covers
from stats_assets.ingest.diff_making import make
from stats_assets.ingest.diff_making_tick import decide
from stats_assets.ingest.mode import LATE, LIVE
from stats_assets.ingest.osmchange_head import attend
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import Report
from stats_assets.orchestration.current_system import current_stats
from stats_assets.settings import Settings
from stats_assets.streams import Stream
from tests.truth import differences, statistics_of

REPOSITORY = defs.get_repository_def()
DIFFS: Stream = "augmented_diffs"
DAY = 86_400
DUPLICATE_WINDOW, DUPLICATES = 180, 3  # a genuine server refuses the fourth
MOST_A_DAY = 5000

CLOCK = """
CREATE TABLE invented_time (at timestamptz NOT NULL);
GRANT SELECT ON invented_time TO PUBLIC;
INSERT INTO invented_time VALUES (now());
CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM public.invented_time';
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT at FROM public.invented_time';
DO $$
DECLARE d record;
BEGIN
    FOR d IN SELECT format('ALTER TABLE %s ALTER %I SET DEFAULT public.now()', adrelid::regclass, attname) AS change
        FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
        WHERE pg_get_expr(adbin, adrelid) IN ('now()', 'clock_timestamp()')
    LOOP EXECUTE d.change; END LOOP;
    EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
END $$
"""
"""What is found before PostgreSQL's own functions, by all later connections to the database."""


def _now_is(time: Callable[[], datetime]) -> type[datetime]:
    class Invented(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return time().astimezone(tz)

    return Invented


@dataclass
class Hour:
    """`instance`, `cursors`: Dagster's. poll: seconds from tick to tick. streams: whose sensors are on. others: feeds
    for which time passes, too.
    """

    feed: DemoFeed
    url: str
    instance: DagsterInstance
    poll: float = 15.0
    streams: tuple[Stream, ...] = (DIFFS,)
    cursors: dict[Stream, str | None] = field(default_factory=dict)
    others: tuple[DemoFeed, ...] = ()
    troubles: list[str] = field(default_factory=list)
    """Why runs of the maker of augmented diffs could not go on."""

    def pass_time(self, seconds: float) -> None:
        """For the feed and the database. From a thread that is no test's, as a heart's, real time passes instead."""
        if threading.current_thread() is not threading.main_thread():
            threading.Event().wait(seconds)
            return
        for feed in (self.feed, *self.others):
            feed.pass_time(seconds)
        self._set_clock()

    def _set_clock(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("UPDATE invented_time SET at = %s", (self.feed.time,))

    def tick(self, stream: Stream) -> SensorResult:
        context = build_sensor_context(
            instance=self.instance, cursor=self.cursors.get(stream), repository_def=REPOSITORY
        )
        result = REPOSITORY.get_sensor_def(f"{stream}_stream")(context)
        assert isinstance(result, SensorResult)
        self.cursors[stream] = result.cursor
        return result

    def carry_out(self, stream: Stream, request: RunRequest) -> Report:
        (op,) = request.run_config["ops"].values()
        start, end, late = (op["config"][name] for name in ("start", "end", "late"))
        stats = current_stats()
        mode = LATE if late else LIVE
        return run_range(stats.work(stream), stats.url, f"run-{uuid.uuid4()}", start, end, mode)

    def go_on(self, minutes: float) -> None:
        """Ticks and runs as they come, for so long."""
        end = self.feed.time + timedelta(minutes=minutes)
        while self.feed.time < end:
            self._follow()
            self.pass_time(self.poll)

    def catch_up(self) -> None:
        """What is there is done, and the cursors have seen it."""
        for _ in range(2):
            self._follow()

    def _follow(self) -> None:
        stats = current_stats()
        if (work := stats.making_work()) is not None:  # the maker's sensor is on where it has a feed
            with connect(self.url) as connection:
                row = attend(connection, work.feeds).row
            several = len(work.feeds) > 1
            if not several or decide(row, at_work=False, can_begin=True, several=True).run:
                done = make(work, stats.url, f"run-{uuid.uuid4()}")
                self.troubles += [done.trouble] if done.trouble else []
        for stream in self.streams:
            for request in self.tick(stream).run_requests or ():
                self.carry_out(stream, request)

    def settle(self, connection: Connection, last: int, minutes: int) -> None:
        """On, until nothing to `last` is to be read again, for so many minutes at most."""
        for _ in range(minutes):
            self.go_on(1)
            row = connection.execute(
                "SELECT count(*) FROM ledger WHERE stream = %s AND sequence <= %s AND settled_at IS NOT NULL",
                (DIFFS, last),
            ).fetchone()
            if row == (last - self.feed.world.first + 1,) and int(self.cursors[DIFFS] or 0) > last:
                return
        raise AssertionError(
            f"Not settled after {minutes} minutes more. {self.wrong(connection, last)}. {self.requests()}"
        )

    # What became of it

    def wrong(self, connection: Connection, last: int) -> dict[int, str]:
        """The minutes to `last` whose counted body is not the server's last one, and what they are instead."""
        read, found = current_stats().reader(DIFFS).read, {}
        rows = connection.execute(
            "SELECT sequence, result, content_hash, actions, osm_base, settled_at, flagged FROM ledger"
            " WHERE stream = %s",
            (DIFFS,),
        ).fetchall()
        known = {row[0]: row[1:] for row in rows}
        for sequence in range(self.feed.world.first, last + 1):
            final = read(BytesIO(self.feed.overpass.final(sequence)), covers(sequence).until)
            result, content, actions, base, settled, flagged = known.get(sequence, ("none", *[None] * 5))
            if (result, content) != ("committed", final.content_hash):
                found[sequence] = (
                    f"{result}, {actions} actions of {final.actions}, osm_base {base}, settled {settled}, {flagged}"
                )
        return found

    def differences(self, connection: Connection, changesets: int) -> list[str]:
        """What differs from the truth with these changeset files."""
        apply_queue(connection)
        row = connection.execute(
            "SELECT max(sequence) FROM ledger WHERE stream = %s AND result = 'committed'", (DIFFS,)
        ).fetchone()
        assert row is not None
        expected = truth(self.feed.world, augmented_diffs=row[0], changesets=changesets)
        return differences(expected, statistics_of(connection))

    def out_of_time(self, connection: Connection) -> dict[str, datetime]:
        """Columns with a time that is far beyond the invented one: some clock is none of the hour's."""
        columns = connection.execute(
            "SELECT format('%I', table_name), format('%I', column_name) FROM information_schema.columns JOIN"
            " information_schema.tables USING (table_schema, table_name) WHERE table_schema = 'public'"
            " AND table_type = 'BASE TABLE' AND data_type = 'timestamp with time zone' AND table_name <> 'migrations'"
        ).fetchall()
        beyond, found = self.feed.time + timedelta(days=1), {}
        for table, column in columns:
            row = connection.execute(f"SELECT max({column}) FROM {table}".encode()).fetchone()  # noqa: S608
            if row is not None and row[0] is not None and row[0] > beyond:
                found[f"{table}.{column}"] = row[0]
        return found

    def asked(self) -> Counter[Answered]:
        """Requests by what they came to."""
        return Counter(asked.answered for asked in self.feed.overpass.asked)

    def requests(self) -> str:
        """Requests an hour and a day, as a person reads it."""
        number, heads = len(self.feed.overpass.asked), self.heads()
        return (
            f"{number} requests ({heads} heads, {number - heads} bodies), {self.most_an_hour()} within an hour at most,"
            f" {self.a_day():.0f} a day; they came to {dict(self.asked())}"
        )

    def heads(self) -> int:
        """How often the head was asked for."""
        return sum(one.sequence is None for one in self.feed.overpass.asked)

    def most_an_hour(self) -> int:
        """The most requests within an hour of the clock, as the database counts them, too."""
        return max(Counter(f"{one.at:%d. %H}" for one in self.feed.overpass.asked).values(), default=0)

    def a_day(self) -> float:
        """Requests a day, by all since the first."""
        asked = self.feed.overpass.asked
        return len(asked) * DAY / max(1.0, (self.feed.time - asked[0].at).total_seconds())

    def too_often(self) -> dict[int, int]:
        """Ids that were asked for more often within the window than a genuine server puts up with."""
        times: dict[int, list[datetime]] = {}
        for one in self.feed.overpass.asked:
            if one.sequence is not None:
                times.setdefault(one.sequence, []).append(one.at)
        window = timedelta(seconds=DUPLICATE_WINDOW)
        most = {n: max(sum(at <= t < at + window for t in each) for at in each) for n, each in times.items()}
        return {n: number for n, number in most.items() if number > DUPLICATES}

    def closest(self) -> float:
        """Seconds between the two closest requests for bodies."""
        bodies = [one.at for one in self.feed.overpass.asked if one.sequence is not None]
        return min(((b - a).total_seconds() for a, b in pairwise(bodies)), default=0.0)


@contextmanager
def beginning(
    feed: DemoFeed, url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, **how: Any
) -> Iterator[Hour]:
    """An hour on a database of its own; the settings are the environment's meanwhile."""
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is not None:
            monkeypatch.setenv(name.upper(), str(value))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CLOCK.encode())
    for found in iter_modules(feeds.__path__):
        module = import_module(f"stats_assets.feeds.{found.name}")
        if hasattr(module, "datetime"):
            monkeypatch.setattr(module, "datetime", _now_is(lambda: feed.time))
    with DagsterInstance.ephemeral() as instance:
        hour = Hour(feed, url, instance, **how)
        hour.pass_time(0)
        monkeypatch.setattr(time, "sleep", hour.pass_time)
        yield hour
