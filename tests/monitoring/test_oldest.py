"""The oldest open transaction is named: whose it is, since when, and what it does, by whoever looks."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from stats_assets.database.connection import Connection
from stats_assets.database.looking import look_as_reader
from stats_assets.database.open_transactions import OpenTransaction, oldest_transaction
from stats_assets.demo.feed import DemoFeed
from stats_assets.monitoring import oldest
from tests.conftest import Run, superuser_of


@pytest.fixture
def other(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True, application_name="a notebook") as opened:
        yield opened


BEGUN = {
    "a snapshot": ("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1", True),
    "a write": ("BEGIN; INSERT INTO countries (code) VALUES ('XXX')", True),
    "nothing": ("BEGIN; SELECT 1", False),
}


@pytest.mark.parametrize("how", BEGUN)
@pytest.mark.parametrize("reader", [False, True], ids=["owner", "reader"])
def test_a_session_s_is_named(
    url: str, connection: Connection, other: psycopg.Connection, how: str, reader: bool
) -> None:
    statement, keeps = BEGUN[how]
    other.execute(statement.encode())
    with look_as_reader(url) if reader else connection as looking:
        found = oldest_transaction(looking)
    assert found is not None
    assert (found.what, found.id, found.user, found.application) == (
        *("a session", str(other.info.backend_pid)),
        *(other.info.user, "a notebook"),
    )
    assert found.state == "idle in transaction"
    assert found.seconds is not None
    assert found.keeps_dead_rows is keeps
    assert ("rows that were deleted" in oldest.sentence(found)) is keeps
    assert "a notebook" in oldest.sentence(found)


def test_the_one_that_keeps_most_comes_first(
    url: str, connection: Connection, other: psycopg.Connection
) -> None:
    with psycopg.connect(url, autocommit=True) as idle:
        idle.execute("BEGIN; SELECT 1")  # older, but it looks at nothing
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        found = oldest_transaction(connection)
    assert found is not None
    assert found.id == str(other.info.backend_pid)


def test_no_other_is_none(connection: Connection) -> None:
    assert oldest_transaction(connection) is None


def test_what_may_not_be_seen_is_said(url: str, connection: Connection) -> None:
    """The superuser's session: the owner sees that there is one, and not since when."""
    with psycopg.connect(superuser_of(url), autocommit=True) as admin:
        admin.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        found = oldest_transaction(connection)
    assert found is not None
    assert (found.since, found.keeps_dead_rows) == (None, True)
    assert "GRANT pg_read_all_stats" in oldest.sentence(found)
    assert not oldest.is_long(found)
    assert oldest.is_long(found._replace(behind=oldest.MANY))


def test_status_names_it(url: str, other: psycopg.Connection, run: Run, feed: DemoFeed) -> None:
    settings = {"DATABASE_URL": url, "OVERPASS_URL": feed.url, "CHANGESETS_URL": feed.changesets_url}
    other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    assert (
        f"process {other.info.backend_pid} of {other.info.user} (a notebook)"
        in run("status", **settings).stdout
    )
    found = json.loads(run("status", "--json", **settings).stdout)["oldest_transaction"]
    assert (found["id"], found["keeps_dead_rows"]) == (str(other.info.backend_pid), True)
    other.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("what", "todo"),
    [
        ("a prepared transaction", "ROLLBACK PREPARED 'x'"),
        ("a replication slot", "pg_drop_replication_slot('x')"),
        ("a session", "pg_terminate_backend(x)"),
    ],
)
def test_each_kind_says_how_it_is_ended(connection: Connection, what: str, todo: str) -> None:
    row = connection.execute("SELECT clock_timestamp(), clock_timestamp() - interval '2 h'").fetchone()
    assert row is not None
    found = OpenTransaction(what, "x", "u", "", None, row[1], 5, True, row[0])
    assert todo in oldest.what_to_do(found)
    assert oldest.is_long(found)
    assert "2 h" in oldest.sentence(found)
