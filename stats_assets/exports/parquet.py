"""A table as Parquet: int64, decimal(38,9), timestamps in UTC; written in row groups, so that none is whole in
memory. Its metadata has the answer's `about`.
"""

import io
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import islice
from typing import Any

from stats_assets.exports.cells import Type, time_of, type_of
from stats_assets.exports.table import Table
from stats_assets.questions.answer import Value
from stats_assets.questions.exact_json import written as as_json

_ROWS = 5_000
"""Of a row group."""
_NANO = Decimal("1e-9")
_EXACT = Context(prec=60)
"""More digits than a number of the database has."""


class _Drained(io.RawIOBase):
    """A file that only grows at its end, and whose beginning is taken away again and again."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any, /) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def written(table: Table) -> Iterator[bytes]:
    """The file in pieces, one a row group."""
    import pyarrow as pa
    from pyarrow import parquet

    arrow = {
        "whole": pa.int64(),
        "decimal": pa.decimal128(38, 9),
        "time": pa.timestamp("us", tz="UTC"),
        "truth": pa.bool_(),
        "texts": pa.list_(pa.string()),
        "text": pa.string(),
    }
    types = {name: type_of(name) for name in table.columns}
    said = {} if table.about is None else {"about": as_json(table.about)}
    schema = pa.schema([(name, arrow[kind]) for name, kind in types.items()], metadata=said)
    out, rows = _Drained(), iter(table.rows)
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        while group := list(islice(rows, _ROWS)):
            arrays = [
                pa.array([_cell(row.get(name), kind) for row in group], arrow[kind])
                for name, kind in types.items()
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield out.taken()
    yield out.taken()


def _cell(value: Value, kind: Type) -> Any:
    if value is None:
        return None
    if kind == "time":
        return time_of(value)
    if kind == "decimal":
        assert isinstance(value, int | Decimal)  # noqa: S101 - measurements are numbers
        return Decimal(value).quantize(_NANO, ROUND_HALF_EVEN, _EXACT)
    if kind == "text" and not isinstance(value, str):
        return str(value)
    return value
