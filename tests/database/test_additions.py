"""What an operator's own expressions raise is no sequence's failure, though it is an error of data (SQLSTATE 22)."""

import uuid
from collections.abc import Callable

import psycopg
import pytest

from stats_assets.database.connection import Connection
from stats_assets.database.facts.additions import additions, require_data_to_be_wrong
from stats_assets.database.failures import DatabaseFailed
from stats_assets.database.ledger import ledger
from stats_assets.demo.feed import DemoFeed
from stats_assets.ingest import run as running
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import Report
from stats_assets.streams import Stream
from stats_assets.system import Stats

Go = Callable[[Stream], Report]


@pytest.fixture
def minutes() -> int:
    return 2


@pytest.fixture
def go(stats: Stats, monkeypatch: pytest.MonkeyPatch) -> Go:
    monkeypatch.setattr(running, "GIVE_BACK_SECONDS", 0.0)

    def run(stream: Stream) -> Report:
        work = stats.work(stream)
        head = work.source.head()
        return run_range(work, stats.url, f"run {uuid.uuid4()}", head, head)

    return run


DIFFS: Stream = "augmented_diffs"
FILES: Stream = "changesets"
DIVIDES = "1 / (sequence - sequence)::int"
ADDED: dict[str, tuple[Stream, str, str]] = {
    "the generated column changeset_edits.mine": (
        DIFFS,
        f"ALTER TABLE changeset_edits ADD mine int GENERATED ALWAYS AS ({DIVIDES}) STORED",
        "changeset_edits",
    ),
    "the default of changeset_edits_countries.mine": (
        DIFFS,
        "ALTER TABLE changeset_edits_countries ADD mine int;"
        " ALTER TABLE changeset_edits_countries ALTER mine SET DEFAULT 1 / (random() * 0)::int",
        "changeset_edits_countries",
    ),
    "the index mine": (DIFFS, f"CREATE INDEX mine ON changeset_edits (({DIVIDES}))", "changeset_edits"),
    "the check mine": (
        DIFFS,
        f"ALTER TABLE changeset_edits ADD CONSTRAINT mine CHECK ({DIVIDES} > 0)",
        "changeset_edits",
    ),
    "the domain of changeset_edits.total_edits": (
        DIFFS,
        "CREATE DOMAIN mine AS bigint CHECK (1 / (VALUE - VALUE) > 0);"
        " ALTER TABLE changeset_edits ALTER total_edits TYPE mine",
        "changeset_edits",
    ),
    "the generated column changeset_metadata.mine": (
        FILES,
        f"ALTER TABLE changeset_metadata ADD mine int GENERATED ALWAYS AS ({DIVIDES}) STORED",
        "changeset_metadata",
    ),
    "the generated column changeset_metadata.cut": (
        FILES,
        "ALTER TABLE changeset_metadata ADD cut int GENERATED ALWAYS AS (('x' || changeset_id)::int) STORED",
        "changeset_metadata",
    ),
    "the index named": (
        FILES,
        "CREATE INDEX named ON users (id) WHERE 1 / (id - id) > 0",
        "users",
    ),
}


@pytest.mark.parametrize("what", ADDED)
def test_what_an_operators_expression_raises_charges_no_sequence(
    feed: DemoFeed, connection: Connection, stats: Stats, go: Go, what: str
) -> None:
    stream, statements, table = ADDED[what]
    connection.execute(statements.encode())
    with pytest.raises(DatabaseFailed, match=r"SQLSTATE 22.*No sequence is charged") as caught:
        go(stream)
    assert what in str(caught.value)
    rows = ledger.rows(connection, stream, [stats.work(stream).source.head() or 0])
    assert [(row.result, row.attempts) for row in rows] == [("none", 0)]
    for undo in (
        "DROP INDEX IF EXISTS mine, named",
        f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS mine",
        f"ALTER TABLE {table} DROP IF EXISTS mine, DROP IF EXISTS cut",
        "ALTER TABLE changeset_edits ALTER total_edits TYPE bigint",
    ):
        connection.execute(undo.encode())
    assert additions(connection) == []
    connection.execute("UPDATE streams SET paused_until = NULL")
    assert go(stream).committed == 1


def test_of_ours_there_is_none(connection: Connection) -> None:
    """Else a sequence that is broken would stop the stream."""
    assert additions(connection) == []


def test_what_the_data_are_to_blame_for_stays_the_sequences(connection: Connection) -> None:
    connection.execute("CREATE INDEX mine ON changeset_edits ((total_edits + 1))")
    assert additions(connection)
    copy = "COPY changeset_edits (sequence, changeset_id, total_edits) FROM STDIN"
    for row in (("1", "x", "1"), ("1", "1, line 1: ", "1"), ("1", "1", '9, column "a": ')):
        with (
            pytest.raises(psycopg.DataError) as caught,
            connection.cursor() as cursor,
            cursor.copy(copy.encode()) as writes,
        ):
            writes.write_row(row)
        require_data_to_be_wrong(connection, caught.value)
    require_data_to_be_wrong(connection, psycopg.DataError("PostgreSQL text fields cannot contain NUL"))
    require_data_to_be_wrong(connection, RecursionError())
