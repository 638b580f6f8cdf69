"""A table as lines of JSON, a row each, with exact decimals."""

from collections.abc import Iterator

from stats_assets.exports.table import Table
from stats_assets.questions.exact_json import written as as_json

_ROWS = 500


def written(table: Table) -> Iterator[str]:
    """The file in pieces of some hundred rows."""
    lines: list[str] = []
    for row in table.rows:
        lines.append(as_json({name: row.get(name) for name in table.columns}) + "\n")
        if len(lines) == _ROWS:
            yield "".join(lines)
            lines = []
    yield "".join(lines)
