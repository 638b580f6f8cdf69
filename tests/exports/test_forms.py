"""Tables as files: what no spreadsheet may run, no number may lose, no sign may break. Without a database."""

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as arrow

from stats_assets.exports import csv_form, ndjson, parquet
from stats_assets.exports.cells import type_of
from stats_assets.exports.columns import asked_of, left_out
from stats_assets.exports.csv_form import PLAIN, Dialect, excel
from stats_assets.exports.table import Table, table_of
from stats_assets.osm.categories import Categories
from stats_assets.questions.answer import Answer
from tests.conftest import examples

NAMES = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    'مرحبا,"x"',
    "मानचित्र",
    "a\u202eb",
    "🌍",
    "; DROP",
    "'quoted",
    "",
]


def table(rows: list[dict[str, Any]], *columns: str) -> Table:
    return Table(columns, rows)


def read(text: str, dialect: Dialect = PLAIN) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=dialect.separator))


@pytest.mark.parametrize("dialect", [PLAIN, excel(Locale("fr")), excel(Locale("en"))])
def test_no_name_is_a_formula_and_every_name_comes_back(dialect: Dialect) -> None:
    rows = [{"rank": place, "name": name, "edits": 1} for place, name in enumerate(NAMES)]
    text = "".join(csv_form.written(table(rows, "rank", "name", "edits"), dialect)).removeprefix("\ufeff")
    found = read(text, dialect)
    for name, row in zip(NAMES, found, strict=True):
        dangerous = name[:1] in tuple("=+-@\t\r\n＝")
        assert row["name"] == (f"'{name}" if dangerous else name)
        assert row["edits"] == "1"


def test_numbers_below_zero_are_numbers_and_no_number_has_an_exponent() -> None:
    rows = [
        {"edits": -5, "road_km_added": Decimal("-1E-9")},
        {"edits": 2**62, "road_km_added": Decimal("1E+20")},
    ]
    found = read("".join(csv_form.written(table(rows, "edits", "road_km_added"))))
    assert found[0] == {"edits": "-5", "road_km_added": "-0.000000001"}
    assert found[1] == {"edits": str(2**62), "road_km_added": "1" + "0" * 20}


def test_a_spreadsheet_s_separators_are_those_of_its_language() -> None:
    row = {"edits": 1240, "road_km_added": Decimal("41.203118274"), "name": "a;b"}
    written = {
        code: "".join(csv_form.written(table([row], *row), excel(Locale(code))))
        for code in ("de", "en", "ar", "ne")
    }
    assert written["de"] == '\ufeffedits;road_km_added;name\r\n1240;41,203118274;"a;b"\r\n'
    assert (
        written["en"]
        == written["ar"]
        == written["ne"]
        == "\ufeffedits,road_km_added,name\r\n1240,41.203118274,a;b\r\n"
    )


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(
    st.lists(
        st.tuples(TEXT, st.integers(-(2**63), 2**63 - 1), st.decimals("-1e20", "1e20", places=9)), max_size=9
    )
)
@examples(40)
def test_all_forms_say_the_same(rows: list[tuple[str, int, Decimal]]) -> None:
    given_rows = [{"name": name, "edits": edits, "road_km_added": km} for name, edits, km in rows]
    columns = ("name", "edits", "road_km_added")
    plainly = read("".join(csv_form.written(table(given_rows, *columns))))
    lines = [
        json.loads(line, parse_float=Decimal, parse_int=Decimal)
        for line in "".join(ndjson.written(table(given_rows, *columns))).split("\n")[:-1]
    ]
    blocks = arrow.read_table(io.BytesIO(b"".join(parquet.written(table(given_rows, *columns))))).to_pylist()
    assert len(plainly) == len(lines) == len(blocks) == len(given_rows)
    for known, row, line, block in zip(given_rows, plainly, lines, blocks, strict=True):
        assert row["name"] == csv_form.harmless(str(known["name"]))
        assert line["name"] == block["name"] == known["name"]
        for column in ("edits", "road_km_added"):
            assert Decimal(row[column]) == line[column] == block[column] == known[column]


def test_a_million_rows_are_written_as_they_come() -> None:
    taken: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(1_000_000):
            taken.append(number)
            yield {"edits": number}

    for form in (csv_form.written, ndjson.written, parquet.written):
        taken.clear()
        pieces = form(Table(("edits",), rows()))
        assert next(pieces)
        assert len(taken) <= 5_000


def test_every_column_that_sql_has_has_its_type() -> None:
    for name, category in Categories.load(None).categories.items():
        for change in ("added", "modified", "deleted"):
            assert type_of(f"{name}_{change}") == "whole"
            for measure in filter(None, (category.length, category.area)):
                assert type_of(f"{measure}_{change}") == "decimal"


def test_an_answer_without_rows_has_its_columns() -> None:
    about = {"query": {"of": "users", "metric": "edits", "columns": ["edits", "road_km_added", "changesets"]}}
    empty = table_of(Answer("leaderboard", (), {"about": about, "rows": []}))
    assert "".join(csv_form.written(empty)) == "rank,user_id,name,changesets,edits,road_km_added\n"
    assert arrow.read_table(io.BytesIO(b"".join(parquet.written(empty)))).num_rows == 0
    assert "".join(ndjson.written(empty)) == ""


def test_columns_are_all_unless_some_are_asked_for() -> None:
    assert asked_of("leaderboard", []) == [("columns", "all")]
    assert left_out("leaderboard", []) == {"users", "days"}
    assert left_out("leaderboard", [("metric", "days")]) == {"users"}
    assert left_out("leaderboard", [("of", "hashtags")]) == {"days"}
    assert asked_of("leaderboard", [("columns", "edits")]) == [
        ("columns", "edits"),
        ("columns", "changesets"),
    ]
    many = [("columns", ",".join(f"c{number}" for number in range(12)))]
    assert asked_of("leaderboard", many) == many
    assert asked_of("totals", []) == []
