"""What a diff adds up to: facts per changeset and region (docs/definitions.md, section 5), and what can't be counted.

Here: the result's types, and summing. Not here: how a feature comes by its measures.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from stats_assets.osm.categories import Categories
from stats_assets.osm.creations import Creations
from stats_assets.osm.credit import UNTIMED, Credit
from stats_assets.osm.document import Envelope
from stats_assets.osm.features import Feature
from stats_assets.osm.measures import decimal
from stats_assets.osm.values import moment

UNREADABLE = "unreadable_"  # flags that begin so count what could not be read


class RegionStatistics(NamedTuple):
    """What of a changeset lies in one region."""

    edit_count: int
    """The number of features located there."""
    counts: dict[str, int]
    measurements: dict[str, Decimal]


class ChangesetStatistics(NamedTuple):
    """One changeset in one diff; there is one only where it has a counted feature."""

    changeset: int
    uid: int | None
    user: str | None
    """The name that the newest of this user's edits with one has."""
    edited_at: datetime
    """The newest time of its features' edits (UTC); the diff's end where none tells a time."""
    counts: dict[str, int]
    measurements: dict[str, Decimal]
    """In km and km², exact decimals of at most 9 digits after the point; zero keys are left out."""
    countries: dict[str, RegionStatistics]
    errors: int
    named_at: datetime | None
    """The time of the edit that `user` is from."""

    @property
    def total_edits(self) -> int:
        return sum(self.counts.values())


class FeatureError(NamedTuple):
    """A feature with a broken geometry, or one whose edit is nobody's: a row of table `errors`.

    What OSM can't hold is cut.
    """

    type: int
    """1 a node, 2 a way, 3 a relation."""
    id: int
    ordinal: int
    """Numbers the errors of one element in one diff."""
    tags: dict[str, str]
    """Keys and values are cut after 255 characters, all of them after 10,000."""
    nds: tuple[int, ...]
    """Cut after 2,000."""
    changeset: int | None
    uid: int | None
    user: str | None
    updated: datetime | None
    visible: bool
    version: int | None
    """A deletion may have none."""
    reason: str


class DiffStatistics(NamedTuple):
    """All of one augmented diff."""

    envelope: Envelope
    actions: int
    """Those of type create, modify, delete, and whatever could not be read. Each is one of `features`, `tallies` or
    `unreadable` (an unknown type of action is in `tallies` alone).
    """
    features: int
    """Those counted."""
    content_hash: str
    changesets: tuple[ChangesetStatistics, ...]
    errors: tuple[FeatureError, ...]
    tallies: dict[str, int]
    """What was ignored, by reason."""
    bytes: int
    """Of the uncompressed body."""
    flags: dict[str, int] = {}  # noqa: RUF012 - never changed
    """Why the sequence is flagged, by reason: `unreadable_…` (`unreadable` in all), `character_replaced`,
    `value_left_out`, `time_cut`, `user_too_long`, `unknown_child`, `unknown_action_type`.
    """
    examples: tuple[str, ...] = ()
    """A few of what is flagged, each a line for a person."""
    creations: Creations = Creations()

    @property
    def unreadable(self) -> int:
        return unreadable(self.flags)


def unreadable(flags: Mapping[str, int]) -> int:
    """How many actions or changesets could not be read."""
    return sum(number for reason, number in flags.items() if reason.startswith(UNREADABLE))


@dataclass(slots=True)
class _Sums:
    edits: int = 0
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    measures: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, counts: tuple[str, ...], measures: list[tuple[str, int]]) -> None:
        self.edits += 1
        for key in counts:
            self.counts[key] += 1
        for key, amount in measures:
            self.measures[key] += amount

    def measurements(self) -> dict[str, Decimal]:
        return {key: decimal(amount) for key, amount in sorted(self.measures.items()) if amount}


@dataclass(slots=True)
class _Changeset:
    newest: int
    person: tuple[int, int] | None = None
    names: dict[int | None, tuple[int, str]] = field(default_factory=dict)  # of each user
    errors: int = 0
    sums: _Sums = field(default_factory=_Sums)
    regions: dict[str, _Sums] = field(default_factory=lambda: defaultdict(_Sums))

    told: Credit | None = None  # the last one's

    def tell(self, credit: Credit) -> None:
        """What an edit says of the changeset."""
        self.told = credit
        self.newest = max(self.newest, credit.time)
        if credit.uid is not None:
            person = (credit.time, credit.uid)
            self.person = person if self.person is None else max(self.person, person)
        if credit.user is not None and credit.time != UNTIMED:  # evidence has a time
            name = (credit.time, credit.user)
            self.names[credit.uid] = max(self.names.get(credit.uid, name), name)

    @property
    def uid(self) -> int | None:
        return self.person[1] if self.person else None

    @property
    def name(self) -> tuple[int, str] | None:
        """The user's own: somebody else's is no evidence for it."""
        return self.names.get(self.uid)


class Summing:
    """Adds features to their changesets."""

    def __init__(self, categories: Categories) -> None:
        self._categories = categories.categories
        self._keys: dict[tuple[tuple[str, ...], str], _Keys] = {}
        self._changesets: dict[int, _Changeset] = {}
        self.features = 0

    def add(self, feature: Feature, credit: Credit) -> None:
        self.features += 1
        keys = self._keys.get((feature.categories, feature.kind))
        if keys is None:
            keys = self._keys[feature.categories, feature.kind] = self._keys_of(feature)
        measures = [(key, feature.length) for key in keys.length] if feature.length else []
        if feature.area:
            measures += [(key, feature.area) for key in keys.area]
        changeset = self._changesets.get(credit.changeset)
        if changeset is None:
            changeset = self._changesets[credit.changeset] = _Changeset(credit.time)
        if credit is not changeset.told:  # mostly the same as the last one's
            changeset.tell(credit)
        changeset.errors += feature.broken is not None
        changeset.sums.add(keys.counts, measures)
        for region in feature.regions:
            changeset.regions[region].add(keys.counts, measures)

    def _keys_of(self, feature: Feature) -> "_Keys":
        categories = [self._categories[name] for name in feature.categories]
        return _Keys(
            tuple(f"{category.name}_{feature.kind}" for category in categories),
            tuple(f"{category.length}_{feature.kind}" for category in categories if category.length),
            tuple(f"{category.area}_{feature.kind}" for category in categories if category.area),
        )

    def changesets(self, end: datetime) -> tuple[ChangesetStatistics, ...]:
        """All of them; `end`: of the diff."""
        return tuple(
            ChangesetStatistics(
                number,
                changeset.uid,
                changeset.name[1] if changeset.name else None,
                moment(changeset.newest) if changeset.newest != UNTIMED else end,
                dict(sorted(changeset.sums.counts.items())),
                changeset.sums.measurements(),
                {
                    code: RegionStatistics(sums.edits, dict(sorted(sums.counts.items())), sums.measurements())
                    for code, sums in sorted(changeset.regions.items())
                },
                changeset.errors,
                moment(changeset.name[0]) if changeset.name else None,
            )
            for number, changeset in sorted(self._changesets.items())
        )


class _Keys(NamedTuple):
    counts: tuple[str, ...]
    length: tuple[str, ...]
    area: tuple[str, ...]
