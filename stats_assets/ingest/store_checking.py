"""A step of the check of the maker's store: some minutes of reading, from where the last one ended.

Where that is lies in a file beside the store, so that it goes with it. What a check reads is augment/lmdb_store.py's.
"""

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from stats_assets.augment.store_errors import StoreDamaged
from stats_assets.files import write_whole

PLACE = "checked"
"""The file."""


@dataclass(frozen=True)
class Checked:
    """How far the check is."""

    table: str | None = None
    """That of the row that was read last; None: it begins with the first."""
    key: str = ""
    """Of that row, in hexadecimals."""
    rows: int = 0
    """How many were read since the beginning."""
    ended: str | None = None
    """When it came to the end last; None: never."""
    damage: str = ""
    """What was found. It stands until all was read without finding anything."""


def check_on(folder: Path, seconds: float) -> Checked:
    """Read on for about so long, or to the end. Raises StoreError, but for damage: that is in the result."""
    from stats_assets.augment.lmdb_store import BEGINNING, LmdbStore, Row

    end = time.monotonic() + seconds
    before = _kept(folder)
    try:
        with LmdbStore(folder) as store:
            since = (
                BEGINNING
                if before.table is None
                else Row(before.table, bytes.fromhex(before.key), before.rows)
            )
            row = store.check(since, lambda row: time.monotonic() > end)
    except StoreDamaged as error:
        now = Checked(ended=before.ended, damage=str(error))
    else:
        if row is None:
            now = Checked(ended=datetime.now(UTC).isoformat(timespec="seconds"))
        else:
            now = Checked(row.table, row.key.hex(), row.rows, before.ended, before.damage)
    write_whole(folder / PLACE, json.dumps(asdict(now)))
    return now


def _kept(folder: Path) -> Checked:
    try:
        return Checked(**json.loads((folder / PLACE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return Checked()
