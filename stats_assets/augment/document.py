"""An augmented diff as a document: written while its actions are made, character by character as Overpass prints it.

docs/feeds.md, section 2, describes it. What the actions are is difference.py's.
"""

import gzip
import io
import re
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from stats_assets.augment.bounds import box_of
from stats_assets.augment.difference import Action, Side
from stats_assets.augment.snapshots import Line
from stats_assets.augment.versions import Member, Position, Version

NOTE = (
    "The data included in this document is from www.openstreetmap.org. The data is made available under ODbL."
)
GENERATOR = "stats-assets"
HEAD_LINES = 5
"""So many lines say what the document is; what follows is its actions."""
_PIECE = 1 << 16
_UNPLAIN = re.compile('[\\x00-\\x1f\\x7f"&<>\\ufffe\\uffff\\ud800-\\udfff]')
_ESCAPES = {'"': "&quot;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
_IN_XML = "\t\n\r\x7f"


def write(path: Path, actions: Iterable[Action], *, osm_base: int) -> int:
    """Write the document, gzipped; how many actions it has. The same actions give the same bytes.

    osm_base: how far the data was that it was made of, in epoch seconds.
    """
    count = 0
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        io.TextIOWrapper(packed, "utf-8", newline="\n") as file,
    ):
        file.writelines(_head(osm_base))
        for action in actions:
            file.writelines(_action(action))
            count += 1
        file.write("\n</osm>\n")
    return count


def same_actions(one: Path, other: Path) -> bool:
    """Whether two documents differ in nothing but what they say of themselves; False also of one that is damaged."""
    try:
        with gzip.open(one) as a, gzip.open(other) as b:
            for _ in range(HEAD_LINES):
                a.readline()
                b.readline()
            while piece := a.read(_PIECE):
                if piece != b.read(_PIECE):
                    return False
            return not b.read(1)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False


def _head(osm_base: int) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<osm version="0.6" generator="{GENERATOR}">\n'
    yield f"<note>{NOTE}</note>\n"
    yield f'<meta osm_base="{_time(osm_base)}"/>\n\n'


def _action(action: Action) -> Iterator[str]:
    yield f'<action type="{action.change}">\n'
    if action.old is None:
        yield from _element(action.new)
    else:
        yield "<old>\n"
        yield from _element(action.old)
        yield "</old>\n<new>\n"
        yield from _element(action.new)
        yield "</new>\n"
    yield "</action>\n"


def _element(side: Side) -> Iterator[str]:
    version = side.version
    kind = version.kind
    where = _at(version.position) if version.visible else ' visible="false"'
    yield f'  <{kind} id="{version.id}"{where}{_metadata(version)}'
    inside = False
    for line in _inside(side):
        yield line if inside else f">\n{line}"
        inside = True
    yield f"  </{kind}>\n" if inside else "/>\n"


def _inside(side: Side) -> Iterator[str]:
    version = side.version
    if not version.visible:
        return
    if version.kind == "way":
        known = side.line()
        yield from _bounds(known or ())
        places: Sequence[Position | None] = known or [None] * len(version.refs)
        for ref, position in zip(version.refs, places, strict=True):
            yield f'    <nd ref="{ref}"{_at(position)}/>\n'
    elif version.kind == "relation":
        yield from _bounds(_positions(side))
        for member, line in side.members():
            yield from _member(member, line)
    for key, value in version.tags:
        yield f'    <tag k="{_escaped(key)}" v="{_escaped(value)}"/>\n'


def _positions(relation: Side) -> Iterator[Position]:
    for _, line in relation.members():
        yield from line or ()


def _bounds(positions: Iterable[Position]) -> Iterator[str]:
    if box := box_of(positions):
        west, south, east, north = map(_degrees, box)
        yield f'    <bounds minlat="{south}" minlon="{west}" maxlat="{north}" maxlon="{east}"/>\n'


def _member(member: Member, line: Line | None) -> Iterator[str]:
    yield f'    <member type="{member.kind}" ref="{member.ref}" role="{_escaped(member.role)}"'
    if line is None:
        yield "/>\n"
    elif member.kind == "node":
        yield f"{_at(line[0])}/>\n"
    else:
        yield ">\n"
        for position in line:
            yield f"      <nd{_at(position)}/>\n"
        yield "    </member>\n"


def _metadata(version: Version) -> str:
    said = (
        f' version="{version.version}" timestamp="{_time(version.timestamp)}"'
        f' changeset="{version.changeset}" uid="{version.uid}"'
    )
    # Nobody has an empty name; a name that is not known is not there.
    user = version.user if version.uid else version.user or ""
    return said if user is None else f'{said} user="{_escaped(user)}"'


def _at(position: Position | None) -> str:
    return "" if position is None else f' lat="{_degrees(position[1])}" lon="{_degrees(position[0])}"'


def _degrees(units: int) -> str:
    whole, rest = divmod(abs(units), 10_000_000)
    return f"{'-' if units < 0 else ''}{whole}.{rest:07d}"


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _escaped(text: str) -> str:
    return _UNPLAIN.sub(_escape, text) if _UNPLAIN.search(text) else text


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    if character in _ESCAPES:
        return _ESCAPES[character]
    return f"&#x{ord(character):02x};" if character in _IN_XML else "\N{REPLACEMENT CHARACTER}"
