"""Fixtures of the database's tests."""

from collections.abc import Iterator

import pytest

from stats_assets.database.connection import Connection, connect
from tests.conftest import database


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
