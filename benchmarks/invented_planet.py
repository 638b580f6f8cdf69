"""A planet of any size with the proportions of the real one, as PBF, and what a month edits of it.

Nodes come in uploads, near each other and with ids in a row; some were edited since. Not here: measuring.
"""

import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stats_assets.augment.pbf_schema import message
from stats_assets.augment.versions import Member, Version

NODES_A_WAY = 9
"""The planet has 10 billion nodes, 1.1 billion ways, 13.5 million relations (OSM's statistics page, 2025)."""
NODES_A_RELATION = 740
BEGAN, ENDED = 1_200_000_000, 1_760_000_000
BLOCK = 8000
HIGHWAYS = ("residential", "service", "track", "footway", "unclassified", "path")


class Planet:
    """Its elements, by id, made anew each time that they are asked for."""

    def __init__(self, nodes: int, seed: int = 1) -> None:
        self.nodes, self._seed = nodes, seed

    def versions(self) -> Iterator[Version]:
        """Nodes, ways, relations, each by id."""
        dice = random.Random(self._seed)  # noqa: S311
        ids: list[int] = []
        for node in self._nodes(dice):
            ids.append(node.id)
            yield node
        at, way = 0, 0
        while at < len(ids) - 1:
            way += dice.choice((1, 1, 1, 1, 2, 9))
            length = min(1 + int(dice.expovariate(1 / (NODES_A_WAY - 1))), 400)
            refs = ids[at : at + length + 1]
            at += length
            building = dice.random() < 0.6
            if building:
                refs.append(refs[0])
            yield _made(dice, "way", way, at // 40, tags=_tags(dice, building), refs=tuple(refs))
        for relation in range(1, self.nodes // NODES_A_RELATION + 1):
            begin = dice.randrange(1, max(2, way - 50))
            refs = [
                dice.randrange(begin, begin + 50) for _ in range(min(1 + int(dice.expovariate(1 / 9)), 300))
            ]
            members = tuple(Member("way", ref, "outer") for ref in refs)
            tags = (("type", "multipolygon"), ("landuse", "forest"))
            yield _made(dice, "relation", relation, relation, tags=tags, members=members)

    def month(self) -> Iterator[Version]:
        """What is edited in a month, in no order: of the nodes 0.9 % more, 0.3 % changed, 0.1 % gone; of the ways 1 %
        more, 0.8 % changed, 0.1 % gone (the planet: 3, 1, 0.3 million nodes, 400,000 and 300,000 ways a day).
        """
        dice = random.Random(self._seed + 1)  # noqa: S311
        new = self.nodes * 4
        for each in self.versions():
            share = dice.random()
            changed = share < (0.003 if each.kind == "node" else 0.008)
            if changed or share > 0.999:
                head = {"version": each.version + 1, "timestamp": ENDED, "changeset": 170_000_000 + new // 50}
                if not changed:
                    yield each._replace(**head, visible=False, tags=(), refs=(), members=())  # type: ignore[arg-type]
                elif each.position:
                    yield each._replace(**head, position=(each.position[0] + 99, each.position[1]))  # type: ignore[arg-type]
                else:
                    yield each._replace(**head, tags=(*each.tags, ("check_date", "2025-10-01")))  # type: ignore[arg-type]
            if each.kind == "way" and dice.random() < 0.01:
                refs = []
                for _ in range(NODES_A_WAY):
                    new += 1
                    refs.append(new)
                    yield _made(
                        dice,
                        "node",
                        new,
                        170_000_000 + new // 50,
                        position=(90_000_000 + new % 5000, 500_000_000),
                    )
                yield _made(
                    dice, "way", new, 170_000_000 + new // 50, tags=_tags(dice, True), refs=(*refs, refs[0])
                )

    def _nodes(self, dice: random.Random) -> Iterator[Version]:
        id = made = 0
        while made < self.nodes:
            changeset = id // 40 + dice.randrange(9)
            longitude, latitude = (
                dice.randrange(50_000_000, 150_000_000),
                dice.randrange(470_000_000, 550_000_000),
            )
            for _ in range(min(1 + int(dice.expovariate(1 / 120)), self.nodes - made)):
                # An extract lacks ids, as do the deleted.
                id += 1 if dice.random() < 0.85 else dice.randrange(2, 9)
                longitude += dice.randrange(-4000, 4000)
                latitude += dice.randrange(-4000, 4000)
                tags = (("natural", "tree"), ("ref", str(id % 977))) if dice.random() < 0.03 else ()
                yield _made(dice, "node", id, changeset, tags=tags, position=(longitude, latitude))
                made += 1
            id += dice.randrange(40)


def _tags(dice: random.Random, building: bool) -> tuple[tuple[str, str], ...]:
    if not building:
        return (
            ("highway", dice.choice(HIGHWAYS)),
            ("surface", "asphalt"),
            ("name", f"Invented Street {dice.randrange(999)}"),
        )
    address = (
        ("addr:housenumber", str(dice.randrange(200))),
        ("addr:street", f"Invented Street {dice.randrange(999)}"),
    )
    return (("building", "yes"), *(address if dice.random() < 0.3 else ()))


def _made(dice: random.Random, kind: Any, id: int, changeset: int, **rest: Any) -> Version:
    """Of a changeset's elements two thirds are as they were made; the others were edited in another."""
    version = 1
    if dice.random() < 0.33:
        version, changeset = dice.randrange(2, 6), changeset + dice.randrange(1_000_000)
    uid = changeset * 7 % 30_011
    timestamp = BEGAN + changeset * 3 % (ENDED - BEGAN)
    return Version(kind, id, version, timestamp, changeset, uid, f"mapper {uid}", **rest)


def write_pbf(versions: Iterator[Version], file: Path, time: int) -> int:
    """The planet as a file; how many elements it has."""
    count = 0
    block: list[Version] = []
    with file.open("wb") as out:
        header = message("HeaderBlock")(required_features=["OsmSchema-V0.6", "DenseNodes"])
        header.osmosis_replication_timestamp = time
        _put(out, "OSMHeader", header)
        for version in versions:
            if block and (len(block) == BLOCK or block[0].kind != version.kind):
                _put(out, "OSMData", _block(block))
                block = []
            block.append(version)
            count += 1
        _put(out, "OSMData", _block(block))
    return count


def _put(out: Any, kind: str, body: Any) -> None:
    data = body.SerializeToString()
    blob = message("Blob")(raw_size=len(data), zlib_data=zlib.compress(data, 1)).SerializeToString()
    header = message("BlobHeader")(type=kind, datasize=len(blob)).SerializeToString()
    out.write(struct.pack(">I", len(header)) + header + blob)


def _block(versions: list[Version]) -> Any:
    strings: dict[str, int] = {"": 0}
    block = message("PrimitiveBlock")()
    group = block.primitivegroup.add()
    if versions[0].kind == "node":
        _put_dense(group.dense, versions, strings)
    for version in versions:
        if version.kind == "node":
            continue
        element = group.ways.add() if version.kind == "way" else group.relations.add()
        element.id = version.id
        element.keys.extend(strings.setdefault(key, len(strings)) for key, _ in version.tags)
        element.vals.extend(strings.setdefault(value, len(strings)) for _, value in version.tags)
        info = element.info
        info.version, info.timestamp, info.changeset = version.version, version.timestamp, version.changeset
        info.uid, info.user_sid = version.uid, strings.setdefault(version.user or "", len(strings))
        if version.kind == "way":
            element.refs.extend(_steps(version.refs))
        else:
            element.memids.extend(_steps([member.ref for member in version.members]))
            element.types.extend([1] * len(version.members))
            element.roles_sid.extend(
                strings.setdefault(member.role, len(strings)) for member in version.members
            )
    block.stringtable.s.extend(text.encode() for text in strings)
    return block


def _put_dense(dense: Any, versions: list[Version], strings: dict[str, int]) -> None:
    info = dense.denseinfo
    users = [strings.setdefault(version.user or "", len(strings)) for version in versions]
    info.version.extend(version.version for version in versions)
    for field, numbers in (
        (dense.id, [version.id for version in versions]),
        (dense.lon, [version.position[0] for version in versions if version.position]),
        (dense.lat, [version.position[1] for version in versions if version.position]),
        (info.timestamp, [version.timestamp for version in versions]),
        (info.changeset, [version.changeset for version in versions]),
        (info.uid, [version.uid for version in versions]),
        (info.user_sid, users),
    ):
        field.extend(_steps(numbers))
    for version in versions:
        for tag in version.tags:
            dense.keys_vals.extend(strings.setdefault(word, len(strings)) for word in tag)
        dense.keys_vals.append(0)


def _steps(numbers: Any) -> list[int]:
    return [number - before for number, before in zip(numbers, (0, *numbers), strict=False)]
