"""Who gets the credit: what an element says of its edit, and whose edit moved a way (definitions, section 2).

Here: the credits of one diff's changed nodes, in few bytes each, and the search among them. Not here: what is counted.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stats_assets.osm.positions import Integers


class Credit(NamedTuple):
    """An edit as an element tells of it: when (microseconds since 1970), in which changeset, by whom."""

    time: int
    changeset: int
    uid: int | None
    user: str | None


class NodeCredits:
    """The credit of every node that the diff creates, deletes or gives a new version; 32 bytes each."""

    def __init__(self) -> None:
        self._id, self._time, self._changeset, self._who = array("q"), array("q"), array("q"), array("q")
        self._people: dict[tuple[int | None, str | None], int] = {}

    def add(self, node: int, credit: Credit) -> None:
        self._id.append(node)
        self._time.append(credit.time)
        self._changeset.append(credit.changeset)
        self._who.append(self._people.setdefault((credit.uid, credit.user), len(self._people)))

    def newest(self, groups: Sequence[Sequence[int]]) -> list[Credit | None]:
        """For each group of node ids the newest credit, on a tie that of the highest changeset; None: there is none."""
        people = list(self._people)
        found: list[Credit | None] = [None] * len(groups)
        if not people or not groups:
            return found
        node, time, changeset, who = (
            np.array(column, dtype=np.int64) for column in (self._id, self._time, self._changeset, self._who)
        )
        # The last sort key only makes the choice independent of the order of actions.
        ranks = np.empty(len(people), dtype=np.int64)
        ranks[sorted(range(len(people)), key=lambda n: _rank(people[n]))] = np.arange(len(people))
        order = np.lexsort((ranks[who], changeset, time, node))
        order = order[np.append(np.diff(node[order]) != 0, True)]  # the newest of each node
        known: Integers = node[order]

        group = np.repeat(np.arange(len(groups)), [len(ids) for ids in groups])
        wanted = np.array([id_ for ids in groups for id_ in ids], dtype=np.int64)
        place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        hit = known[place] == wanted
        group, row = group[hit], order[place[hit]]
        best = np.lexsort((ranks[who[row]], changeset[row], time[row], group))
        best = best[np.append(np.diff(group[best]) != 0, True)] if len(best) else best
        for position in best:
            r = row[position]
            found[group[position]] = Credit(int(time[r]), int(changeset[r]), *people[who[r]])
        return found


def _rank(person: tuple[int | None, str | None]) -> tuple[int, str]:
    uid, user = person
    return (-1 if uid is None else uid, user or "")
