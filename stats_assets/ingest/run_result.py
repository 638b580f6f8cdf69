"""What a run did: figures, failures, and whether all in all it failed. How it is shown is the assets'."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from stats_assets.database.ledger.worth import Verdict
from stats_assets.ingest.parse import Reading

NOT_YET = "the feed does not have the rest yet"
BEFORE_HISTORY = "{} minutes in a row are before the server's history: the rest of the range was left"


class RunFailed(Exception):
    """Nothing could be committed; the message says why and what happens next."""


@dataclass
class Report:
    """What a run did; it becomes the materialization's metadata."""

    start: int
    end: int
    url: str | None = None
    """Where it was read from, for people."""
    head: int | None = None
    settled: int | None = None
    """The newest sequence whose body is final, where the feed's state says so."""
    began: datetime | None = None  # by the database's clock
    verdicts: Counter[str] = field(default_factory=Counter)
    failed: dict[int, str] = field(default_factory=dict)
    lasting: int = 0
    """Of those that failed: what another try alone does not mend, as facts are away, or the server has no history."""
    due: int = 0
    done: list[int] = field(default_factory=list)  # in the order of their commits
    left: int = 0
    ended_early: str | None = None
    actions: int = 0
    features: int = 0
    changesets: int = 0
    errors: int = 0
    bytes: int = 0
    """Uncompressed."""
    tallies: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    fetch_seconds: float = 0.0
    count_seconds: float = 0.0
    commit_seconds: float = 0.0

    @property
    def committed(self) -> int:
        """How many sequences ended well, changed or not."""
        return sum(self.verdicts.values())

    def add(self, sequence: int, verdict: Verdict, reading: Reading) -> None:
        """Book a sequence that ended well."""
        self.done.append(sequence)
        self.verdicts[verdict.value] += 1
        self.actions += reading.actions
        self.features += reading.features
        self.changesets += reading.changesets
        self.errors += reading.errors
        self.bytes += reading.bytes
        self.tallies.update(reading.tallies)
        self.flags.update(reading.flags)

    def so_far(self) -> str:
        """What was done of the range, for the person who ended the run early."""
        done = f": {min(self.done)}..{max(self.done)}" if self.done else ""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        left = max(0, self.due - self.committed - len(self.failed))
        next_one = f", from {max(self.done) + 1} on" if self.done and left else ""
        return (
            f"{self.committed} of {self.due} sequences of {self.start}..{self.end} were committed{done}{failed};"
            f" {left} are left{next_one}"
        )

    def in_words(self) -> str:
        """What was done, in a line of the run's log."""
        found = {"actions": self.actions, "counted features": self.features, "changesets": self.changesets}
        content = ", ".join(f"{number} {what}" for what, number in found.items() if number)
        failed = f", {len(self.failed)} failed" if self.failed else ""
        left = f", {self.left} left" if self.left else ""
        took = (
            f"fetched in {self.fetch_seconds:.1f} s, counted in {self.count_seconds:.1f} s,"
            f" committed in {self.commit_seconds:.1f} s"
        )
        range_ = f"{self.start}" if self.start == self.end else f"{self.start}..{self.end}"
        return f"{range_}: {self.committed} committed{failed}{left}{content and f' ({content})'}; {took}"

    def raise_if_failed(self) -> None:
        """Raises RunFailed when there was work and nothing of it could be committed."""
        if self.committed:
            return
        if self.failed:
            first = min(self.failed)
            again = " They are tried again by themselves, after growing pauses."
            raise RunFailed(
                f"None of the sequences {self.start}..{self.end} could be committed."
                f" {first}: {self.failed[first].rstrip('.')}.{again if len(self.failed) > self.lasting else ''}"
            )
        if self.left and self.ended_early and self.ended_early != NOT_YET:
            raise RunFailed(self.ended_early)
