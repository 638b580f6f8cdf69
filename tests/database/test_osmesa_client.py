"""What clients ask: each query of OSMesa's stat-server, and each of docs/statistics.md, on the demo's statistics.

The server reads columns by their place in the select, so their types matter as much as their names.
"""
# ruff: noqa: S608 - SQL is made of constants

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stats_assets.database.connection import Connection
from stats_assets.database.statistics.applier import apply_queue, keep_refreshments, save_countries
from tests.telling import telling

PAGE = 25
NUMBERS = "coalesce(measurements, '{}'), coalesce(counts, '{}')"
PAIRS = "coalesce({0}_changesets, '{{}}'), coalesce({0}_edits, '{{}}')"
USERS = (
    f"SELECT id, name, {NUMBERS}, last_edit, updated_at, changeset_count, edit_count,"
    f" {', '.join(PAIRS.format(part) for part in ('editor', 'day', 'country', 'hashtag'))} FROM user_statistics"
)
CAMPAIGNS = (
    f"SELECT tag, {NUMBERS}, changeset_count, edit_count, last_edit, updated_at, {PAIRS.format('user')}"
    " FROM hashtag_statistics"
)
CAMPAIGN_USERS = (
    f"SELECT hashtag, user_id, name, {NUMBERS}, last_edit, changeset_count, edit_count"
    " FROM hashtag_user_statistics"
)
COUNTRY = (
    f"SELECT country_id, country_name, country_code, {NUMBERS}, last_edit, updated_at, changeset_count, edit_count,"
    f" {PAIRS.format('user')}, {PAIRS.format('hashtag')} FROM country_statistics"
)
CHANGESETS = (
    f"SELECT id, {NUMBERS}, editor, user_id, created_at, closed_at, augmented_diffs, updated_at"
    " FROM changesets"
)
LINKS = "SELECT changeset_id, country_id, edit_count FROM changesets_countries"
JSON, TEXT, TIME, INT = "jsonb", "text", "timestamptz", "int8"


ENDPOINTS: dict[str, tuple[str, list[str]]] = {
    "/users": (
        f"{USERS} ORDER BY id LIMIT {PAGE} OFFSET 0",
        [INT, TEXT, JSON, JSON, TIME, TIME, INT, INT] + 8 * [JSON],
    ),
    "/users/{id}": (f"{USERS} WHERE id = 1101", [INT, TEXT, JSON, JSON, TIME, TIME, INT, INT] + 8 * [JSON]),
    "/changesets": (
        f"{CHANGESETS} ORDER BY id LIMIT {PAGE} OFFSET {PAGE}",
        [INT, JSON, JSON, TEXT, INT, TIME, TIME, "_int4", TIME],
    ),
    "/campaigns": (
        f"{CAMPAIGNS} ORDER BY tag LIMIT {PAGE} OFFSET 0",
        [TEXT, JSON, JSON, INT, INT, TIME, TIME, JSON, JSON],
    ),
    "/campaigns/{hashtag}": (
        f"{CAMPAIGNS} WHERE tag = 'missingmaps'",
        [TEXT, JSON, JSON, INT, INT, TIME, TIME, JSON, JSON],
    ),
    "/campaigns/{hashtag}/users": (
        f"{CAMPAIGN_USERS} WHERE hashtag = 'missingmaps' ORDER BY hashtag, user_id LIMIT {PAGE} OFFSET 0",
        [TEXT, INT, TEXT, JSON, JSON, TIME, INT, INT],
    ),
    "/countries": (
        f"SELECT id, name, code FROM countries ORDER BY id LIMIT {PAGE} OFFSET {PAGE}",
        [INT, TEXT, TEXT],
    ),
    "/country-stats/{code}": (
        f"{COUNTRY} WHERE country_code = 'KEN'",
        [INT, TEXT, TEXT, JSON, JSON, TIME, TIME, INT, INT] + 4 * [JSON],
    ),
    "/changesets-countries": (f"{LINKS} ORDER BY changeset_id, country_id LIMIT {PAGE}", [INT, INT, "int4"]),
    "/status": ("SELECT mat_view, updated_at FROM refreshments", [TEXT, TIME]),
    "hashtags": (f"SELECT id, hashtag FROM hashtags ORDER BY id LIMIT {PAGE} OFFSET 0", [INT, TEXT]),
    "users": (f"SELECT id, name FROM users ORDER BY id LIMIT {PAGE} OFFSET 0", [INT, TEXT]),
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_each_endpoint_has_rows_of_the_types_that_it_reads(filled: Connection, endpoint: str) -> None:
    query, types = ENDPOINTS[endpoint]
    cursor = filled.execute(query.encode())
    rows = cursor.fetchall()
    assert 0 < len(rows) <= PAGE
    types_here = [filled.adapters.types.get(column.type_code) for column in cursor.description or ()]
    expected = [filled.adapters.types.get(name.removeprefix("_")) for name in types]
    assert types_here == expected
    assert all(
        value is not None for row in rows for value, kind in zip(row, types, strict=True) if kind == JSON
    )


def one(filled: Connection, query: str, *parameters: Any) -> tuple[Any, ...]:
    row = filled.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row


def test_pairs_and_links_by_their_keys(filled: Connection) -> None:
    tag, uid, *_ = one(filled, f"{CAMPAIGN_USERS} ORDER BY edit_count DESC LIMIT 1")
    found = one(filled, f"{CAMPAIGN_USERS} WHERE hashtag = %s AND user_id = %s", tag, uid)
    assert found[:2] == (tag, uid)
    users = one(filled, f"{CAMPAIGNS} WHERE tag = %s", tag)[8]
    assert users[str(uid)] == found[7]
    changeset, country, edits = one(filled, LINKS)
    assert one(filled, f"{LINKS} WHERE changeset_id = %s AND country_id = %s", changeset, country)[2] == edits


FOURTH = "hashtag_user_statistics"


def test_status_knows_four_views_or_three_and_they_are_fresh_also_when_there_was_nothing_to_do(
    filled: Connection,
) -> None:
    three = {"user_statistics", "country_statistics", "hashtag_statistics"}
    for names in (three | {FOURTH}, three, three, three | {FOURTH}, three | {FOURTH}):
        before = datetime.now(UTC)
        keep_refreshments(filled, len(names))
        apply_queue(filled)
        found: dict[str, datetime] = dict(
            filled.execute("SELECT mat_view, updated_at FROM refreshments").fetchall()
        )
        assert found.keys() == names
        assert min(found.values()) >= before


def test_osmesas_codes_are_aliases_and_lists_can_do_without_them(filled: Connection) -> None:
    kenya = one(filled, "SELECT id FROM countries WHERE code = 'KEN'")[0]
    south_sudan = one(filled, "SELECT id FROM countries WHERE code = 'SSD'")[0]
    with filled.transaction(force_rollback=True):
        moved = "UPDATE aggregates SET owner_id = %s WHERE owner = 'country' AND owner_id = %s"
        filled.execute(moved, (south_sudan, kenya))
        by_alias, by_code = (
            one(filled, f"{COUNTRY} WHERE country_code = %s", code) for code in ("SDS", "SSD")
        )
        assert (by_alias[2], by_code[2]) == ("SDS", "SSD")
        assert by_alias[3:] == by_code[3:]
        codes = filled.execute(
            "SELECT country_code FROM country_statistics WHERE alias_of IS NULL"
        ).fetchall()
    assert ("SSD",) in codes
    assert ("SDS",) not in codes
    aliases: dict[str, str] = dict(filled.execute("SELECT alias, code FROM country_aliases").fetchall())
    assert set(aliases) == {"ALD", "CLP", "KOS", "PSX", "SAH", "SDS", "USA-PR"}
    known = {row[0] for row in filled.execute("SELECT code FROM countries").fetchall()}
    assert set(aliases.values()) <= known
    assert not set(aliases) & known


ASKED = {
    "a user": ("SELECT * FROM user_statistics WHERE id = 1101", "aggregates_pkey"),
    "a user by name": ("SELECT * FROM user_statistics WHERE name = 'wanjiru'", "users_name"),
    "a hashtag": (
        "SELECT * FROM hashtag_statistics WHERE tag = 'missingmaps'",
        "hashtags_(hashtag_key|prefix)",
    ),
    "by prefix": (
        "SELECT tag FROM hashtag_statistics WHERE tag LIKE 'hotosm-project-49%'",
        "hashtags_hashtag_key",
    ),
    "a hashtag's users": ("SELECT * FROM hashtag_user_statistics WHERE hashtag_id = 1", "aggregates_pkey"),
    "a user's hashtags": (
        "SELECT * FROM hashtag_user_statistics WHERE user_id = 1101",
        "aggregates_hashtag_user",
    ),
    "a country": ("SELECT * FROM country_statistics WHERE country_code = 'KEN'", "aggregates_pkey"),
    "days": ("SELECT * FROM user_days WHERE user_id = 1101 AND day > '2025-01-01'", "aggregate_days_pkey"),
    "a hashtag's time": (
        "SELECT * FROM changesets_hashtags WHERE hashtag_id = 1 AND tagged_at > '2025-01-01'",
        "changesets_hashtags_hashtag_id",
    ),
    "a user's changesets": ("SELECT * FROM changesets WHERE user_id = 1101", "changesets_user_id"),
}


@pytest.mark.parametrize(
    "query", ["SELECT edit_count FROM user_statistics", "SELECT id, name FROM user_statistics"]
)
def test_days_that_are_not_named_are_not_made(filled: Connection, query: str) -> None:
    plan = "\n".join(row[0] for row in filled.execute(f"EXPLAIN {query}".encode()))
    assert "aggregate_days" not in plan


def documented() -> list[str]:
    text = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text()
    return re.findall(r"```sql\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("query", documented(), ids=lambda query: " ".join(query.split())[:50])
def test_each_query_of_the_documentation_answers(filled: Connection, query: str) -> None:
    assert filled.execute(query.encode()).fetchall()


def test_the_documentation_names_every_column(filled: Connection) -> None:
    text = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text()
    named = set(re.findall(r"`(\w+)`", text)) | {"max_lon", "min_lat"}
    views = (
        "user_statistics hashtag_statistics country_statistics hashtag_user_statistics user_days hashtag_days"
    )
    tables = " country_days changesets changesets_countries changesets_hashtags refreshments country_aliases"
    for table in (views + tables).split():
        columns = filled.execute(f"SELECT * FROM {table} LIMIT 0".encode()).description or ()
        assert {column.name for column in columns} <= named, table


def test_codes_of_countries_survive_a_change_of_regions(filled: Connection) -> None:
    before = one(filled, "SELECT id, code FROM countries WHERE code = 'KEN'")
    with filled.transaction(force_rollback=True):
        save_countries(filled, {"KEN": "Another name", "NEW": "New"})
        assert one(filled, "SELECT id, code FROM countries WHERE name = 'Another name'") == before


MANY = """
INSERT INTO hashtags (hashtag) SELECT 'hotosm-project-' || n FROM generate_series(1, 5000) AS n;
INSERT INTO aggregates SELECT 'hashtag', id, 0, 1, 1, '{}', '{}', now() FROM hashtags ON CONFLICT DO NOTHING;
INSERT INTO aggregates SELECT 'hashtag_user', id, 1101, 1, 1, '{}', '{}', now() FROM hashtags ON CONFLICT DO NOTHING;
INSERT INTO users (id, name) SELECT -n, 'name ' || n FROM generate_series(1, 5000) AS n;
INSERT INTO aggregates SELECT 'user', -n, 0, 1, 1, '{}', '{}', now() FROM generate_series(1, 5000) AS n;
ANALYZE
"""


@pytest.fixture(scope="module")
def many(filled: Connection) -> Iterator[Connection]:
    """So many rows that an index is the shorter way; only the tests from here on have them."""
    with filled.transaction(force_rollback=True):
        filled.execute(MANY)
        yield filled


@pytest.mark.parametrize("asked", ASKED)
def test_an_index_serves_what_clients_ask(many: Connection, asked: str) -> None:
    query, index = ASKED[asked]
    with many.transaction(force_rollback=True):
        many.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in many.execute(f"EXPLAIN {query}".encode()))
    assert re.search(rf"\b{index}\b", plan), plan


MOST = {
    "SELECT * FROM user_statistics ORDER BY edit_count DESC LIMIT 10": "aggregates_most",
    "SELECT * FROM user_statistics ORDER BY edit_count DESC, id LIMIT 10": "aggregates_most",
    "SELECT * FROM hashtag_statistics ORDER BY edit_count DESC LIMIT 10": "aggregates_most",
    "SELECT * FROM user_statistics ORDER BY changeset_count DESC LIMIT 10": "aggregates_changesets",
    "SELECT * FROM hashtag_user_statistics ORDER BY edit_count DESC LIMIT 10": "aggregates_most_of_pairs",
    "SELECT * FROM hashtag_user_statistics WHERE hashtag_id = 1 ORDER BY edit_count DESC, user_id LIMIT 10": ""
    "aggregates_most_in_hashtag",
}


@pytest.mark.parametrize("query", telling(MOST, *list(MOST)[1::2]))
def test_who_has_most_is_read_in_order_from_an_index(many: Connection, query: str) -> None:
    with many.transaction(force_rollback=True):
        many.execute("SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in many.execute(f"EXPLAIN {query}".encode()))
    assert re.search(rf"Scan using {MOST[query]} on aggregates", plan), plan
    assert "Sort Key: t." not in plan
