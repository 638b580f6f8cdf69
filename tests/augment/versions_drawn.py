"""Versions, pending ones and places at random, few ids and many meetings: for tests of what keeps them."""

from hypothesis import strategies as st

from stats_assets.augment.store import Noted, Place
from stats_assets.augment.versions import KINDS, Member, Pending, Version

SOME_IDS = (0, 1, 2, 3, 62, 63, 64, 65, 127, 128, 9_000_000_000, 2**62)
IDS = st.sampled_from(SOME_IDS)
TIMES = st.one_of(st.integers(0, 50), st.integers(1_200_000_000, 1_800_000_000))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
WORDS = st.sampled_from(["building", "yes", "highway", "", "name", "no", "größe"])
TAGS = st.lists(st.tuples(WORDS | TEXTS, WORDS | TEXTS), max_size=4).map(tuple)
POSITIONS = st.one_of(
    st.none(),
    st.tuples(st.integers(-1_800_000_000, 1_800_000_000), st.integers(-900_000_000, 900_000_000)),
    st.tuples(st.integers(0, 300), st.integers(0, 300)),
)
MEMBERS = st.lists(st.builds(Member, st.sampled_from(KINDS), IDS, TEXTS), max_size=5).map(tuple)


@st.composite
def versions(draw: st.DrawFn) -> Version:
    """Any version; its kind has what its kind can have. A deleted one may have it, too."""
    kind = draw(st.sampled_from(KINDS))
    return Version(
        kind,
        draw(IDS),
        draw(st.one_of(st.integers(1, 4), st.integers(0, 2**32 - 1))),
        draw(TIMES),
        draw(st.integers(0, 2**40)),
        draw(st.integers(0, 5)),
        draw(st.sampled_from([None, "", "a", "b", "größe"])),
        draw(st.booleans()),
        draw(TAGS),
        draw(POSITIONS) if kind == "node" else None,
        draw(st.lists(IDS, max_size=6).map(tuple)) if kind == "way" else (),
        draw(MEMBERS) if kind == "relation" else (),
    )


PENDING = st.builds(Pending, versions(), TIMES)
NOTED = st.builds(
    Noted, st.sampled_from(["late", "held"]), st.sampled_from(KINDS), IDS, st.integers(1, 9), TIMES,
    st.none() | st.integers(0, 9), st.none() | st.integers(0, 9),
)  # fmt: skip
PLACES = st.builds(Place, TIMES, TIMES, TIMES, st.none() | st.integers(0, 9), st.none() | st.integers(0, 9))
