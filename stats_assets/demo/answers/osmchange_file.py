"""OsmChange, the planet's state of it, and the planet, as text. Which file holds what is replication.py's."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from stats_assets.demo.answers.augmented_diff import degrees, escape
from stats_assets.demo.world.elements import Deletion, Element, Node, Point, Stamp, Version, Way

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def write_osmchange(versions: Iterable[Version]) -> bytes:
    """In the order given: a block each for what follows each other and is created, modified or deleted."""
    lines = [_HEAD, '<osmChange version="0.6" generator="osmdbt-create-diff/0.6">\n']
    for action, group in groupby(versions, _action):
        lines.append(f"  <{action}>\n")
        lines.extend(f"    {line}\n" for version in group for line in _version(version))
        lines.append(f"  </{action}>\n")
    return "".join([*lines, "</osmChange>\n"]).encode()


def write_osmchange_state(sequence: int, time: datetime) -> bytes:
    """`state.txt`: a Java properties file, as the planet server has it."""
    said = f"{time:%Y-%m-%dT%H:%M:%SZ}".replace(":", "\\:")
    return f"#{time:%a %b %d %H:%M:%S UTC %Y}\nsequenceNumber={sequence}\ntimestamp={said}\n".encode()


def write_planet(elements: Iterable[Element], time: datetime) -> bytes:
    lines = "".join(f"  {line}\n" for element in elements for line in _version(element))
    said = f"{time:%Y-%m-%dT%H:%M:%SZ}"
    return (
        f'{_HEAD}<osm version="0.6" generator="planet-dump-ng" timestamp="{said}">\n{lines}</osm>\n'.encode()
    )


def _action(version: Version) -> str:
    if isinstance(version, Deletion):
        return "delete"
    return "create" if version.stamp.version == 1 else "modify"


def _version(version: Version) -> Iterator[str]:
    point = version.point if isinstance(version, Node | Deletion) else None
    head = f'{version.kind} id="{version.id}" {_stamp(version.stamp)}{_where(point)}'
    content = [] if isinstance(version, Deletion) else [*_content(version), *_tags(version)]
    if not content:
        yield f"<{head}/>"
        return
    yield f"<{head}>"
    yield from (f"  {line}" for line in content)
    yield f"</{version.kind}>"


def _content(element: Element) -> Iterator[str]:
    if isinstance(element, Way):
        yield from (f'<nd ref="{ref}"/>' for ref in element.refs)
    elif not isinstance(element, Node):
        for member in element.members:
            yield f'<member type="{member.kind}" ref="{member.ref}" role="{escape(member.role)}"/>'


def _tags(element: Element) -> Iterator[str]:
    yield from (f'<tag k="{escape(key)}" v="{escape(value)}"/>' for key, value in element.tags.items())


def _stamp(stamp: Stamp) -> str:
    """Of an anonymous edit the planet says neither uid nor user."""
    by = "" if stamp.uid == 0 else f' uid="{stamp.uid}" user="{escape(stamp.user or "")}"'
    return f'version="{stamp.version}" timestamp="{stamp.at:%Y-%m-%dT%H:%M:%SZ}" changeset="{stamp.changeset}"{by}'


def _where(point: Point | None) -> str:
    return "" if point is None else f' lat="{degrees(point[0])}" lon="{degrees(point[1])}"'
