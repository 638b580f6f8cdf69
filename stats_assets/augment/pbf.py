"""Versions out of PBF, block by block. By protobuf's parser: pyosmium's objects cost ten times as much an element.

Here: what the messages mean. Their fields are pbf_schema.py's, files and their compression reading.py's.
"""

import zlib
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, BinaryIO

from google.protobuf.message import DecodeError

from stats_assets.augment.head import ID_MAX, LATITUDE_MAX, LONGITUDE_MAX, TIME_MAX, UID_MAX, VERSION_MAX
from stats_assets.augment.pbf_schema import message
from stats_assets.augment.unreadable import Unreadable
from stats_assets.augment.versions import KINDS, Kind, Member, Version

HEADER_MAX, BLOB_MAX = 1 << 16, 1 << 25
"""The format's own limits in bytes; of a blob also decompressed."""
FEATURES = {"OsmSchema-V0.6", "DenseNodes", "HistoricalInformation"}
"""What a file may ask of its reader."""


def pbf_versions(body: BinaryIO, name: str) -> Iterator[Version]:
    """In the file's order. Raises Unreadable."""
    for kind, data in _blobs(body, name):
        if kind == "OSMData":
            try:
                block = message("PrimitiveBlock")()
                block.ParseFromString(data)
                yield from _Block(block).versions()
            except (DecodeError, ValueError, IndexError) as error:
                raise Unreadable(name, f"has a block that can't be read: {error}") from error


def pbf_time(body: BinaryIO, name: str) -> int | None:
    """The header's replication timestamp. Raises Unreadable."""
    for kind, data in _blobs(body, name):
        if kind == "OSMHeader":
            return message("HeaderBlock").FromString(data).osmosis_replication_timestamp or None
    raise Unreadable(name, "has no header")


class _Block:
    """A block's strings and units, and its elements with them."""

    def __init__(self, block: Any) -> None:
        self._strings = [text.decode() for text in block.stringtable.s]
        self._groups = block.primitivegroup
        self._unit, self._seconds = block.granularity, block.date_granularity
        self._offsets = block.lon_offset, block.lat_offset

    def versions(self) -> Iterator[Version]:
        for group in self._groups:
            if group.HasField("dense"):
                yield from self._dense(group.dense)
            for node in group.nodes:
                position = self._position if node.info.visible else self._last_position
                yield self._plain("node", node, position=position(node.lon, node.lat))
            for way in group.ways:
                yield self._plain("way", way, refs=tuple(_ids(accumulate(way.refs))))
            for relation in group.relations:
                yield self._plain("relation", relation, members=self._members(relation))

    def _dense(self, dense: Any) -> Iterator[Version]:
        info, strings = dense.denseinfo, self._strings
        columns: tuple[Sequence[int], ...] = tuple(
            list(accumulate(numbers))
            for numbers in (
                dense.id,
                dense.lon,
                dense.lat,
                info.timestamp,
                info.changeset,
                info.uid,
                info.user_sid,
            )
        )
        count = len(dense.id)
        visibles = info.visible or [True] * count
        tags = self._dense_tags(dense.keys_vals, count)
        for id, lon, lat, timestamp, changeset, uid, user, version, visible, own in zip(
            *columns, info.version, visibles, tags, strict=True
        ):
            position = self._position(lon, lat) if visible else self._last_position(lon, lat)
            head = _head(id, version, timestamp * self._seconds // 1000, changeset, uid)
            yield Version("node", *head, strings[user] or None, visible, own, position)

    def _dense_tags(self, keys_values: Sequence[int], count: int) -> list[tuple[tuple[str, str], ...]]:
        """Of each node: keys and values in turn, up to a 0."""
        if not keys_values:
            return [()] * count
        strings = self._strings
        found: list[tuple[tuple[str, str], ...]] = []
        at, words = 0, list(keys_values)
        for _ in range(count):
            end = words.index(0, at)
            if end == at:
                found.append(())
            else:
                own = [strings[word] for word in words[at:end]]
                found.append(tuple(zip(own[::2], own[1::2], strict=True)))
            at = end + 1
        return found

    def _plain(self, kind: Kind, element: Any, **rest: Any) -> Version:
        if not element.HasField("info"):
            raise ValueError(f"{kind} {element.id} has no metadata")
        info, strings = element.info, self._strings
        tags = zip(
            [strings[key] for key in element.keys], [strings[value] for value in element.vals], strict=True
        )
        head = _head(
            element.id, info.version, info.timestamp * self._seconds // 1000, info.changeset, info.uid
        )
        return Version(kind, *head, strings[info.user_sid] or None, info.visible, tuple(tags), **rest)

    def _members(self, relation: Any) -> tuple[Member, ...]:
        kinds = [KINDS[number] for number in relation.types]
        roles = [self._strings[role] for role in relation.roles_sid]
        return tuple(map(Member, kinds, _ids(accumulate(relation.memids)), roles))

    def _last_position(self, lon: int, lat: int) -> tuple[int, int] | None:
        """A deleted node's, if it has one: what has none is written as 0, 0, or as what is no position."""
        try:
            return self._position(lon, lat) if lon or lat else None
        except ValueError:
            return None

    def _position(self, lon: int, lat: int) -> tuple[int, int]:
        longitude, latitude = lon, lat
        if self._unit != 100 or self._offsets != (0, 0):
            longitude = round((self._offsets[0] + self._unit * lon) / 100)
            latitude = round((self._offsets[1] + self._unit * lat) / 100)
        if not (-LONGITUDE_MAX <= longitude <= LONGITUDE_MAX and -LATITUDE_MAX <= latitude <= LATITUDE_MAX):
            raise ValueError(f"the position {longitude / 1e7}, {latitude / 1e7}")
        return longitude, latitude


def _ids(numbers: Iterator[int]) -> list[int]:
    found = list(numbers)
    if found and not (min(found) >= 0 and max(found) <= ID_MAX):
        raise ValueError(f"the ref {min(found)}")
    return found


def _head(id: int, version: int, timestamp: int, changeset: int, uid: int) -> tuple[int, int, int, int, int]:
    """The five, if a version can have them. Nobody is -1 in old files."""
    if not (
        0 <= id <= ID_MAX
        and 0 <= version <= VERSION_MAX
        and 0 <= timestamp <= TIME_MAX
        and -1 <= changeset <= ID_MAX
        and -1 <= uid <= UID_MAX
    ):
        raise ValueError(
            f"version {version} of {id}, timestamp {timestamp}, changeset {changeset}, uid {uid}"
        )
    return id, version, timestamp, max(changeset, 0), max(uid, 0)


def _blobs(body: BinaryIO, name: str) -> Iterator[tuple[str, bytes]]:
    """Each blob's type, and its bytes decompressed. Raises Unreadable."""
    try:
        while length := body.read(4):
            header = message("BlobHeader").FromString(
                _read(body, int.from_bytes(length, "big"), HEADER_MAX, name)
            )
            blob = message("Blob").FromString(_read(body, header.datasize, BLOB_MAX, name))
            data = _decompressed(blob, name)
            if header.type == "OSMHeader":
                asked = set(message("HeaderBlock").FromString(data).required_features) - FEATURES
                if asked:
                    raise Unreadable(name, f"asks for what is not read here: {', '.join(sorted(asked))}")
            yield header.type, data
    except DecodeError as error:
        raise Unreadable(name, "is neither XML nor PBF, or is damaged") from error


def _decompressed(blob: Any, name: str) -> bytes:
    if blob.HasField("raw"):
        return bytes(blob.raw)
    if not blob.HasField("zlib_data"):
        raise Unreadable(
            name, "is compressed by another way than zlib. Write it anew: `osmium cat FILE -o NEW.osm.pbf`"
        )
    data = zlib.decompressobj().decompress(blob.zlib_data, BLOB_MAX)
    if len(data) != blob.raw_size:
        raise Unreadable(name, f"has a blob of {len(data):,} bytes that says {blob.raw_size:,}")
    return data


def _read(body: BinaryIO, size: int, most: int, name: str) -> bytes:
    if not 0 <= size <= most:
        raise Unreadable(name, f"is neither XML nor PBF, or is damaged: a part of {size:,} bytes")
    data = body.read(size)
    if len(data) < size:
        raise Unreadable(name, "ends too early")
    return data
