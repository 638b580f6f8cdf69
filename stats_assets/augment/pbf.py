"""Versions out of PBF."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import osmium

from stats_assets.augment.unreadable import Unreadable
from stats_assets.augment.versions import Member, Version


def pbf_versions(body: BinaryIO, name: str) -> Iterator[Version]:
    try:
        for o in osmium.FileProcessor(osmium.io.FileBuffer(body.read(), "pbf")):
            yield _version(o)
    except RuntimeError as error:
        raise Unreadable(name, f"can't be read: {error}") from error


def _version(o: Any) -> Version:
    refs, members, position = (), (), None
    if o.is_node():
        position = (o.location.x, o.location.y) if o.location.valid() else None
    elif o.is_way():
        refs = tuple(n.ref for n in o.nodes)
    else:
        members = tuple(
            Member({"n": "node", "w": "way", "r": "relation"}[m.type], m.ref, m.role) for m in o.members
        )
    kind = "node" if o.is_node() else "way" if o.is_way() else "relation"
    return Version(
        kind,
        o.id,
        o.version,
        int(o.timestamp.timestamp()),
        o.changeset,
        o.uid,
        o.user or None,
        o.visible,
        tuple((t.k, t.v) for t in o.tags),
        position,
        refs,
        members,
    )


def pbf_time(body: BinaryIO, name: str) -> int | None:
    from stats_assets.augment.head import seconds

    h = osmium.io.Reader(osmium.io.FileBuffer(body.read(), "pbf")).header()
    t = h.get("osmosis_replication_timestamp")
    return seconds(t) if t else None
