"""Columns as Dagster's UI shows them are the schema's: names, order, types, keys."""

import pytest

from stats_assets.database.columns import COLUMNS
from stats_assets.database.connection import Connection
from stats_assets.database.statistics.sizes import MOST, ROWS_OF, row_count

TYPES = {"timestamp with time zone": "timestamptz"}


def test_columns_are_those_of_the_schema_and_each_says_what_it_means(connection: Connection) -> None:
    for table, columns in COLUMNS.items():
        rows = connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (table,),
        ).fetchall()
        assert [(name, TYPES.get(kind, kind)) for name, kind in rows] == [one[:2] for one in columns], table
        assert all(one.says for one in columns)
        keys = connection.execute(
            "SELECT array_agg(a.attname::text) FROM pg_index AS i JOIN pg_attribute AS a"
            " ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
            " WHERE i.indrelid = to_regclass(%s) AND indisprimary",
            (table,),
        ).fetchone()
        if keys and keys[0]:
            assert set(keys[0]) == {one.name for one in columns if one.is_key}, table


def test_rows_are_counted_as_the_views_have_them(connection: Connection) -> None:
    assert set(ROWS_OF) == set(COLUMNS)
    connection.execute("INSERT INTO checkpoints SELECT 'x' || n, n FROM generate_series(1, 7) AS n")
    connection.execute(
        "INSERT INTO aggregate_days SELECT 'user', n, '2025-01-01', 1, 1, '{}', '{}', now()"
        " FROM generate_series(1, 5) AS n"
    )
    connection.execute("INSERT INTO users (id) SELECT generate_series(1, 5)")
    found = {name: row_count(connection, name) for name in ROWS_OF}
    for name in ROWS_OF:
        row = connection.execute(
            f"SELECT count(*) FROM {name}{' WHERE alias_of IS NULL' if name == 'country_statistics' else ''}".encode()  # noqa: S608
        ).fetchone()
        assert row is not None
        assert found[name] == row[0], name
    assert found["user_days"] == 5


def test_of_many_rows_there_are_about_so_many(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stats_assets.database.statistics.sizes.MOST", 100)
    assert MOST > 100
    connection.execute("INSERT INTO checkpoints SELECT 'x' || n, n FROM generate_series(1, 2000) AS n")
    connection.execute("ANALYZE checkpoints")
    assert 1500 < row_count(connection, "checkpoints") < 2500
