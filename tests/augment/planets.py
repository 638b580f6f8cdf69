"""A small world as a planet, and files of it, by osmium's own writer: a second opinion on all formats."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stats_assets.augment.versions import KINDS, Kind, Member, Version


def world(nodes: int, seed: int = 0) -> list[Version]:
    """Nodes, ways and relations by id, with what real ones have: gaps, tags, renamed users, nobody, closed ways."""
    dice = random.Random(seed)  # noqa: S311
    found: list[Version] = []
    ids = sorted(dice.sample(range(1, nodes * 3), nodes))
    longitude, latitude, changeset = 76_000_000, 476_000_000, 1
    for id in ids:
        if dice.random() < 0.05:
            longitude, latitude = (
                dice.randrange(-1_800_000_000, 1_800_000_001),
                dice.randrange(-900_000_000, 900_000_001),
            )
            changeset += dice.randrange(100)
        longitude = max(-1_800_000_000, min(1_800_000_000, longitude + dice.randrange(-3000, 3000)))
        latitude = max(-900_000_000, min(900_000_000, latitude + dice.randrange(-3000, 3000)))
        tags = (("highway", "crossing"), ("note", "größe")) if dice.random() < 0.1 else ()
        found.append(_made("node", id, dice, changeset, tags=tags, position=(longitude, latitude)))
    ways = range(1, nodes // 8 + 1)
    for id in ways:
        begin = dice.randrange(len(ids))
        refs = ids[begin : begin + dice.randrange(1, 12)]
        closed = [refs[0]] if dice.random() < 0.5 else []
        found.append(
            _made(
                "way",
                id * 2,
                dice,
                id,
                tags=(("building", "yes"), ("name", f"№ {id}")),
                refs=(*refs, *closed),
            )
        )
    for id in range(1, nodes // 80 + 1):
        members = tuple(
            Member(
                kind,
                dice.choice(ids) if kind == "node" else dice.choice(ways) * 2,
                dice.choice(["", "outer", "stop"]),
            )
            for kind in dice.choices(KINDS, k=dice.randrange(9))
        )
        found.append(_made("relation", id, dice, id, tags=(("type", "multipolygon"),), members=members))
    return found


def _made(kind: Kind, id: int, dice: random.Random, changeset: int, **rest: Any) -> Version:
    uid = dice.randrange(4)
    user = dice.choice(["a", "a new name"]) if uid == 1 else f"user {uid}" if uid else None
    head = (dice.randrange(1, 9), 1_300_000_000 + dice.randrange(10**6), changeset, uid, user)
    return Version(kind, id, *head, **rest)


def write(versions: Sequence[Version], file: Path, header: dict[str, str] | None = None) -> Path:
    """The file, in the format that its name says: .osm, .osm.pbf, .osc, .osh.pbf, .osm.bz2 ..."""
    import osmium
    from osmium.osm import mutable

    head = osmium.io.Header()
    for key, value in (header or {}).items():
        head.set(key, value)
    with osmium.SimpleWriter(str(file), header=head, overwrite=True) as writer:
        for version in versions:
            common: Any = {
                "id": version.id, "version": version.version, "changeset": version.changeset, "uid": version.uid,
                "user": version.user or "", "visible": version.visible, "tags": list(version.tags),
                "timestamp": _iso(version.timestamp),
            }  # fmt: skip
            if version.kind == "node":
                place: Any = tuple(each / 1e7 for each in version.position) if version.position else None
                writer.add_node(mutable.Node(**common, location=place))
            elif version.kind == "way":
                writer.add_way(mutable.Way(**common, nodes=list(version.refs)))
            else:
                members = [(member.kind[0], member.ref, member.role) for member in version.members]
                writer.add_relation(mutable.Relation(**common, members=members))
    return file


def _iso(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
