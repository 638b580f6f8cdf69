"""OSMesa's own SQL on our tables: views with its columns and joins, and scoreboard's series, by columns without tables.

The SQL beside this file is written anew. On our tables as they are it must run, with the views' types; with the stated
differences from OSMesa (docs/statistics.md) taken out, its rows are ours.
"""
# ruff: noqa: S608 - SQL is made of constants

import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from stats_assets.database.connection import Connection
from tests.truth import exact_json

VIEWS = {
    "user_statistics": "id",
    "hashtag_statistics": "hashtag_id",
    "hashtag_user_statistics": "hashtag_id, user_id",
    "country_statistics": "country_code",
}
ALIKE = (Path(__file__).parent / "osmesa_alike.sql").read_text()
SERIES = (Path(__file__).parent / "scoreboard_alike.sql").read_text()
OSMESAS = {
    "changesets": "id measurements counts total_edits editor user_id created_at closed_at augmented_diffs updated_at",
    "changesets_countries": "changeset_id country_id edit_count augmented_diffs",
    "changesets_hashtags": "changeset_id hashtag_id",
    "countries": "id name code",
    "hashtags": "id hashtag",
    "users": "id name",
    "refreshments": "mat_view updated_at",
    "checkpoints": "proc_name sequence",
}

# A changeset counts when it has a counted feature, at a time that may be its newest edit's; see the documentation.
COUNTED = """
CREATE VIEW changesets AS
SELECT id, measurements, counts, total_edits, editor, user_id, created_at, counted_at AS closed_at, updated_at
FROM public.changesets WHERE counted_at IS NOT NULL;
"""
TIES = re.compile(
    r"SELECT (\w+), (\w+), (count\(\*\) changesets, (sum\(.*\)) edits,\s+)rank\(\) OVER \(PARTITION BY .* DESC\) place"
)
DIFFERENCES = {
    # lists hold exactly so many keys, ties by text or the smaller id
    "DESC, editor) place": 'DESC, editor COLLATE "C") place',
    # a user's edits in a country are those that lie there
    "code, count(*) changesets, sum(coalesce(total_edits": "code, count(*) changesets, sum(coalesce(edit_count",
    "FROM placed GROUP BY country_id, user_id": "FROM placed WHERE user_id IS NOT NULL GROUP BY country_id, user_id",
    # nobody is left out of a country, and what lies in it counts, not whole changesets
    "WHERE user_id > 1": "",
    "SELECT id, user_id, country_id, measurements, counts,": "SELECT id, user_id, country_id,"
    " measurements_there AS measurements, counts_there AS counts,",
}


# Edits without any user are in no list of users, and take no place in it.
NOBODY = (
    "GROUP BY hashtag_id, user_id\n), mappers",
    "GROUP BY hashtag_id, user_id HAVING user_id IS NOT NULL\n), mappers",
)


def without_differences() -> str:
    sql, ties = TIES.subn(
        r"SELECT \1, \2, \3row_number() OVER (PARTITION BY \1 ORDER BY \4 DESC, \2) place", ALIKE
    )
    assert ties == 5
    for theirs, ours in (NOBODY, *DIFFERENCES.items()):
        assert sql.count(theirs) == 1, theirs
        sql = sql.replace(theirs, ours)
    return sql


@pytest.fixture
def made(filled: Connection) -> Iterator[Connection]:
    """A schema of their own, searched before ours, for as long as the test."""
    with filled.transaction(force_rollback=True):
        filled.execute("CREATE SCHEMA alike; SET LOCAL search_path = alike, public")
        yield filled


def rows(connection: Connection, query: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        set_json_loads(exact_json, cursor)
        return cursor.execute(query.encode()).fetchall()


def types(connection: Connection, relation: str) -> dict[str, str]:
    found = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (relation,),
    ).fetchall()
    return {str(name): str(kind) for name, kind in found}


def ours_and_theirs(made: Connection, view: str) -> int:
    """Compare all rows of the view; how many there are."""
    theirs, ours = (
        rows(made, f"SELECT * FROM {schema}.{view} ORDER BY {VIEWS[view]}") for schema in ("alike", "public")
    )
    for expected, row in zip(theirs, [row for row in ours if not row.get("alias_of")], strict=True):
        names = [name for name in expected if name != "updated_at"]
        nothing: dict[str, Any] = {name: {} for name in names if isinstance(row[name], dict)}
        assert {name: row[name] for name in names} == nothing | {
            name: expected[name] for name in names if expected[name] is not None
        }
    return len(theirs)


@pytest.mark.parametrize("view", VIEWS)
def test_views_like_osmesas_can_be_made_of_our_tables_and_have_our_types_and_sums(
    made: Connection, view: str
) -> None:
    made.execute(ALIKE.encode())
    theirs, ours = types(made, f"alike.{view}"), types(made, f"public.{view}")
    assert list(theirs) == list(ours)[: len(theirs)]
    assert theirs == {name: ours[name] for name in theirs}
    key = VIEWS[view].split(", ")
    expected = {
        tuple(row[name] for name in key): row
        for row in rows(made, f"SELECT * FROM alike.{view} WHERE edit_count > 0")
    }
    found = {tuple(row[name] for name in key): row for row in rows(made, f"SELECT * FROM public.{view}")}
    if view == "country_statistics":  # of whole changesets, and not everybody's, there
        assert expected.keys() <= found.keys()
    else:
        names = ("edit_count", "counts", "measurements")
        assert {owner: [row[name] or {} for name in names] for owner, row in expected.items()} == {
            owner: [row[name] for name in names] for owner, row in found.items()
        }


@pytest.mark.parametrize("view", VIEWS)
def test_they_are_ours_row_by_row_once_the_stated_differences_are_taken_out(
    made: Connection, view: str
) -> None:
    made.execute(COUNTED)
    made.execute(without_differences().encode())
    assert ours_and_theirs(made, view) > 3


def test_a_changeset_without_a_user_in_a_list_of_users_does_not_stop_osmesas(made: Connection) -> None:
    """Its definition takes user ids for an object's keys, which can't be null."""
    made.execute(
        "INSERT INTO changesets_hashtags SELECT c.id, h.id FROM changesets AS c, hashtags AS h"
        " WHERE c.user_id IS NULL AND c.total_edits > 0 ON CONFLICT DO NOTHING"
    )
    made.execute(ALIKE.encode())
    lists = rows(
        made, "SELECT tag, user_changesets AS one, user_edits AS other FROM alike.hashtag_statistics"
    )
    assert all(
        row["one"] is None or (row["one"].keys() == row["other"].keys() and row["one"]) for row in lists
    )
    assert sum(len(row["one"] or ()) for row in lists) > 10
    ours = made.execute("SELECT tag, user_edits FROM public.hashtag_statistics").fetchall()
    known = {str(row[0]) for row in made.execute("SELECT user_id FROM changesets WHERE user_id IS NOT NULL")}
    assert {key for _, edits in ours for key in edits} <= known


KEYS = {
    "a null key": ("(VALUES (1::bigint, 2::bigint), (NULL, 3)) AS t (k, v)", {"1": 2}),
    "nothing but null keys": ("(VALUES (NULL::bigint, 3::bigint)) AS t (k, v)", None),
    "no row": ("(VALUES (1::bigint, 3::bigint)) AS t (k, v) WHERE false", None),
    "a null value": ("(VALUES (1::bigint, NULL::bigint)) AS t (k, v)", {"1": None}),
    "a key twice": ("(VALUES (1::bigint, 2::bigint), (1, 3)) AS t (k, v)", {"1": 3}),
    "other types": ("(VALUES ('a', 2::bigint)) AS t (k, v)", {"a": 2}),
}


@pytest.mark.parametrize("case", KEYS)
def test_an_object_by_user_id_is_postgresqls_but_for_null_keys(filled: Connection, case: str) -> None:
    source, expected = KEYS[case]
    assert filled.execute(f"SELECT jsonb_object_agg(k, v) FROM {source}".encode()).fetchone() == (expected,)


FILTERS = {
    "everything": "true",
    "a user": "user_id = 1101",
    "a country": "changesets.id IN (SELECT changeset_id FROM changesets_countries JOIN countries"
    " ON country_id = countries.id WHERE code = 'KEN')",
    "a hashtag": "changesets.id IN (SELECT changeset_id FROM changesets_hashtags JOIN hashtags"
    " ON hashtag_id = hashtags.id WHERE hashtag = 'missingmaps')",
}


@pytest.mark.parametrize("what", FILTERS)
def test_a_series_like_scoreboards_is_what_the_tables_say(filled: Connection, what: str) -> None:
    first, last = filled.execute("SELECT min(created_at), max(created_at) FROM changesets").fetchone() or ()
    series = SERIES.replace("{filter}", FILTERS[what])
    found = filled.execute(series.encode(), {"first": first, "last": last}).fetchall()
    assert {row[-2:] for row in found} == {("bigint", "bigint")}
    expected: dict[Any, list[Any]] = defaultdict(lambda: [0, 0, set(), set(), 0])
    for uid, edits, tags, places in filled.execute(
        "SELECT c.user_id, c.total_edits,"
        " ARRAY(SELECT h.hashtag FROM changesets_hashtags AS l JOIN hashtags AS h ON h.id = l.hashtag_id"
        " WHERE l.changeset_id = c.id),"
        " ARRAY(SELECT n.name || '|' || l.edit_count FROM changesets_countries AS l"
        " JOIN countries AS n ON n.id = l.country_id WHERE l.changeset_id = c.id)"
        " FROM changesets AS c WHERE c.created_at IS NOT NULL AND c.user_id IS NOT NULL"
        f" AND {FILTERS[what].replace('changesets.id', 'c.id')}".encode()
    ).fetchall():
        one = expected[uid]
        one[0], one[1] = one[0] + 1, one[1] + edits
        one[2].update(tags)
        one[3].update(place.rpartition("|")[0] for place in places)
        one[4] += sum(int(place.rpartition("|")[2]) for place in places)
    told: dict[Any, list[Any]] = defaultdict(lambda: [0, 0, set(), set(), 0])
    for uid, _, _, changesets, edits, tags, places, _, _, placed, *_ in found:
        if not changesets or uid is None:  # a bin without any, or without a user: those join with nothing
            continue
        one = told[uid]
        one[0], one[1], one[4] = one[0] + changesets, one[1] + edits, one[4] + (placed or Decimal(0))
        one[2].update(tags or ())
        one[3].update(places or ())
    assert told == expected
    assert expected


def test_no_column_of_ours_has_a_name_of_osmesas_or_of_another_table(filled: Connection) -> None:
    """Whatever OSMesa's tables are joined with each other: a column without its table is the one that is meant."""
    theirs = {name for columns in OSMESAS.values() for name in columns.split()}
    ours: list[str] = []
    for table, columns in OSMESAS.items():
        found = list(types(filled, table))
        assert found[: len(columns.split())] == columns.split()
        ours += found[len(columns.split()) :]
    taken = {
        "bin_start",
        "bin_end",
        "key",
        "value",
        "day",
        "rank",
        "changesets",
        "edits",
        "code",
        "last_edit",
    }
    views = {
        name for view in VIEWS for name in list(types(filled, view)) if name not in ("first_edit", "alias_of")
    }
    assert not {*ours} & (theirs | taken | views)
    assert len(ours) == len(set(ours))


def test_what_is_an_integer_there_is_one_here(filled: Connection) -> None:
    changesets, countries = types(filled, "changesets"), types(filled, "changesets_countries")
    assert (changesets["total_edits"], countries["edit_count"]) == ("integer", "integer")
    assert changesets["augmented_diffs"] == countries["augmented_diffs"] == "integer[]"
    assert (changesets["id"], types(filled, "user_statistics")["edit_count"]) == ("bigint", "bigint")
