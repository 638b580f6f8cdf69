"""What a file that can't be read ends in."""


class Unreadable(Exception):
    """A file that is broken, cut, hostile, or another thing than was said. `str()` is one line: which, and why."""

    def __init__(self, name: str, what: str) -> None:
        self.name, self.what = name, " ".join(what.split())
        super().__init__(name, what)

    def __str__(self) -> str:
        return f"{self.name} {self.what}"
