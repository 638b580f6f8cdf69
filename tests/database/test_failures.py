"""Whose failure is it? A table of SQLSTATEs, each raised by a real server while a sequence is written, or elsewhere."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import cycle, product
from typing import Any

import psycopg
import pytest
from dagster import DagsterExecutionInterruptedError, DagsterInstance

from stats_assets.database import connection as connections
from stats_assets.database.connection import Connection, DatabaseUnreachable, connect
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.failures import HINTS, DatabaseFailed, is_sequences, sentence
from stats_assets.database.ledger import ledger
from stats_assets.database.ledger.stream_rows import stream_of
from stats_assets.database.statistics.applier import apply_queue, queued
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest import run as running
from stats_assets.ingest.fetch import StreamWork
from stats_assets.ingest.mode import BY_HAND
from stats_assets.ingest.parse import Reader
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import Report
from stats_assets.orchestration.assets.statistics import statistics
from stats_assets.streams import Stream
from stats_assets.system import Stats
from tests.conftest import Run, other_database
from tests.telling import telling

DIFFS: Stream = "augmented_diffs"
RAISES = """
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{code}'; END $$;
CREATE OR REPLACE TRIGGER refuse BEFORE {when} EXECUTE FUNCTION refuse()
"""
OF_THE_DATA = ("22000", "22003", "22001", "22P02", "22P05", "22021", "22030", "2200M", "22012", "22999")
THE_DATABASE = (
    *(
        "01000",
        "08006",
        "0A000",
        "0B000",
        "21000",
        "23000",
        "23502",
        "23503",
        "23505",
        "23514",
        "23P01",
        "24000",
    ),
    *(
        "25001",
        "25006",
        "25P02",
        "27000",
        "28000",
        "28P01",
        "2BP01",
        "34000",
        "38000",
        "39000",
        "3D000",
        "3F000",
    ),
    *(
        "40001",
        "40P01",
        "42501",
        "42601",
        "42703",
        "42804",
        "42883",
        "42P01",
        "42P17",
        "44000",
        "53000",
        "53100",
    ),
    *(
        "53200",
        "53300",
        "53400",
        "54000",
        "54001",
        "54011",
        "55000",
        "55006",
        "55P03",
        "57000",
        "57014",
        "57P01",
    ),
    *(
        "57P03",
        "58000",
        "58030",
        "58P01",
        "72000",
        "F0000",
        "HV000",
        "P0001",
        "P0002",
        "P0004",
        "XX000",
        "XX001",
    ),
    *("XX002", "ZZ999"),
)


@pytest.fixture
def minutes() -> int:
    return 3


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "RETRIES", 2)
    monkeypatch.setattr(running, "GIVE_BACK_SECONDS", 0.0)


@pytest.fixture
def go(feed: DemoFeed, world: World, stats: Stats) -> Callable[..., Report]:
    def run(work: StreamWork | None = None, url: str = "", last: int | None = None, **how: Any) -> Report:
        given = work or stats.work(DIFFS)
        return run_range(
            given, url or stats.url, f"run {uuid.uuid4()}", world.first, last or feed.head, **how
        )

    return run


def state(connection: Connection, feed: DemoFeed, world: World) -> list[tuple[str, str, int]]:
    rows = ledger.rows(connection, DIFFS, range(world.first, feed.head + 1))
    return [(row.result, row.work, row.attempts) for row in rows]


UNTOUCHED = [("none", "idle", 0)] * 3
COMMITTED = [("committed", "idle", 0)] * 3


def paused(connection: Connection) -> str:
    """Why the stream pauses, if it does."""
    row = stream_of(connection, DIFFS)
    return row.pause_reason or "" if row and row.paused_until and row.paused_until > row.now else ""


ANY_EDIT = "INSERT INTO changeset_edits VALUES (7, 1, 1, now(), 0, '{}', '{}')"


def raising(connection: Connection, code: str) -> None:
    """Where the facts are written this SQLSTATE is raised, by a trigger of the operator's."""
    connection.execute(RAISES.format(code=code, when="INSERT ON changeset_edits FOR EACH ROW").encode())


def test_a_table_of_sqlstates(connection: Connection) -> None:
    """Whatever an operator's trigger says, it is not of the sequence that is written."""
    make_partitions(connection, 7, 7)
    blamed = []
    for code in (*OF_THE_DATA, *THE_DATABASE):
        raising(connection, code)
        with pytest.raises(psycopg.Error, match="as told") as caught:
            connection.execute(ANY_EDIT)
        assert caught.value.sqlstate == code
        if is_sequences(caught.value):
            blamed.append(code)
    assert blamed == []


def test_sqlstates_of_each_class_in_a_run(
    feed: DemoFeed, world: World, connection: Connection, go: Callable[..., Report]
) -> None:
    """No sequence is charged, and who asks is told."""
    one_each = {code[:2]: code for code in THE_DATABASE}.values()
    wrong = {}
    for code in ("22000", "22003", "40001", "40P01", "57P01", *one_each):
        raising(connection, code)
        connection.execute("UPDATE streams SET paused_until = NULL")
        connection.execute("UPDATE ledger SET work = 'idle', attempts = 0, not_before = NULL")
        said = ""
        try:
            go(last=world.first)
        except DatabaseFailed as error:
            said = str(error)
        attempts = state(connection, feed, world)[0][2]
        pausing = paused(connection)
        told = all(code in text and "as told" in text for text in (said, pausing))
        if attempts or not told or (code in OF_THE_DATA and HINTS["P0"] not in said):
            wrong[code] = (attempts, said, pausing)
    assert wrong == {}
    connection.execute("DROP FUNCTION refuse CASCADE")
    connection.execute("UPDATE ledger SET work = 'idle', attempts = 0, not_before = NULL")
    assert go().committed == 3
    assert paused(connection) == ""


FUNCTIONS = {
    "PL/pgSQL, a sum": "LANGUAGE plpgsql AS $$ BEGIN NEW.total_edits := 1 / 0; RETURN NEW; END $$",
    "PL/pgSQL, a cast": "LANGUAGE plpgsql AS $$ BEGIN NEW.total_edits := 'x'; RETURN NEW; END $$",
    "PL/pgSQL, a statement": "LANGUAGE plpgsql AS $$ BEGIN PERFORM '{'::jsonb; RETURN NEW; END $$",
    "SQL within": "LANGUAGE plpgsql AS $$ BEGIN PERFORM divided(0); RETURN NEW; END $$",
}


@pytest.mark.parametrize("what", telling(FUNCTIONS, "PL/pgSQL, a cast", "SQL within"))
def test_what_fails_in_an_operators_function_is_no_sequences_failure(
    what: str, feed: DemoFeed, world: World, connection: Connection, go: Callable[..., Report]
) -> None:
    """Its data are not the sequence's, though PostgreSQL's own code raises it."""
    for statement in (
        "CREATE FUNCTION divided(by int) RETURNS int LANGUAGE sql"
        " AS 'SELECT max(x / by) FROM generate_series(1, 2) x'",
        f"CREATE FUNCTION refuse() RETURNS trigger {FUNCTIONS[what]}",
        "CREATE TRIGGER refuse BEFORE INSERT ON changeset_edits FOR EACH ROW EXECUTE FUNCTION refuse()",
    ):
        connection.execute(statement.encode())
    with pytest.raises(DatabaseFailed, match=r"SQLSTATE 22.*No sequence is charged") as caught:
        go()
    assert HINTS["P0"] in str(caught.value)
    assert state(connection, feed, world) == UNTOUCHED


@pytest.mark.parametrize("text", ["PL/pgSQL function refuse() line 1", "\nSQL function f", "exec_stmt_raise"])
def test_a_values_text_does_not_make_it_the_databases(connection: Connection, text: str) -> None:
    connection.execute("CREATE TEMP TABLE numbers (a text, number int, j jsonb)")
    for row in ((text, f"1 {text}", "1"), (text, text, "1"), (text, 1, f'{{"a": "{text.strip()}", }}')):
        with (
            pytest.raises(psycopg.DataError) as caught,
            connection.cursor() as cursor,
            cursor.copy("COPY numbers FROM STDIN") as copy,
        ):
            copy.write_row(row)
        assert is_sequences(caught.value)
    with pytest.raises(psycopg.DataError) as caught:
        connection.execute("SELECT %s::int", (text,))
    assert is_sequences(caught.value)


def test_each_kind_of_failure_says_what_to_do() -> None:
    assert HINTS["42501"] in sentence(psycopg.errors.InsufficientPrivilege("no"))
    assert HINTS["42"] in sentence(psycopg.errors.UndefinedColumn("no"))
    assert HINTS["08"] in sentence(psycopg.OperationalError("server closed the connection"))


# What an operator did, what undoes it, and what is said of it. Not only in the facts' tables.
DONE_TO_IT = {
    "a column renamed": (
        "ALTER TABLE changeset_edits RENAME COLUMN total_edits TO edits",
        "ALTER TABLE changeset_edits RENAME COLUMN edits TO total_edits",
        "42703",
    ),
    "a table renamed": (
        "ALTER TABLE errors RENAME TO mistakes",
        "ALTER TABLE mistakes RENAME TO errors",
        "42P01",
    ),
    "a check of one's own": (
        "ALTER TABLE changeset_edits ADD CONSTRAINT mine CHECK (total_edits < 0) NOT VALID",
        "ALTER TABLE changeset_edits DROP CONSTRAINT mine",
        "23514",
    ),
    "a foreign key of one's own": (
        "CREATE TABLE mine (id bigint PRIMARY KEY);"
        "ALTER TABLE changeset_edits ADD CONSTRAINT mine FOREIGN KEY (user_id) REFERENCES mine",
        "ALTER TABLE changeset_edits DROP CONSTRAINT mine",
        "23503",
    ),
    "an index that a text does not fit in": (
        "ALTER TABLE changeset_edits ADD mine text DEFAULT (SELECT_A_LONG_TEXT);"
        "CREATE INDEX mine ON changeset_edits (mine)",
        "ALTER TABLE changeset_edits DROP COLUMN mine",
        "54000",
    ),
    "a trigger on the users": (
        RAISES.format(code="P0001", when="INSERT OR UPDATE ON users FOR EACH ROW"),
        "DROP FUNCTION refuse CASCADE",
        "P0001",
    ),
    "a division by zero beside the facts": (
        RAISES.format(code="22012", when="UPDATE ON ledger FOR EACH ROW WHEN (NEW.result = 'committed')"),
        "DROP FUNCTION refuse CASCADE",
        "22012",
    ),
    "a number too big in the blocks": (
        RAISES.format(code="22003", when="UPDATE ON ledger_blocks FOR EACH ROW"),
        "DROP FUNCTION refuse CASCADE",
        "22003",
    ),
    "a deferred check": (
        RAISES.format(code="22003", when="x").replace(
            "CREATE OR REPLACE TRIGGER refuse BEFORE x",
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON"
            " statistics_queue DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
        ),
        "DROP FUNCTION refuse CASCADE",
        "22003",
    ),
    "leases that can't be taken": (
        RAISES.format(code="P0001", when="INSERT ON run_leases FOR EACH ROW"),
        "DROP FUNCTION refuse CASCADE",
        "P0001",
    ),
    "sequences that can't be taken": (
        RAISES.format(code="23514", when="INSERT ON ledger FOR EACH ROW"),
        "DROP FUNCTION refuse CASCADE",
        "23514",
    ),
}


@pytest.mark.parametrize(
    "what",
    telling(
        DONE_TO_IT,
        "a column renamed",
        "a check of one's own",
        "a trigger on the users",
        "a deferred check",
        "leases that can't be taken",
    ),
)
def test_what_is_done_to_the_schema_is_no_sequences_failure(
    what: str, feed: DemoFeed, world: World, connection: Connection, go: Callable[..., Report]
) -> None:
    do, undo, code = DONE_TO_IT[what]
    connection.execute(do.replace("(SELECT_A_LONG_TEXT)", f"'{_noise()}'").encode())
    with pytest.raises(DatabaseFailed, match=rf"{code}.*No sequence is charged.*goes on by itself"):
        go()
    assert state(connection, feed, world) == UNTOUCHED
    assert code in paused(connection)
    connection.execute(undo.encode())
    assert go().committed == 3
    assert state(connection, feed, world) == COMMITTED


def _noise() -> str:
    """Text that no compression makes fit into a page of an index."""
    return "".join(uuid.uuid4().hex for _ in range(400))


def test_by_hand_the_run_fails_too_and_pauses_nothing(
    feed: DemoFeed, world: World, connection: Connection, go: Callable[..., Report]
) -> None:
    go()
    connection.execute("UPDATE changeset_edits SET total_edits = total_edits + 1")  # else nothing is written
    when = "INSERT OR UPDATE OR DELETE ON changeset_edits FOR EACH ROW"
    connection.execute(RAISES.format(code="P0001", when=when).encode())
    with pytest.raises(DatabaseFailed, match="as told"):
        go(mode=BY_HAND)
    assert paused(connection) == ""
    assert state(connection, feed, world) == COMMITTED


@pytest.fixture
def lesser(server: str, url: str, connection: Connection) -> str:
    """The database's URL for a role that owns nothing, but may read and write all."""
    name = f"lesser_{uuid.uuid4().hex[:8]}"
    connection.execute(f"CREATE ROLE {name} LOGIN".encode())
    connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}".encode())
    return url.replace("stats@", f"{name}@", 1)


@pytest.mark.parametrize(
    "table",
    telling(("changeset_edits_countries", "users", "ledger", "ledger_blocks", "streams"), "users", "ledger"),
)
def test_a_privilege_that_is_missing(
    table: str,
    feed: DemoFeed,
    world: World,
    connection: Connection,
    stats: Stats,
    lesser: str,
    go: Callable[..., Report],
) -> None:
    go()  # the partitions are made
    connection.execute("TRUNCATE ledger, ledger_blocks")
    connection.execute(
        "UPDATE changeset_edits_countries SET edit_count = edit_count + 1"
    )  # so it is written again
    role = lesser.split("//")[1].split("@")[0]
    connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}".encode())
    connection.execute(f"REVOKE INSERT, UPDATE ON {table} FROM {role}".encode())
    if table == "streams":  # what can't be written down is said
        connection.execute(f"REVOKE INSERT ON users FROM {role}".encode())
    with pytest.raises(DatabaseFailed, match="permission denied for table") as caught:
        go(url=lesser)
    assert HINTS["42501"] in str(caught.value)
    assert {attempts for *_, attempts in state(connection, feed, world)} == {0}
    assert {work for _, work, _ in state(connection, feed, world)} == {"idle"}
    assert ("could not be written down" in str(caught.value)) == (table == "streams")
    assert bool(paused(connection)) == (table != "streams")


WHERE = ("counted", "written")
RAISED_IN_WRITING: dict[str, tuple[Callable[[Connection], object], bool]] = {
    "a character that PostgreSQL has not": (lambda c: c.execute("SELECT %s::text", ("\0",)), True),
    "half a character": (lambda c: c.execute("SELECT %s::text", ("\ud800",)), True),
    "a number too big": (lambda c: c.execute("SELECT %s::bigint + 1", (2**63 - 1,)), True),
    "no JSON": (lambda c: c.execute("SELECT '{'::jsonb"), True),
    "our own mistake": (lambda c: [][1], True),
    "memory": (lambda c: _raise(MemoryError()), True),
    "depth": (lambda c: _raise(RecursionError()), True),
    "no such table": (lambda c: c.execute("SELECT FROM nowhere"), False),
    "a disk": (lambda c: _raise(OSError(28, "No space left on device")), False),
    "Ctrl-C": (lambda c: _raise(KeyboardInterrupt()), False),
    "the end of the process": (lambda c: _raise(SystemExit()), False),
    "Dagster ends the run": (lambda c: _raise(DagsterExecutionInterruptedError()), False),
    "the connection": (lambda c: c.execute("SELECT pg_terminate_backend(pg_backend_pid())"), False),
    "time": (lambda c: c.execute("SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)"), False),
}


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("what", "where"),
    telling(product(RAISED_IN_WRITING, WHERE), *zip(RAISED_IN_WRITING, cycle(WHERE), strict=False)),
)
def test_what_is_raised_while_one_sequence_is_counted_or_written(
    what: str,
    where: str,
    feed: DemoFeed,
    world: World,
    connection: Connection,
    stats: Stats,
    go: Callable[..., Report],
) -> None:
    does, sequences = RAISED_IN_WRITING[what]
    work, read = stats.work(DIFFS), 0

    def reader(body: Any, limit: datetime) -> Any:
        nonlocal read
        read += 1
        if read != 2:
            return work.reader.read(body, limit)
        if where == "counted":
            with connect(stats.url) as other:
                does(other)

        def write(connection: Connection, sequence: int) -> None:
            does(connection)

        return replace(work.reader.read(body, limit), write=write)

    given = replace(work, reader=Reader(reader, work.reader.definitions))
    if sequences:
        report = go(given)
        assert (report.committed, list(report.failed)) == (2, [world.first + 1])
        assert [attempts for *_, attempts in state(connection, feed, world)] == [0, 1, 0]
    else:
        with pytest.raises(
            (DatabaseUnreachable, OSError, KeyboardInterrupt, SystemExit, DagsterExecutionInterruptedError)
        ):
            go(given)
        assert state(connection, feed, world) == [("committed", "idle", 0), *UNTOUCHED[1:]]


def test_what_dagster_raises_when_something_is_said_is_no_sequences_failure(
    feed: DemoFeed,
    world: World,
    connection: Connection,
    go: Callable[..., Report],
    stats: Stats,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its event log, say, may be out of reach: then the run ends, and nothing is charged."""
    work = stats.work(DIFFS)

    def poisoned(body: Any, limit: datetime) -> Any:
        raise ValueError("poison")

    class Full(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("the event log is full")

    caplog.set_level(logging.INFO, "stats_assets")
    monkeypatch.setattr(logging.getLogger("stats_assets"), "handlers", [Full()])  # as Dagster's stands
    with pytest.raises(RuntimeError, match="event log"):
        go(replace(work, reader=Reader(poisoned, "d")))
    assert [attempts for *_, attempts in state(connection, feed, world)] == [1, 0, 0]
    assert {work for _, work, _ in state(connection, feed, world)} == {"waiting", "idle"}


def test_the_applier_s_failure_is_a_sentence_and_what_is_queued_stays(
    connection: Connection, go: Callable[..., Report], monkeypatch: pytest.MonkeyPatch, stats: Stats
) -> None:
    from dagster import materialize

    go()
    before = queued(connection)
    connection.execute(RAISES.format(code="22003", when="INSERT ON aggregates FOR EACH ROW").encode())
    monkeypatch.setattr("stats_assets.orchestration.assets.statistics.current_stats", lambda: stats)
    with DagsterInstance.ephemeral() as instance:
        result = materialize([statistics], instance=instance, raise_on_error=False)
        [failure] = result.get_step_failure_events()
    said = failure.step_failure_data.user_failure_data
    assert said is not None
    assert "as told (SQLSTATE 22003)" in (said.description or "")
    assert before
    assert queued(connection) == before
    connection.execute("DROP FUNCTION refuse CASCADE")
    apply_queue(connection)
    assert queued(connection) == 0


def test_commands_say_it_in_a_sentence(url: str, connection: Connection, run: Run, feed: DemoFeed) -> None:
    """A traceback fails the fixture's own assertion."""
    connection.execute("ALTER TABLE ledger RENAME COLUMN work TO job")
    settings = {"DATABASE_URL": url, "OVERPASS_URL": feed.url, "CHANGESETS_URL": feed.changesets_url}
    for arguments, code in ((("status",), 3), (("retry",), 2)):
        done = run(*arguments, **settings)
        assert (done.returncode, "42703" in done.stderr, HINTS["42"] in done.stderr) == (code, True, True), (
            done
        )
    assert run("status", DATABASE_URL=other_database(url, "nowhere")).returncode == 3
