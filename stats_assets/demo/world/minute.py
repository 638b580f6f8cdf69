"""One minute of the map: what was touched, and the actions that its two snapshots differ by, as in Overpass.

Not here: who edits what and why (`edits`), XML (`augmented_diff`).
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from stats_assets.demo.world.elements import RANK, Deletion, Element, Map, Node, Ref, Stamp, Version, View

_ORIGIN = 1347432900


def since(sequence: int) -> datetime:
    """The last second before the minute (docs/definitions.md, section 1)."""
    return datetime.fromtimestamp(_ORIGIN + 60 * sequence, UTC)


def until(sequence: int) -> datetime:
    """The last second of the minute."""
    return since(sequence) + timedelta(minutes=1)


class Action(NamedTuple):
    """`kind` create (no `old`), modify, or delete (no `new`, but the `grave`: who deleted it)."""

    kind: str
    ref: Ref
    old: View | None
    new: View | None
    grave: Stamp | None


class Minute:
    """What is done to the map within one sequence, and how it was before.

    `versions`: each that was uploaded, in order; two snapshots don't show what was in between.
    """

    def __init__(self, atlas: Map, sequence: int) -> None:
        self.sequence = sequence
        self.versions: list[Version] = []
        self._map = atlas
        self._before: dict[Ref, View | None] = {}
        self._graves: dict[Ref, Stamp] = {}

    def put(self, element: Element) -> None:
        self._touch((element.kind, element.id))
        self._map.put(element)
        self.versions.append(element)

    def drop(self, ref: Ref, stamp: Stamp, printed: Stamp | None = None) -> None:
        """`printed`: what an augmented diff says of the deletion, if it says something else."""
        self._touch(ref)
        self.versions.append(self.deletion(ref, stamp))
        self._map.drop(ref)
        self._graves[ref] = printed or stamp

    def deletion(self, ref: Ref, stamp: Stamp) -> Deletion:
        element = self._map.element(ref)
        return Deletion(*ref, stamp, element.point if isinstance(element, Node) else None)

    def busy(self, ref: Ref) -> bool:
        """Whether it, or what uses it, was touched this minute: then another edit would blur what was
        booked.
        """
        return ref in self._before or any(self.busy(user) for user in self._map.users(ref))

    def actions(self) -> list[Action]:
        actions = []
        for ref in sorted(self._before, key=lambda ref: (RANK[ref[0]], ref[1])):
            old, new = self._before[ref], self._map.view(ref)
            if old is None and new is not None:
                actions.append(Action("create", ref, None, new, None))
            elif old is not None and new is None:
                actions.append(Action("delete", ref, old, None, self._graves[ref]))
            elif old != new:
                actions.append(Action("modify", ref, old, new, None))
        return actions

    def _touch(self, ref: Ref) -> None:
        if ref not in self._before:
            self._before[ref] = self._map.view(ref)
            for user in self._map.users(ref):
                self._touch(user)
