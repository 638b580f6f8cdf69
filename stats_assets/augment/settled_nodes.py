"""Nodes as groups keep them: a version as a record, and what few nodes have beside numbers.

Here: versions and records. How a group is bytes is node_groups.py's.
"""

from stats_assets.augment.node_groups import NodeRecord
from stats_assets.augment.packing import DELETED, NAMELESS, OWN_NAME, Names, naming
from stats_assets.augment.tagging import Tags, put_tags, take_tags
from stats_assets.augment.varints import put_text, take_text
from stats_assets.augment.versions import Version

NOWHERE = 2
"""In place of packing's PLACED, as nearly all nodes have a position."""


def recorded(node: Version, names: Names) -> NodeRecord:
    """A node as its group keeps it. An extra is its bits, its own name if it has one, and its tags."""
    named = naming(names, node.uid, node.user)
    longitude, latitude = node.position or (0, 0)
    flags = named | (0 if node.visible else DELETED) | (0 if node.position else NOWHERE)
    extra = bytearray()
    if flags or node.tags:
        extra.append(flags)
        if named == OWN_NAME:
            put_text(extra, node.user or "")
        if node.tags:
            put_tags(extra, node.tags)
    return NodeRecord(
        longitude, latitude, node.version, node.timestamp, node.changeset, node.uid, bytes(extra)
    )


def told(id: int, record: NodeRecord, names: Names) -> Version:
    """The node that was recorded. Raises IndexError or UnicodeDecodeError for what is none."""
    longitude, latitude, version, timestamp, changeset, uid, extra = record
    flags = 0
    user: str | None = None
    tags: Tags = ()
    if extra:
        flags, at = extra[0], 1
        if flags & OWN_NAME:
            user, at = take_text(extra, at)
        if at < len(extra):
            tags, at = take_tags(extra, at)
    if not flags & (OWN_NAME | NAMELESS):
        user = names.of(uid)
    position = None if flags & NOWHERE else (longitude, latitude)
    visible = not flags & DELETED
    return Version("node", id, version, timestamp, changeset, uid, user, visible, tags, position)
