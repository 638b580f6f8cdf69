"""The store in LMDB does what the store in dictionaries does, call by call, also opened anew."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.augment.store import Snapshot, Store
from stats_assets.augment.versions import KINDS, Pending, Version
from tests.augment.dict_store import DictStore
from tests.augment.versions_drawn import IDS, NOTED, PENDING, PLACES, SOME_IDS, versions
from tests.conftest import examples

CHANGES = st.one_of(
    st.tuples(st.just("settle"), versions()),
    st.tuples(st.just("keep"), PENDING),
    st.tuples(st.just("drop"), st.tuples(st.sampled_from(KINDS), IDS, st.integers(1, 3))),
    st.tuples(st.just("put_place"), PLACES),
    st.tuples(st.just("note"), NOTED),
    st.tuples(st.just("tally"), st.sampled_from(["seen", "late"])),
)


class Unwanted(Exception):
    """Raised within a transaction, so that nothing of it is kept."""


def look(snapshot: Snapshot, times: tuple[int, int]) -> dict[object, object]:
    """All that a snapshot says of the ids that tests use."""
    told: dict[object, object] = {"tallies": snapshot.tallies(), "changed": list(snapshot.changed(*times))}
    try:
        told["place"] = snapshot.place()
    except LookupError:
        told["place"] = None
    for what in ("late", "held", "lat"):
        told[what] = list(snapshot.noted(what))
    for kind in KINDS:
        for id in SOME_IDS:
            told[kind, id] = (
                snapshot.settled(kind, id),
                snapshot.users(kind, id),
                snapshot.chain(kind, id),
                snapshot.pending_users(kind, id),
            )
    return told


class BothStores(RuleBasedStateMachine):
    """A store and its model, told the same."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp()) / "store"
        self.store = LmdbStore(self.folder, create=True, room=1 << 22)
        self.model = DictStore()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder.parent)

    @rule(changes=st.lists(CHANGES, max_size=12), kept=st.booleans(), looked=st.booleans())
    def change(self, changes: list[tuple[str, object]], kept: bool, looked: bool) -> None:
        try:
            with self.store.changing() as ours, self.model.changing() as theirs:
                for name, what in changes:
                    arguments: tuple[object, ...] = (
                        what if isinstance(what, tuple) and name == "drop" else (what,)
                    )
                    getattr(ours, name)(*arguments)
                    getattr(theirs, name)(*arguments)
                    if looked:
                        assert look(ours, (3, 6)) == look(theirs, (3, 6))
                if not kept:
                    raise Unwanted
        except Unwanted:
            pass

    @rule()
    def open_anew(self) -> None:
        self.store.close()
        self.store = LmdbStore(self.folder, room=1 << 22)

    @rule(since=st.integers(-1, 9), length=st.integers(0, 5))
    def look(self, since: int, length: int) -> None:
        with self.store.reading() as ours, self.model.reading() as theirs:
            assert look(ours, (since, since + length)) == look(theirs, (since, since + length))


TestBothStores = BothStores.TestCase
TestBothStores.settings = settings(examples(25), stateful_step_count=10)


def test_what_chance_seldom_draws(tmp_path: Path) -> None:
    """A pending version at another time, a window's edges, a deleted node's position: each as in the model."""
    node = Version("node", 1, 1, 5, 1, 1, "a", position=(7, 8))
    way = Version("way", 1, 1, 5, 1, 1, "a", refs=(1, 63))
    gone = node._replace(version=2, visible=False, position=None)
    model = DictStore()
    with LmdbStore(tmp_path / "store", create=True) as store:
        stores: tuple[Store, ...] = (store, model)
        for written in stores:
            with written.changing() as change:
                change.settle(node)
                change.settle(gone)
                change.keep(Pending(way, 4))
                change.keep(Pending(way._replace(refs=(64,)), 6))
        for times in ((2, 3), (3, 4), (4, 5), (5, 6), (6, 7)):
            with store.reading() as ours, model.reading() as theirs:
                assert look(ours, times) == look(theirs, times)
        with store.reading() as ours:
            assert ours.settled("node", 1) == gone._replace(position=(7, 8))
            assert list(ours.changed(5, 6)) == [("way", 1)]
