"""Who names 64 neighbouring nodes, as bytes: each list once, as nodes that lie beside each other are of the same way.

Here: bytes. A way's users are one list (`pack_users`).
"""

from collections.abc import Iterable

from stats_assets.augment.varints import put_list, take_list
from stats_assets.augment.versions import Users

NOBODY = Users()


class UserGroup:
    """The users of up to 64 nodes, by place; those that nobody uses are not there."""

    def __init__(self, data: bytes = b"") -> None:
        self.users: dict[int, Users] = unpack_group(data) if data else {}

    def get(self, slot: int) -> Users:
        """Of the node at this place, 0 to 63."""
        return self.users.get(slot, NOBODY)

    def put(self, slot: int, users: Users) -> None:
        """In place of what was there."""
        if users == NOBODY:
            self.users.pop(slot, None)
        else:
            self.users[slot] = users

    def packed(self) -> bytes:
        """All of it as bytes; none if nobody uses any."""
        return pack_group(self.users) if self.users else b""


def pack_group(users: dict[int, Users]) -> bytes:
    """Which of the 64 are used; for each of them the number of its list; the lists."""
    there = 0
    lists: dict[Users, int] = {}
    which = bytearray()
    for slot in sorted(users):
        there |= 1 << slot
        which.append(lists.setdefault(users[slot], len(lists)))
    out = bytearray(there.to_bytes(8, "little"))
    out += which
    last = 0
    for each in lists:
        put_list(out, each.ways, last)
        last = each.ways[0] if each.ways else last
        put_list(out, each.relations)
    return bytes(out)


def unpack_group(data: bytes) -> dict[int, Users]:
    """By place, 0 to 63. Raises IndexError for what is no group."""
    there = int.from_bytes(data[:8], "little")
    count = there.bit_count()
    which = data[8 : 8 + count]
    at, last = 8 + count, 0
    lists = []
    for _ in range(max(which) + 1):
        ways, at = take_list(data, at, last)
        last = ways[0] if ways else last
        relations, at = take_list(data, at)
        lists.append(Users(tuple(ways), tuple(relations)))
    slots = (slot for slot in range(64) if there >> slot & 1)
    return {slot: lists[number] for slot, number in zip(slots, which, strict=True)}


def pack_users(relations: Iterable[int]) -> bytes:
    """The relations that name a way."""
    out = bytearray()
    put_list(out, sorted(relations))
    return bytes(out)


def unpack_users(data: bytes) -> tuple[int, ...]:
    """The relations that were packed."""
    return tuple(take_list(data, 0)[0])
