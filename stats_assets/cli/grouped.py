"""A diff's changesets summed by user or by country, for `stats --by`.

pandas is imported here, when it is asked for, and nowhere else: no run, tick or other command pays for it.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from stats_assets.osm.statistics import ChangesetStatistics

By = Literal["user", "country"]


class Group(NamedTuple):
    """What a user did, or what was done in a country; `name` is empty where that is nobody. Exact sums."""

    name: str
    changesets: int
    edits: int
    counts: dict[str, int]
    measurements: dict[str, Decimal]

    def as_json(self, by: By) -> dict[str, Any]:
        """As `--json` prints it, under the key that it is grouped by."""
        return {by: self.name} | {key: value for key, value in self._asdict().items() if key != "name"}


class _Part(NamedTuple):
    name: str
    changeset: int
    edits: int
    counts: dict[str, int]
    measurements: dict[str, Decimal]


def grouped(changesets: Sequence[ChangesetStatistics], by: By) -> list[Group]:
    """The groups, those with most edits first."""
    import pandas as pd

    parts = list(_parts(changesets, by))
    frame = pd.DataFrame(parts, columns=_Part._fields)
    sums = frame.groupby("name").agg(changesets=("changeset", "nunique"), edits=("edits", "sum"))
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


def _parts(changesets: Sequence[ChangesetStatistics], by: By) -> Iterator[_Part]:
    for one in changesets:
        if by == "user":
            yield _Part(shown_user(one), one.changeset, one.total_edits, one.counts, one.measurements)
        else:
            for code, part in one.countries.items():
                yield _Part(code, one.changeset, *part)


def shown_user(changeset: ChangesetStatistics) -> str:
    """The user's name, or id where the diff has no name, or nothing."""
    return changeset.user or (str(changeset.uid) if changeset.uid else "")
