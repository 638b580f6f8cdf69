"""Histories made up of drawn edits, as a planet and OsmChange files; and what has to come out of them, by brute force.

Small ids and few places, so that what an edit meets has been met by others. Times are seconds from the beginning, which
is the end of minute BEGINS - 1.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Literal, NamedTuple

from hypothesis import strategies as st

from tests.augment.brute_force import KINDS, Ref, Written, differences, effective, time_of
from tests.augment.comparing import Action, Member, Side

BEGINS = 2_360_100
PLANET = -23
"""The planet's time."""
SETTLE = 300
LEAD = 6
"""So many files are there before the planet's."""
NODES, WAYS, RELATIONS = (1, 63, 64, 65, 4_000_000_001), (1, 2, 3), (1, 2)
IDS: dict[str, tuple[int, ...]] = {"node": NODES, "way": WAYS, "relation": RELATIONS}
NAMES: dict[str, tuple[tuple[str, int], ...]] = {
    "node": (),
    "way": tuple(("node", id) for id in (*NODES, 66)),
    "relation": tuple((kind, id) for kind in KINDS for id in (*IDS[kind], 67)),
}
"""What can be named; the last of each never exists."""

What = Literal["put", "delete", "repeat", "flip"]


class Edit(NamedTuple):
    """at: when it is done. slip: its timestamp is so much earlier. delay: so much later it is published.

    repeat: the newest version comes once more; flip: with the other visibility. skip: so many versions are nowhere.
    """

    at: int
    kind: str
    which: int
    what: What = "put"
    slip: int = 0
    delay: int = 0
    skip: int = 0
    place: int = 0
    tag: int = 0
    names: tuple[int, ...] = ()
    uid: int = 1


class File(NamedTuple):
    """An OsmChange file: what was published until `time`, after the file before."""

    time: int
    versions: tuple[Written, ...]


class History(NamedTuple):
    """What a maker is given."""

    planet: tuple[Written, ...]
    files: tuple[File, ...]


def iso(seconds: int) -> str:
    return f"{datetime.fromisoformat(time_of(BEGINS)) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def seconds(time: str) -> int:
    return int((datetime.fromisoformat(time) - datetime.fromisoformat(time_of(BEGINS))).total_seconds())


def edits(*, late: int, minutes: int = 8) -> st.SearchStrategy[Edit]:
    """late: the longest delay."""
    rarely = st.sampled_from((0, 0, 0, 1))
    return st.sampled_from(KINDS).flatmap(
        lambda kind: st.builds(
            Edit,
            at=st.one_of(
                st.integers(-400, 60 * minutes), st.integers(-6, minutes).map(lambda minute: 60 * minute)
            ),
            kind=st.just(kind),
            which=st.integers(0, len(IDS[kind]) - 1),
            what=st.sampled_from(("put", "put", "put", "delete", "delete", "repeat", "flip")),
            slip=st.one_of(st.just(0), st.integers(0, 2), st.integers(-200, 400)),
            delay=st.one_of(st.just(0), st.integers(0, late)),
            skip=rarely,
            place=st.integers(0, 3),
            tag=st.integers(0, 2),
            names=st.lists(st.integers(0, max(0, len(NAMES[kind]) - 1)), max_size=4).map(tuple),
            uid=st.integers(0, 2),
        )
    )


def drawn(chance: Random, count: int, *, late: int, minutes: int) -> list[Edit]:
    """So many, without hypothesis: for histories that are too large for it."""
    found = []
    for _ in range(count):
        kind = chance.choice(("node", "node", "node", "way", "way", "relation"))
        names = (
            tuple(chance.randrange(len(NAMES[kind])) for _ in range(chance.randrange(5)))
            if NAMES[kind]
            else ()
        )
        what: Sequence[What] = ("put", "put", "put", "put", "put", "delete", "delete", "repeat", "flip")
        found.append(
            Edit(
                chance.choice((chance.randrange(-400, 60 * minutes), 60 * chance.randrange(-6, minutes))),
                kind,
                chance.randrange(len(IDS[kind])),
                chance.choice(what),
                slip=chance.choice((0, 0, 0, 0, 1, chance.randrange(-200, 400))),
                delay=chance.choice((0, 0, 0, chance.randrange(late + 1))),
                skip=chance.choice((0, 0, 0, 0, 0, 1)),
                place=chance.randrange(4),
                tag=chance.randrange(3),
                names=names,
                uid=chance.randrange(3),
            )
        )
    return found


def history(found: Iterable[Edit], *, turned: bool = False, together: int = 1, ends: bool = True) -> History:
    """Planet and files of these edits. turned: what is newest is first in each file. together: so many minutes are in
    one. ends: a last file is so much later that all is settled.
    """
    published = sorted(_published(found), key=lambda each: each[0])
    newest: dict[Ref, Written] = {}
    for at, written in published:
        known = newest.get((written.kind, written.id))
        if at <= PLANET and (known is None or written.side.version >= known.side.version):
            newest[written.kind, written.id] = written
    planet = tuple(newest[ref] for ref in sorted(newest, key=_in_planet) if newest[ref].side.visible)
    last = max((at for at, _ in published), default=0)
    minutes = range(-LEAD, last // 60 + 1 + together, together)
    cuts = [60 * number + 1 + number % 2 for number in minutes]
    files = []
    for before, cut in zip([cuts[0] - 60 * together, *cuts], cuts, strict=False):
        inside = [written for at, written in published if before < at <= cut]
        files.append(File(cut, tuple(inside[::-1] if turned else inside)))
    return History(planet, (*files, File(cuts[-1] + SETTLE + 600, ())) if ends else tuple(files))


def _in_planet(ref: Ref) -> tuple[int, int]:
    return KINDS.index(ref[0]), ref[1]


def _published(found: Iterable[Edit]) -> Iterator[tuple[int, Written]]:
    """Each version, and when it is published."""
    newest: dict[Ref, Written] = {}
    shown: dict[tuple[str, int, int], Written] = {}
    for edit in sorted(found, key=lambda edit: edit.at):
        ref = (edit.kind, IDS[edit.kind][edit.which])
        before, at = newest.get(ref), edit.at + edit.delay
        if edit.what in ("repeat", "flip"):
            if before is None:
                continue
            same = shown.get((*ref, before.side.version))
            again = before if edit.what == "repeat" else _flipped(before, same)
        else:
            again = Written(*ref, _side(edit, 1 + edit.skip + (before.side.version if before else 0)))
        if at <= PLANET:  # a planet has nothing of later
            again = again._replace(side=again.side._replace(timestamp=min(again.side.timestamp, iso(PLANET))))
        newest[ref] = again
        if again.side.visible:
            shown[*ref, again.side.version] = again
        yield at, again


def _side(edit: Edit, version: int) -> Side:
    named = [NAMES[edit.kind][number] for number in edit.names] if NAMES[edit.kind] else []
    visible = edit.what == "put"
    content = Side(
        version,
        iso(edit.at - edit.slip),
        1000 + edit.at,
        edit.uid,
        f"user {edit.uid} <{edit.at}>" if edit.uid else "",
        visible,
        tuple((f"key{number}", f'"&<\n{edit.tag}') for number in range(edit.tag)),
        (10 * edit.place, 7 - edit.place) if edit.kind == "node" else None,
        tuple((id, None) for _, id in named) if edit.kind == "way" else (),
        tuple(Member(kind, id, "röle & all") for kind, id in named) if edit.kind == "relation" else (),
    )
    return content if visible else content._replace(tags=(), nodes=(), members=())


def _flipped(written: Written, shown: Written | None) -> Written:
    """The same version hidden, or shown again. shown: as it was when it was."""
    side = written.side
    if side.visible:
        return written._replace(side=side._replace(visible=False, tags=(), nodes=(), members=()))
    return shown if shown is not None else written


def expected(given: History) -> dict[int, list[Action]]:
    """The actions of each minute once nothing more comes: by what the rules of arrival make of each version."""
    begin, chains = iso(0), defaultdict[Ref, list[Written]](list)
    settled_to = 0
    for written in given.planet:
        chains[written.kind, written.id].append(written)
    planet = {(written.kind, written.id): written for written in given.planet}
    for file in given.files:
        for written in file.versions:
            ref = (written.kind, written.id)
            if settled_to:
                settled = [each for time, each in effective(chains[ref]) if time <= iso(settled_to)]
            else:
                settled = [planet[ref]] if ref in planet else []
            arrived = written._replace(not_before=iso(settled_to + 1) if settled_to else "")
            chains[ref] = _with(chains[ref], settled, arrived)
        while settled_to + 60 + SETTLE <= file.time:
            settled_to += 60
    assert begin == time_of(BEGINS)
    minutes = range(BEGINS, BEGINS + given.files[-1].time // 60 + 1)
    return differences([written for chain in chains.values() for written in chain], minutes)


def _with(chain: list[Written], settled: list[Written], written: Written) -> list[Written]:
    """An element's versions after one more has come."""
    number = written.side.version
    if any(each.side.version > number for each in settled):
        return chain
    same = [each for each in chain if each.side.version == number]
    if same and same[-1].side.visible == written.side.visible:
        return chain
    replaced = [each for each in same if each not in settled]
    return [*(each for each in chain if each not in replaced), written]
