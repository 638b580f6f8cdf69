"""Dagster's records, made once for a run of the tests and copied where a test begins new ones: to make them takes
a fifth of a second of the processor, and a hundred tests do. No test is here.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from tests.place import FAST

make = DagsterSqliteStorage.from_local


def _whole() -> Path:
    """The records of nothing, whole; the first process of the run that asks makes them."""
    folder = Path(os.environ.get(FAST) or tempfile.gettempdir())
    made = folder / "dagster-records"
    with (folder / "dagster-records.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            unfinished = folder / "dagster-records.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            make(str(unfinished)).dispose()
            unfinished.rename(made)
    return made


def copied(base_dir: str, inst_data: Any = None) -> DagsterSqliteStorage:
    """As DagsterSqliteStorage.from_local."""
    if not (Path(base_dir) / "history").exists():
        shutil.copytree(_whole(), base_dir, dirs_exist_ok=True)
    return make(base_dir, inst_data)


def copy_them() -> None:
    """From now on, in this process and its forks, records are begun by a copy."""
    DagsterSqliteStorage.from_local = copied  # type: ignore[method-assign]
