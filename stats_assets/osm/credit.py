"""Who gets the credit: what an element says of its edit, and whose edit moved a way (docs/definitions.md, section 2).

Here: the credits of one diff's changed nodes, in few bytes each, and the search among them. Not here: what is
counted.
"""

from array import array
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from stats_assets.osm.caching import LONGEST
from stats_assets.osm.values import UnreadableError, read_name, read_number, read_time

NOBODY = 0  # the changeset of an edit that has none
PART = 65_536  # nodes that are looked up at once
UNTIMED = -(1 << 63)  # the time of a deletion that does not tell it: before all others


class Credit(NamedTuple):
    """An edit as an element tells of it: when (microseconds since 1970), in which changeset, by whom.

    An edit in changeset NOBODY is nobody's.
    """

    time: int
    changeset: int
    uid: int | None
    user: str | None


Texts = tuple[str | None, str | None, str | None, str | None]


class Credits:
    """The credits of one diff, each kept once: a changeset's elements share a few dozen.

    limit: the newest time that is believed, in microseconds; what is newer is cut to it. `cut`: whose time was,
    `too_long`: whose user's name was.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self.cut: set[int] = set()
        self.too_long: set[int] = set()
        self.known: dict[Texts, int] = {}  # the numbers of credits that were read before, and tell a time
        self._untimed: dict[Texts, int] = {}
        self._credits: list[Credit] = []
        # Every node that the diff creates, deletes or gives a new version, with the number of its credit: 12 bytes for
        # each. There are so many that a method around these two would cost a twentieth of all.
        self._nodes, self._node_credits = array("q"), array("I")
        self.add_node, self.add_node_credit = self._nodes.append, self._node_credits.append

    def __getitem__(self, number: int) -> Credit:
        return self._credits[number]

    def number(self, texts: Texts, deleted: bool) -> int:
        """The number of a credit that is not `known` yet. Raises UnreadableError as `read_credit` does."""
        number = self._untimed.get(texts, -1) if deleted else -1
        if number >= 0:
            return number
        credit = read_credit(texts, deleted)
        number = len(self._credits)
        if max(len(text or "") for text in texts) <= LONGEST:  # what is longer is read again each time
            (self._untimed if credit.time == UNTIMED else self.known)[texts] = number
        if len(texts[3] or "") > LONGEST:
            self.too_long.add(number)
        if self._limit is not None and credit.time > self._limit:
            credit = credit._replace(time=self._limit)
            self.cut.add(number)
        self._credits.append(credit)
        return number

    def changed(self, nodes: "array[int]", number: int) -> None:
        """This edit changed these nodes."""
        self._nodes.extend(nodes)
        self._node_credits.extend(array("I", (number,)) * len(nodes))

    def newest(self, wanted: "array[int]", sizes: "array[int]") -> list[Credit | None]:
        """For each group of node ids the newest credit, on a tie that of the highest changeset.

        The groups' ids follow each other; so many (`sizes`) are each group's. It may be nobody's. None where this diff
        changes none of the nodes.
        """
        found: list[Credit | None] = [None] * len(sizes)
        if not wanted or not self._nodes:
            return found
        # From here on a credit is its rank: a higher one is newer, or wins the tie.
        ranked = sorted(range(len(self._credits)), key=lambda number: _rank(self._credits[number]))
        ranks = np.empty(len(ranked), dtype=np.int64)
        ranks[ranked] = np.arange(len(ranked))
        # All nodes are millions, and few of them are asked for: those are sorted, and all looked up in them, part by
        # part, as a copy of all would be most of what is held.
        asked = np.unique(np.frombuffer(wanted, dtype=np.int64))
        newest = np.full(len(asked), -1, dtype=np.int64)
        for nodes, credits in zip(_parts(self._nodes), _parts(self._node_credits), strict=True):
            places = np.minimum(np.searchsorted(asked, nodes), len(asked) - 1)
            changed = asked[places] == nodes
            np.maximum.at(newest, places[changed], ranks[credits[changed]])

        owners = np.repeat(np.arange(len(sizes)), sizes)
        best = np.full(len(sizes), -1, dtype=np.int64)
        np.maximum.at(best, owners, newest[np.searchsorted(asked, wanted)])
        return [self._credits[ranked[rank]] if rank >= 0 else None for rank in best.tolist()]


def _parts(numbers: "array[int]") -> Iterator[np.ndarray[Any, Any]]:
    """Views of the array, a part after the other."""
    whole = np.frombuffer(numbers, dtype=numbers.typecode)
    for start in range(0, len(whole), PART):
        yield whole[start : start + PART]


def read_credit(texts: Texts, deleted: bool) -> Credit:
    """The credit that these attributes tell: timestamp, changeset, uid, user. Raises UnreadableError.

    An empty or absent uid, and uid 0, are no user; an absent changeset, and 0, are nobody's. Only a deletion may do
    without a time.
    """
    time_text, changeset_text, uid_text, user = texts
    changeset = NOBODY if changeset_text is None else read_number(changeset_text, "changeset")
    uid = read_number(uid_text, "uid") if uid_text else 0
    try:
        time = read_time(time_text)
    except UnreadableError:
        if not deleted:
            raise
        time = UNTIMED
    return Credit(time, changeset, uid or None, read_name(user))


def _rank(credit: Credit) -> tuple[int, int, int, str]:
    # User and name only make the choice independent of the order of actions.
    return (credit.time, credit.changeset, credit.uid or 0, credit.user or "")
