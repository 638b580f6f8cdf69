"""Fixtures of the database's tests."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from tests.conftest import other_database


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """A database without any schema of ours."""
    name = f"empty_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield other_database(server, name)
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
