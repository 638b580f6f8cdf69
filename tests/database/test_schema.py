"""docs/schema.sql shows the schema as it is."""

import pytest

from tests.database.schema import FILE, PG_DUMP, schema_of


def test_the_page_is_the_schema_of_all_revisions(url: str) -> None:
    if not PG_DUMP.exists():
        pytest.skip(f"no pg_dump here: {PG_DUMP}")
    assert FILE.read_text() == schema_of(url), "the schema is another by now: make schema"
