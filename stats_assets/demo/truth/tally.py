"""What is known of one changeset, and sums of what was booked: the parts that `truth` adds up."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from stats_assets.demo.truth.book import Entry
from stats_assets.demo.world.mappers import ANONYMOUS
from stats_assets.demo.world.session import Metadata

Json = dict[str, Any]


@dataclass
class Tally:
    """Edits, counts and measurements that belong together."""

    edits: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    measurements: dict[str, Decimal] = field(default_factory=dict)

    def add(self, entry: Entry, edits: int) -> None:
        self.edits += edits
        self.counts.update(entry.counts)
        for key, value in entry.measurements:
            self.measurements[key] = self.measurements.get(key, Decimal(0)) + value

    def merge(self, other: "Tally") -> None:
        self.edits += other.edits
        self.counts.update(other.counts)
        for key, value in other.measurements.items():
            self.measurements[key] = self.measurements.get(key, Decimal(0)) + value

    def json(self) -> Json:
        return {
            "counts": dict(sorted(self.counts.items())),
            "measurements": {key: plain(value) for key, value in sorted(self.measurements.items())},
        }


@dataclass
class Known:
    """All that is known of one changeset after some sequences of both feeds."""

    id: int
    metadata: Metadata | None = None
    closed_at: datetime | None = None
    uid: int | None = None
    newest_edit: datetime | None = None
    all: Tally = field(default_factory=Tally)
    countries: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))

    @property
    def user(self) -> int | None:
        known = self.uid if self.uid else self.metadata.uid if self.metadata else ANONYMOUS
        return known if known != ANONYMOUS else None

    @property
    def editor(self) -> str | None:
        return self.metadata.editor if self.metadata else None

    @property
    def hashtags(self) -> tuple[str, ...]:
        return self.metadata.remark.expected if self.metadata else ()

    @property
    def time(self) -> datetime:
        times = (self.closed_at, self.metadata.created_at if self.metadata else None, self.newest_edit)
        return next(time for time in times if time is not None)


class Member(NamedTuple):
    """A changeset within an aggregate, with what it brings there."""

    changeset: Known
    tally: Tally


def plain(value: Decimal) -> str:
    """No exponent, no trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
