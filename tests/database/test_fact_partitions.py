"""The facts' partitions: how an older schema's facts come into them, who makes them, and that statements need few."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts import replace_facts
from stats_assets.database.metadata import save_changesets
from stats_assets.database.migrations import NEWEST, migrate, revision, upgrade
from stats_assets.database.statistics import apply_queue, save_countries
from tests.conftest import other_database
from tests.database.test_statistics import COUNTRIES, changeset, diff, edits, file
from tests.recompute import recomputed
from tests.truth import statistics_of


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """A database without any schema of ours."""
    name = f"empty_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield other_database(server, name)
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def everything(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of facts, errors and statistics, by table."""
    tables = ("changeset_edits", "changeset_edits_countries", "errors", "changesets", "aggregates")
    return {
        table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5").fetchall()  # noqa: S608
        for table in tables
    }


def test_facts_of_the_first_schema_come_into_partitions(empty: str) -> None:
    upgrade(empty, "0001")
    with connect(empty) as connection:
        save_countries(connection, COUNTRIES)
        for sequence in (7, 99_999, 100_000, 7_300_123):
            replace_facts(connection, sequence, diff(edits(10, n=sequence), edits(sequence, countries=())))
        save_changesets(connection, 1, file(changeset(10, "hot")))
        connection.execute(
            "INSERT INTO errors (id, type, sequence, ordinal, reason) VALUES (1, 1, 7, 0, 'broken')"
        )
        apply_queue(connection)
        before, seen = everything(connection), statistics_of(connection)
        assert migrate(empty) == "0001"
        assert (everything(connection), statistics_of(connection)) == (before, seen)
        assert revision(connection) == NEWEST
        found = connection.execute(
            "SELECT tableoid::regclass::text, sequence FROM changeset_edits_countries ORDER BY 2"
        )
        assert found.fetchall() == [
            ("changeset_edits_countries_000000000", 7),
            ("changeset_edits_countries_000000000", 99_999),
            ("changeset_edits_countries_000100000", 100_000),
            ("changeset_edits_countries_007300000", 7_300_123),
        ]
        replace_facts(connection, 7, diff(edits(10, n=3)))
        apply_queue(connection)
        assert statistics_of(connection)["users"] == recomputed(connection)["users"]
