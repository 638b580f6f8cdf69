"""Versions out of OsmChange and planet files, streamed: XML or PBF, plain, gzip or bzip2, as their first bytes say.

Here: which reader a file gets, and that whatever is wrong with it ends in Unreadable. XML is xml_versions.py's affair,
PBF pbf.py's.
"""

import bz2
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from stats_assets.augment.unreadable import Unreadable
from stats_assets.augment.versions import Version

_GZIP, _BZIP2 = b"\x1f\x8b", b"BZh"


def read_osmchange(file: Path | BinaryIO, name: str | None = None) -> Iterator[Version]:
    """The versions of an OsmChange document (.osc, also .gz, .bz2) in its order. Raises Unreadable, at the latest where
    the file's fault is: what came before it was yielded then. name: how messages call it.
    """
    from stats_assets.augment.xml_versions import OSMCHANGE, xml_versions

    with _opened(file, name) as (body, called):
        if _is_xml(body, called):
            yield from xml_versions(body, called, OSMCHANGE)
        else:
            raise Unreadable(called, "is no XML, which OsmChange is")


def read_planet(file: Path | BinaryIO, name: str | None = None) -> Iterator[Version]:
    """The versions of a planet, an extract or a history (.osm, .osm.xml, also .gz, .bz2; .pbf) in the file's order.

    Raises Unreadable as read_osmchange does.
    """
    from stats_assets.augment.pbf import pbf_versions
    from stats_assets.augment.xml_versions import OSM, xml_versions

    with _opened(file, name) as (body, called):
        yield from xml_versions(body, called, OSM) if _is_xml(body, called) else pbf_versions(body, called)


def planet_time(file: Path | BinaryIO, name: str | None = None) -> int | None:
    """Until when the planet has everything, in epoch seconds: a PBF's replication timestamp, the `timestamp` of an
    XML's root; None where that isn't told. Raises Unreadable.
    """
    from stats_assets.augment.pbf import pbf_time
    from stats_assets.augment.xml_versions import xml_time

    with _opened(file, name) as (body, called):
        return xml_time(body, called) if _is_xml(body, called) else pbf_time(body, called)


@contextmanager
def _opened(file: Path | BinaryIO, name: str | None) -> Iterator[tuple[BinaryIO, str]]:
    """The file decompressed, and what it is called; what its bytes are no good for is told as Unreadable."""
    called = name or str(file)
    try:
        if not isinstance(file, Path):
            yield _decompressed(file), called
            return
        with file.open("rb") as body:
            yield _decompressed(body), called
    except EOFError as error:
        raise Unreadable(called, "ends too early") from error
    except (OSError, zlib.error) as error:
        raise Unreadable(called, f"can't be read: {getattr(error, 'strerror', None) or error}") from error


def _decompressed(body: BinaryIO) -> BinaryIO:
    begin = body.read(3)
    body.seek(0)
    if begin.startswith(_GZIP):
        return gzip.GzipFile(fileobj=body)  # type: ignore[return-value]
    return bz2.BZ2File(body) if begin.startswith(_BZIP2) else body  # type: ignore[return-value]


def _is_xml(body: BinaryIO, called: str) -> bool:
    """By its first bytes; also UTF-16, which Characters reads."""
    begin = body.read(64)
    body.seek(0)
    if not begin:
        raise Unreadable(called, "is empty")
    return begin.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<")
