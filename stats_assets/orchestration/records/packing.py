"""Dagster's long texts as they are kept in SQLite: packed, an eighth as large. Who opens the databases is
`storage.py`.

Every event, run and tick is a JSON of mostly the same words. They are in `dagster_words.txt`, from which zlib copies.
"""

import functools
import sqlite3
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

WORDS = Path(__file__).with_name("dagster_words.txt")
"""Never changed: what was packed with it can't be read without it. Other words get another MARK."""
MARK = b"\0dagster1\0"
JSON = '{"__class__"'
SHORTEST = 200  # characters; what SQL searches for or joins by is shorter, and no such JSON


@functools.cache
def _words() -> bytes:
    return WORDS.read_bytes()


def pack(value: Any) -> Any:
    """One of Dagster's own JSONs as bytes; anything else as it is."""
    if not isinstance(value, str) or len(value) < SHORTEST or not value.startswith(JSON):
        return value
    packer = zlib.compressobj(9, zdict=_words())
    return MARK + packer.compress(value.encode()) + packer.flush()


def unpack(value: Any) -> Any:
    """What was packed as the text that it was; anything else as it is. Raises zlib.error when it is broken."""
    if not isinstance(value, bytes) or not value.startswith(MARK):
        return value
    return zlib.decompressobj(zdict=_words()).decompress(value[len(MARK) :]).decode()


def packing(engine: Engine) -> Engine:
    """The SQLite engine, by which texts are packed when they are written, and unpacked when they are read."""

    @event.listens_for(engine, "connect")
    def unpack_rows(connection: sqlite3.Connection, record: object) -> None:
        connection.row_factory = lambda cursor, row: tuple(map(unpack, row))

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def pack_parameters(
        connection: object,
        cursor: object,
        statement: str,
        parameters: Any,
        context: object,
        executemany: bool,
    ) -> tuple[str, Any]:
        if executemany:
            return statement, [_packed(one) for one in parameters]
        return statement, _packed(parameters)

    return engine


def _packed(parameters: Any) -> Any:
    if isinstance(parameters, dict):
        return {name: pack(value) for name, value in parameters.items()}
    if isinstance(parameters, Sequence):
        return tuple(map(pack, parameters))
    return parameters
