"""A store in dictionaries: what augment/store.py asks for, as plainly as it can be said.

The maker's tests run on it, and the real store is compared with it, call by call.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from stats_assets.augment.store import Noted, Place
from stats_assets.augment.versions import KINDS, Kind, Pending, Users, Version

Element = tuple[Kind, int]
NOTED_MAX = 1000


def named_by(version: Version) -> Iterator[Element]:
    """The nodes and ways that a version names. Relations in relations are nobody's concern."""
    if version.visible:
        yield from (("node", ref) for ref in version.refs)
        yield from ((member.kind, member.ref) for member in version.members if member.kind != "relation")


@dataclass(frozen=True)
class State:
    """All of a store at one time. Its dictionaries are replaced, never changed, once others can see them."""

    place: Place | None = None
    settled: dict[Element, Version] = field(default_factory=dict)
    pending: dict[Element, dict[int, Pending]] = field(default_factory=dict)
    noted: dict[str, tuple[Noted, ...]] = field(default_factory=dict)
    tallies: dict[str, int] = field(default_factory=dict)


class DictSnapshot:
    """A look at a state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._users: dict[str, dict[Element, set[Element]]] = {}

    def place(self) -> Place:
        if self.state.place is None:
            raise LookupError("nobody has said yet how far this store is")
        return self.state.place

    def settled(self, kind: Kind, id: int) -> Version | None:
        return self.state.settled.get((kind, id))

    def users(self, kind: Kind, id: int) -> Users:
        if "settled" not in self._users:
            self._users["settled"] = _users_in(self.state.settled.values())
        return _sorted(self._users["settled"].get((kind, id), set()))

    def chain(self, kind: Kind, id: int) -> tuple[Pending, ...]:
        versions = self.state.pending.get((kind, id), {})
        return tuple(versions[version] for version in sorted(versions))

    def pending_users(self, kind: Kind, id: int) -> Users:
        if "pending" not in self._users:
            chains = self.state.pending.values()
            self._users["pending"] = _users_in(each.version for chain in chains for each in chain.values())
        return _sorted(self._users["pending"].get((kind, id), set()))

    def changed(self, since: int, until: int) -> Iterator[tuple[Kind, int]]:
        found = {
            element
            for element, chain in self.state.pending.items()
            if any(since < each.effective <= until for each in chain.values())
        }
        yield from sorted(found, key=lambda element: (KINDS.index(element[0]), element[1]))

    def noted(self, what: str) -> Iterator[Noted]:
        yield from self.state.noted.get(what, ())

    def tallies(self) -> dict[str, int]:
        return dict(self.state.tallies)


class DictChange(DictSnapshot):
    """A transaction: a copy that is written to."""

    def __init__(self, state: State) -> None:
        super().__init__(
            replace(
                state,
                settled=dict(state.settled),
                pending=dict(state.pending),
                noted=dict(state.noted),
                tallies=dict(state.tallies),
            )
        )

    def settle(self, version: Version) -> None:
        before = self.state.settled.get((version.kind, version.id))
        if not version.visible:
            last = version.position or (before.position if before else None)
            version = version._replace(tags=(), refs=(), members=(), position=last)
        self.state.settled[version.kind, version.id] = version
        self._users.pop("settled", None)

    def keep(self, pending: Pending) -> None:
        element = (pending.version.kind, pending.version.id)
        chain = self.state.pending.get(element, {})
        self.state.pending[element] = {**chain, pending.version.version: pending}
        self._users.pop("pending", None)

    def drop(self, kind: Kind, id: int, version: int) -> None:
        chain = self.state.pending.get((kind, id), {})
        rest = {number: each for number, each in chain.items() if number != version}
        if rest:
            self.state.pending[kind, id] = rest
        else:
            self.state.pending.pop((kind, id), None)
        self._users.pop("pending", None)

    def put_place(self, place: Place) -> None:
        self.state = replace(self.state, place=place)

    def note(self, noted: Noted) -> None:
        kept = (*self.state.noted.get(noted.what, ()), noted)[-NOTED_MAX:]
        self.state.noted[noted.what] = kept

    def tally(self, what: str, count: int = 1) -> None:
        self.state.tallies[what] = self.state.tallies.get(what, 0) + count


class DictStore:
    """A Store that is forgotten with its process."""

    def __init__(self) -> None:
        self._now = DictSnapshot(State())

    @contextmanager
    def reading(self) -> Iterator[DictSnapshot]:
        yield self._now

    @contextmanager
    def changing(self) -> Iterator[DictChange]:
        change = DictChange(self._now.state)
        yield change
        self._now = DictSnapshot(change.state)

    def close(self) -> None:
        pass


def _users_in(versions: Iterable[Version]) -> dict[Element, set[Element]]:
    users: defaultdict[Element, set[Element]] = defaultdict(set)
    for version in versions:
        for element in named_by(version):
            users[element].add((version.kind, version.id))
    return users


def _sorted(users: set[Element]) -> Users:
    ways, relations = (
        tuple(sorted(id for kind, id in users if kind == wanted)) for wanted in ("way", "relation")
    )
    return Users(ways, relations)
