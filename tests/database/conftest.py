"""Fixtures of the database's tests."""

from collections.abc import Iterator

import pytest

from stats_assets.database.connection import Connection, connect
from tests.conftest import database, filled_template
from tests.database.four_days import fill


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """A database without any schema of ours."""
    with database(server, "template1") as made:
        yield made


@pytest.fixture(scope="module")
def filled(server: str, hour: str) -> Iterator[Connection]:
    """An hour of the demo."""
    with database(server, hour) as url, connect(url) as connection:
        yield connection


@pytest.fixture(scope="session")
def four_days(server: str) -> Iterator[str]:
    """The template of a database with four days made by hand (four_days.py)."""
    with filled_template(server, fill) as template:
        yield template
