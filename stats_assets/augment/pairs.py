"""Pairs of a thing and who uses it, sorted in bounded memory: runs on the disk, merged by slices of whole groups.

Here: numbers and files. What the pairs mean is planet_loading.py's.
"""

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class Pairs:
    """Pairs of used and user, in any order; runs of them lie in files `NAME.0`, `NAME.1`, ... of the folder."""

    run = 1 << 22
    """Pairs that are sorted at once: 64 MB, and some times as much while they are."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._used, self._users = array("q"), array("q")
        self._runs: list[Path] = []

    def add(self, used: Sequence[int], user: int) -> None:
        """One user of several things."""
        self._used.extend(used)
        self._users.extend([user] * len(used))
        if len(self._used) >= self.run:
            self._write()

    def sorted(self, bits: int = 0) -> Iterator[tuple[Numbers, Numbers]]:
        """Used and users, ascending, each pair once, in slices; all of a group (used >> bits) is in one slice."""
        self._write()
        runs = [np.memmap(path, dtype=np.int64, mode="r").reshape(2, -1) for path in self._runs]
        at = [0] * len(runs)
        step = max(1, self.run // max(1, len(runs)))
        while any(begin < run.shape[1] for begin, run in zip(at, runs, strict=True)):
            # Of each run what comes before the least of what is not taken: so nothing that follows belongs in between.
            beyond = [
                int(run[0, begin + step]) >> bits
                for begin, run in zip(at, runs, strict=True)
                if begin + step < run.shape[1]
            ]
            limit = min(beyond) << bits if beyond else None
            ends = [run.shape[1] if limit is None else int(np.searchsorted(run[0], limit)) for run in runs]
            if limit is not None and ends == at:
                # One group has more than a step of a run.
                limit += 1 << bits
                ends = [int(np.searchsorted(run[0], limit)) for run in runs]
            parts = [run[:, begin:end] for begin, end, run in zip(at, ends, runs, strict=True)]
            at = ends
            used, users = _once(np.concatenate(parts, axis=1))
            yield used, users

    def close(self) -> None:
        """The runs' files are gone."""
        for path in self._runs:
            path.unlink()
        self._runs = []

    def _write(self) -> None:
        if not self._used:
            return
        path = self._folder / f"{self._name}.{len(self._runs)}"
        both = np.array([np.frombuffer(self._used, np.int64), np.frombuffer(self._users, np.int64)])
        # Not by numpy's own writer, whose error on a full disk does not say so.
        path.write_bytes(np.ascontiguousarray(_once(both)).data)
        self._runs.append(path)
        self._used, self._users = array("q"), array("q")


def _once(both: NDArray[Any]) -> NDArray[Any]:
    """Sorted by used, then by user; each pair once."""
    both = both[:, np.lexsort((both[1], both[0]))]
    kept = np.ones(both.shape[1], dtype=bool)
    kept[1:] = (both[:, 1:] != both[:, :-1]).any(axis=0)
    return both[:, kept]
