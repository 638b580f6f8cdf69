"""The verdict on all statistics: what the last verification or rebuild left it at, until another says otherwise.

One record, whoever verified: the schedule, a command, the sample after an update. How they compare is passes.py's.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from stats_assets.database.connection import Connection
from stats_assets.database.statistics.verification import Difference

EXAMPLES = 10


class Verdict(NamedTuple):
    """What was found of the statistics."""

    state: Literal["never", "exact", "differs", "rebuilt"]
    """Never verified to the end, exact, differs, or rebuilt after it differed."""
    at: datetime | None
    """When that was found."""
    differences: int
    """How many are known."""
    examples: Sequence[str] = ()
    """The first of them, for a person."""

    @property
    def bad(self) -> bool:
        return self.state == "differs"

    def as_json(self) -> dict[str, Any]:
        """As monitors read it."""
        return {"state": self.state, "at": self.at, "differences": self.differences}

    def __str__(self) -> str:
        """As a sentence."""
        when = "" if self.at is None else f"{self.at:%Y-%m-%d %H:%M} UTC"
        if self.state == "never":
            return "The statistics were never verified to the end: stats-assets verify does it."
        if self.state == "exact":
            return f"All statistics were exactly what the facts say, as verified until {when}."
        if self.state == "rebuilt":
            return f"All statistics were rebuilt from the facts until {when}, and not verified since."
        examples = "".join(f" {example};" for example in self.examples)
        return (
            f"The statistics differ from the facts, as found at {when}: {self.differences} differences."
            f"{examples.rstrip(';')} stats-assets verify lists them, stats-assets rebuild mends them."
        )


NEVER = Verdict("never", None, 0)


def verdict(connection: Connection) -> Verdict:
    """What is known of all statistics."""
    row = connection.execute("SELECT state, at, differences, examples FROM verdicts").fetchone()
    return Verdict(*row) if row else NEVER


def differ(connection: Connection, found: Sequence[Difference], known: int) -> None:
    """Differences were found just now; `known`: how many this pass knows of. Fewer don't hide what was known before."""
    examples = [f"{one.what}: {one.expected} by the facts, {one.found} here" for one in found[:EXAMPLES]]
    connection.execute(
        """
        INSERT INTO verdicts AS v (state, at, differences, examples)
        VALUES ('differs', clock_timestamp(), %(known)s, %(examples)s)
        ON CONFLICT (one) DO UPDATE SET state = excluded.state, at = excluded.at,
            differences = CASE v.state WHEN 'differs' THEN greatest(v.differences, excluded.differences)
                ELSE excluded.differences END,
            examples = excluded.examples
        """,
        {"known": known, "examples": examples},
    )


def clear(connection: Connection, state: Literal["exact", "rebuilt"], began: datetime) -> None:
    """A whole pass that began then has found nothing, or mended all: what was found since it began still stands."""
    connection.execute(
        """
        INSERT INTO verdicts AS v (state, at, differences, examples)
        VALUES (%(state)s, clock_timestamp(), 0, '{}')
        ON CONFLICT (one) DO UPDATE SET state = excluded.state, at = excluded.at, differences = 0, examples = '{}'
        WHERE v.state <> 'differs' OR v.at < %(began)s
        """,
        {"state": state, "began": began},
    )


def recount(connection: Connection, differences: int) -> None:
    """A whole pass has found so many: what an older one knew of is over."""
    connection.execute("UPDATE verdicts SET differences = %s WHERE state = 'differs'", (differences,))
