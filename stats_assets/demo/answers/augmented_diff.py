"""An augmented diff's text as Overpass writes it (docs/feeds.md, section 2; compared with real answers byte for byte).

Also its answers without actions. What happened is in `minute`.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from stats_assets.demo.world.elements import Node, Point, Relation, Stamp, Tags, View, Way
from stats_assets.demo.world.minute import Action

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6" generator="Overpass API 0.7.62 7c32a7d5">
<note>The data included in this document is from www.openstreetmap.org. \
The data is made available under ODbL.</note>
<meta osm_base="{base:%Y-%m-%dT%H:%M:%SZ}"/>

"""
_TAIL = "\n</osm>\n"
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#x0a;", "\t": "&#x09;"}
)


def write_augmented_diff(actions: Iterable[Action], base: datetime) -> bytes:
    """The document; `base` is where the database stood.

    Without actions it is what an empty minute looks like.
    """
    lines = "".join(f"{line}\n" for action in actions for line in _action(action))
    return f"{_HEAD.format(base=base)}{lines}{_TAIL}".encode()


def write_action(action: Action) -> bytes:
    return "".join(f"{line}\n" for line in _action(action)).encode()


def escape(text: str) -> str:
    return text.translate(_ESCAPES)


def degrees(value: int) -> str:
    """Seven decimals, from units of 1e-7 degree, without a detour over floats."""
    sign, number = ("-", -value) if value < 0 else ("", value)
    return f"{sign}{number // 10**7}.{number % 10**7:07d}"


def _action(action: Action) -> Iterator[str]:
    yield f'<action type="{action.kind}">'
    if action.kind == "create" and action.new is not None:
        yield from _element(action.new)
    else:
        if action.old is not None:
            yield "<old>"
            yield from _element(action.old)
            yield "</old>"
        yield "<new>"
        if action.new is not None:
            yield from _element(action.new)
        elif action.grave is not None:
            kind, number = action.ref
            yield f'  <{kind} id="{number}" visible="false" {_stamp(action.grave)}/>'
        yield "</new>"
    yield "</action>"


def _element(view: View) -> Iterator[str]:
    element = view.element
    where = f" {_position(element.point)}" if isinstance(element, Node) else ""
    head = f'<{element.kind} id="{element.id}"{where} {_stamp(element.stamp)}'
    content = [*_content(view), *_tags(element.tags)]
    if not content:
        yield f"  {head}/>"
        return
    yield f"  {head}>"
    yield from (f"    {line}" for line in content)
    yield f"  </{element.kind}>"


def _content(view: View) -> Iterator[str]:
    element = view.element
    if isinstance(element, Way):
        yield from _bounds(view.positions)
        for ref, point in zip(element.refs, view.positions, strict=True):
            yield f'<nd ref="{ref}"{_after(point)}/>'
    elif isinstance(element, Relation):
        yield from _bounds([point for points in view.members for point in points])
        for member, points in zip(element.members, view.members, strict=True):
            head = f'<member type="{member.kind}" ref="{member.ref}" role="{escape(member.role)}"'
            if member.kind == "way" and any(points):
                yield f"{head}>"
                yield from (f"  <nd{_after(point)}/>" for point in points)
                yield "</member>"
            else:
                yield f"{head}{_after(points[0]) if member.kind == 'node' and points else ''}/>"


def _bounds(positions: Iterable[Point | None]) -> Iterator[str]:
    known = [point for point in positions if point is not None]
    if known:
        (south, north), (west, east) = ((min(values), max(values)) for values in zip(*known, strict=True))
        low, high = (
            f'{degrees(south)}" minlon="{degrees(west)}',
            f'{degrees(north)}" maxlon="{degrees(east)}',
        )
        yield f'<bounds minlat="{low}" maxlat="{high}"/>'


def _tags(tags: Tags) -> Iterator[str]:
    for key, value in tags.items():
        yield f'<tag k="{escape(key)}" v="{escape(value)}"/>'


def _stamp(stamp: Stamp) -> str:
    user = "" if stamp.user is None else f' user="{escape(stamp.user)}"'
    return (
        f'version="{stamp.version}" timestamp="{stamp.at:%Y-%m-%dT%H:%M:%SZ}" changeset="{stamp.changeset}" '
        f'uid="{stamp.uid}"{user}'
    )


def _position(point: Point) -> str:
    return f'lat="{degrees(point[0])}" lon="{degrees(point[1])}"'


def _after(point: Point | None) -> str:
    return "" if point is None else f" {_position(point)}"
