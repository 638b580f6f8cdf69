"""Real diffs in a folder, served as if they were the world: `NNN.adiff.xml.gz` and `NNN.osm.gz`, NNN a
sequence.
"""

from pathlib import Path


class FolderError(Exception):
    """There is nothing to serve."""


class Folder:
    """Looked at anew each time, so that files may be added while it is served."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        if not self._sequences(".adiff.xml.gz"):
            raise FolderError(
                f"{directory} holds no NNN.adiff.xml.gz: name each diff after its sequence number"
            )

    def head(self) -> int:
        return max(self._sequences(".adiff.xml.gz"))

    def diff(self, sequence: int) -> bytes | None:
        return self._read(".adiff.xml.gz", sequence)

    def newest_changesets(self) -> int | None:
        return max(self._sequences(".osm.gz"), default=None)

    def changesets(self, sequence: int) -> bytes | None:
        return self._read(".osm.gz", sequence)

    def _sequences(self, suffix: str) -> dict[int, Path]:
        stems = ((path.name.removesuffix(suffix), path) for path in self._directory.glob(f"*{suffix}"))
        return {int(stem): path for stem, path in stems if stem.isascii() and stem.isdigit()}

    def _read(self, suffix: str, sequence: int) -> bytes | None:
        path = self._sequences(suffix).get(sequence)
        return None if path is None else path.read_bytes()
