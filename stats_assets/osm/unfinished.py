"""An action that is still being read, and is so long already that its tree would cost too much memory.

Here: a relation's members are packed and taken out of the tree; what is too large all the same is given up. Not here:
what an action means (actions), and the limit of any other element (document).
"""

from lxml import etree

from stats_assets.osm import tokens
from stats_assets.osm.elements import packed, read_member
from stats_assets.osm.tokens import RefusedError
from stats_assets.osm.told import Member

# Positions of one relation that are kept while it is read: 16 bytes each. The longest routes have a few 100,000.
MEMBER_POSITIONS_LIMIT = 4_000_000
OTHERS_LIMIT = 50_000  # of a relation's other children, its tags
_SIDE_DEPTH = 2  # in an action: `<new>`, and the element in it, whose id is named


class Unfinished:
    """`members` that were taken out, by their relation; the action that was given up, if the last one was."""

    def __init__(self) -> None:
        self.members: dict[etree._Element, list[Member]] = {}
        self._given_up: etree._Element | None = None
        self.forget()

    def forget(self) -> None:
        """The action was read, and a new one may begin."""
        self.members.clear()
        self._given_up, self._why = None, ""
        self._positions = self._skipped = 0

    def why_given_up(self, action: etree._Element) -> str | None:
        """Why the action can't be read; None: it was not given up."""
        return self._why if action is self._given_up else None

    def thin_out(self, action: etree._Element) -> bool:
        """For `Document.batches`: whether something was taken out. Raises RefusedError for what has no end."""
        if self._given_up is not None:
            _empty(action)
            self._skipped += 1 << 20  # at least: it is asked for once in a megabyte
            if self._skipped > tokens.SKIP_LIMIT:
                raise RefusedError(f"{tokens.SKIP_LIMIT >> 20} MB without an end to an action were not read")
            return True
        thinned, others = self._thin_out_members(action)
        if self._positions > MEMBER_POSITIONS_LIMIT:
            return self._give_up(action, f"a relation of more than {MEMBER_POSITIONS_LIMIT:,} positions")
        if others > OTHERS_LIMIT:
            return self._give_up(action, f"a relation of more than {OTHERS_LIMIT:,} tags")
        return thinned

    def give_up(self, element: etree._Element) -> bool:
        """For `Document.batches`: the same at the size at which a document is refused."""
        return element.tag == "action" and self._give_up(
            element, f"an action of more than {tokens.OPEN_BYTES_LIMIT >> 20} MB"
        )

    def _give_up(self, action: etree._Element, what: str) -> bool:
        self._given_up, self._why = action, f"{what} was not read"
        self._skipped = tokens.OPEN_BYTES_LIMIT
        self.members.clear()
        _empty(action)
        return True

    def _thin_out_members(self, action: etree._Element) -> tuple[bool, int]:
        """Whether there were some, and how many other children the relation has."""
        relations = list(action.iter("relation"))
        if not relations:
            return False, 0
        relation = relations[-1]
        members = list(relation.iterchildren("member"))
        if members and relation[-1] is members[-1]:
            members.pop()  # may be unfinished
        kept = self.members.setdefault(relation, [])
        for member in members:
            kept.append(packed(read_member(member)))
            self._positions += len(kept[-1][2]) + 20  # a member has its price, too
            relation.remove(member)
        return bool(members), len(relation)


def _empty(action: etree._Element) -> None:
    """Take out all but the last part, which may be unfinished, and what that is in."""
    node, depth = action, 0
    while len(node):
        del node[:-1]
        last, depth = node[-1], depth + 1
        node.text = last.tail = None
        if depth > _SIDE_DEPTH:
            last.attrib.clear()
        node = last
    node.text = None
