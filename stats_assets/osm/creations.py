"""What a diff's creations look like together: evidence of a server that does not know what was before.

Here: counting. What it means for the body is feeds/history.py's.
"""

from typing import NamedTuple


class Creations(NamedTuple):
    """The creations of one diff."""

    number: int = 0
    later: int = 0
    """Those whose version is above 1."""
    alone: bool = True
    """All of them are of one changeset."""


class CreationsSeen:
    """Creations, one by one."""

    def __init__(self) -> None:
        self._number = self._later = 0
        self._changeset: str | None = None
        self._alone = True

    def add(self, version: int, changeset: str | None, number: int = 1) -> None:
        """So many that are alike."""
        if not self._number:
            self._changeset = changeset
        self._number += number
        self._later += number * (version > 1)
        self._alone = self._alone and changeset == self._changeset

    @property
    def counted(self) -> Creations:
        return Creations(self._number, self._later, self._alone)
