"""A table as CSV: plain (RFC 4180 but for line ends of one sign), or as a spreadsheet of a country opens it.

What people have written is a text in any spreadsheet: a `'` stands before what would be a formula.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from babel import Locale
from babel.numbers import get_decimal_symbol

from stats_assets.exports.cells import type_of
from stats_assets.exports.table import Table
from stats_assets.questions.answer import Value
from stats_assets.questions.exact_json import plain

BOM = "\ufeff"
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_ROWS = 500
"""So many are written at once."""


@dataclass(frozen=True)
class Dialect:
    """How cells and numbers are parted and lines end."""

    separator: str = ","
    decimal: str = "."
    end: str = "\n"
    bom: bool = False


PLAIN = Dialect()


def excel(locale: Locale) -> Dialect:
    """As spreadsheets of this locale open it by a double click: a comma in numbers leaves semicolons for cells."""
    symbol = get_decimal_symbol(locale, numbering_system="latn")
    return Dialect("," if symbol == "." else ";", symbol, "\r\n", bom=True)


def written(table: Table, dialect: Dialect = PLAIN) -> Iterator[str]:
    """The file in pieces of some hundred rows; the first has the names of the columns."""
    lines = [(BOM if dialect.bom else "") + _line(table.columns, dialect)]
    types = [type_of(name) for name in table.columns]
    for row in table.rows:
        cells = (_cell(row.get(name), kind, dialect) for name, kind in zip(table.columns, types, strict=True))
        lines.append(_line(cells, dialect))
        if len(lines) == _ROWS:
            yield "".join(lines)
            lines = []
    yield "".join(lines)


def _line(cells: Iterable[str], dialect: Dialect) -> str:
    """A row. Not by the csv module, which leaves a lone carriage return without quotes (before Python 3.13)."""
    needs = f'"\r\n{dialect.separator}'
    return (
        dialect.separator.join(
            '"' + cell.replace('"', '""') + '"' if any(sign in cell for sign in needs) else cell
            for cell in cells
        )
        + dialect.end
    )


def _cell(value: Value, kind: str, dialect: Dialect) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return plain(value).replace(".", dialect.decimal)
    text = value if isinstance(value, str) else ";".join(map(str, value))
    return text if kind == "time" else harmless(text)


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
