"""Fixtures of the database's tests."""

from collections.abc import Iterator

import pytest

from tests.conftest import database


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """A database without any schema of ours."""
    with database(server, "template1") as made:
        yield made
