"""A diff's changesets summed by user or by country, for `stats --by`.

pandas is imported here, when it is asked for, and nowhere else: no run, tick or other command pays for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from stats_assets.osm.statistics import ChangesetStatistics

By = Literal["user", "country"]


class Group(NamedTuple):
    """What a user did, or what was done in a country, in so many changesets; `name` is empty where that is nobody."""

    name: str
    changesets: int
    edits: int
    counts: dict[str, int]
    measurements: dict[str, Decimal]

    def as_json(self, by: By) -> dict[str, Any]:
        """As `--json` prints it, under the key that it is grouped by."""
        return {by: self.name} | {key: value for key, value in self._asdict().items() if key != "name"}


def grouped(changesets: Sequence[ChangesetStatistics], by: By) -> list[Group]:
    """The groups, those with most edits first; sums are exact."""
    import pandas as pd

    parts = list(_parts(changesets, by))
    frame = pd.DataFrame(parts, columns=Group._fields)
    sums = frame.groupby("name")[["changesets", "edits"]].sum()
    sums = sums.sort_values("edits", ascending=False, kind="stable")
    keyed = pd.DataFrame(
        [
            (part.name, kind, key, value)
            for part in parts
            for kind in ("counts", "measurements")
            for key, value in getattr(part, kind).items()
        ],
        columns=["name", "kind", "key", "value"],
    ).astype({"value": object})  # ints and Decimals stay what they are, and so exact
    values: dict[tuple[str, str], dict[str, Any]] = {}
    summed = keyed.groupby(["name", "kind", "key"], as_index=False)["value"].sum()
    for name, kind, key, value in summed.itertuples(index=False):
        values.setdefault((name, kind), {})[key] = value
    return [
        Group(
            str(name),
            int(row.changesets),
            int(row.edits),
            values.get((str(name), "counts"), {}),
            values.get((str(name), "measurements"), {}),
        )
        for name, row in sums.iterrows()
    ]


def _parts(changesets: Sequence[ChangesetStatistics], by: By) -> Iterator[Group]:
    """A changeset's, each: all of it, or a country's share."""
    for one in changesets:
        if by == "user":
            yield Group(shown_user(one), 1, one.total_edits, one.counts, one.measurements)
        else:
            for code, part in one.countries.items():
                yield Group(code, 1, *part)


def shown_user(changeset: ChangesetStatistics) -> str:
    """The user's name, or id where the diff has no name, or nothing."""
    return changeset.user or (str(changeset.uid) if changeset.uid else "")
