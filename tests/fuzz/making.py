"""Plausible augmented diffs, and damaged ones, of a random generator's: the same seed makes the same document.

Here: elements, actions in the shapes that tools write, and what goes wrong with them. Counting them is not.
"""

from collections.abc import Callable
from random import Random
from xml.sax.saxutils import quoteattr

Position = tuple[str, str]  # longitude, latitude, as text
Attributes = dict[str, str | None]
MINUTE = "2025-02-10T04:{:02}:{:02}Z"
BAD_NUMBERS = ("?", "", "-1", "1.0", "٣", "12e3", "0x1f", "9223372036854775808", "nan")
BAD_TIMES = ("?", "", "yesterday", "2025-02-10T04:21:00", "2025-13-01T00:00:00Z")
BAD_DEGREES = ("", "?", "nan", "inf", "1_0", "12,5", "200", "-90.5", "٣", "0x1")
VALUES = {
    "highway": ("residential", "no", "", "track;path", " NO ", "Primary"),
    "building": ("yes", "no", "0", "false", "none", "", "no;yes", "house"),
    "waterway": ("river", "RIVER;x", "fish_pass", "no", "ditch"),
    "natural": ("water", "coastline", "cliff", "no", "wood;tree_row", "tree"),
    "railway": ("rail", "station", "yard;rail", "no", "level_crossing"),
    "landuse": ("forest", "railway", "", "farmland", "no"),
    "area": ("yes", "no", "yes;no", "1", "true"),
    "amenity": ("cafe", "no", "pub;bar"),
    "shop": ("yes", "", "bakery"),
    "name": ("Weg 1", "no", "é"),
    "source": ("survey",),
}
USERS = (("7", "anna"), ("8", "björn"), ("9", "wanjiru"), ("0", "nobody"), ("", ""), (None, None))


def xml(name: str, attributes: Attributes, inside: str = "") -> str:
    texts = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items() if value is not None)
    return f"<{name}{texts}>{inside}</{name}>" if inside else f"<{name}{texts}/>"


class Maker:
    """Makes one document. damage: how likely an action is to be damaged."""

    def __init__(self, random: Random, damage: float) -> None:
        self.random = random
        self._damage = damage
        self._node = 1000

    def document(self) -> bytes:
        random = self.random
        actions = [self.action(number) for number in range(random.choice((0, 1, 2, 5, 12, 25)))]
        head = '<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6"><note>made up</note>'
        text = f'{head}<meta osm_base="2025-02-10T05:00:00Z"/>\n' + "\n".join(actions) + "\n</osm>\n"
        body = text.encode()
        if random.random() < self._damage / 4:
            body = self.damaged_body(body)
        return body

    def damaged_body(self, body: bytes) -> bytes:
        at = self.random.randrange(60, len(body))
        ways: tuple[Callable[[], bytes], ...] = (
            lambda: body[:at],
            lambda: body + b"<osm/>",
            lambda: body + b"x",
            lambda: body.replace(b'v="', b'v="\x01', 2),
            lambda: body.replace(b'k="name"', b'k="na&#x1;me"'),
            lambda: body.replace(b"survey", b"a&nbsp;b", 1),
            lambda: body.replace(b"survey", b"a&#0;b&#xFFFE;"),
            lambda: body.replace(b"made up", b"\x0b\x1f"),
            lambda: body.replace(b"<osm ", b"<!DOCTYPE osm><osm ", 1),
            lambda: body.replace(b"<osm ", b"<osmChange ", 1).replace(b"</osm>", b"</osmChange>"),
        )
        return self.random.choice(ways)()

    def tags(self) -> str:
        keys = self.random.sample(list(VALUES), self.random.choice((0, 1, 1, 1, 2, 3)))
        return "".join(xml("tag", {"k": key, "v": self.random.choice(VALUES[key])}) for key in keys)

    def position(self) -> Position:
        random = self.random
        if random.random() < 0.1:
            return f"{random.choice((-180, 179.5, 180, -179.5, 175))}", f"{random.uniform(49, 61):.7f}"
        if random.random() < 0.3:
            return str(random.randrange(-1, 22)), str(random.randrange(-1, 12))
        return f"{random.uniform(-1, 21):.7f}", f"{random.uniform(-1, 11):.7f}"

    def place(self, position: Position) -> Attributes:
        lon, lat = position
        if self.random.random() < self._damage / 20:
            lon = self.random.choice(BAD_DEGREES)
        if self.random.random() < self._damage / 20:
            return {"lon": lon}
        return {"lat": lat, "lon": lon}

    def nodes(self, positions: list[Position], first: int) -> str:
        return "".join(
            xml("nd", {"ref": str(first + number), **self.place(position)})
            for number, position in enumerate(positions)
        )

    def line(self) -> list[Position]:
        random = self.random
        if random.random() < 0.5:
            return self.ring()
        return [self.position() for _ in range(random.choice((0, 1, 2, 2, 3, 4, 6)))]

    def ring(self) -> list[Position]:
        random = self.random
        if random.random() < 0.2:  # mostly crosses itself
            line = [self.position() for _ in range(random.choice((2, 3, 4)))]
            return [*line, line[0]]
        west, south = random.uniform(-1, 20), random.uniform(-1, 10)
        if random.random() < 0.15:
            west, south = 179.6, random.uniform(50, 59)
        return self.square(west, south, random.uniform(0.1, 2))

    def square(self, west: float, south: float, size: float) -> list[Position]:
        def text(x: float, y: float) -> Position:
            return f"{x - 360 if x > 180 else x:.7f}", f"{y:.7f}"

        corners = [text(west, south), text(west + size, south), text(west + size, south + size)]
        corners.append(text(west, south + size))
        return [*corners, corners[0]]

    def cap(self, west: int, south: int) -> list[Position]:
        """A ring that touches the square at two corners, with a gap between."""
        way = ((0, 1), (-0.5, 1.5), (0.5, 1.9), (1.5, 1.5), (1, 1), (0.5, 1.25), (0, 1))
        return [(f"{west + x:.7f}", f"{south + y:.7f}") for x, y in way]

    def rings(self) -> list[tuple[str, list[Position]]]:
        """Squares of a chessboard that touch at corners, one with a hole; or whatever."""
        random = self.random
        if random.random() < 0.3:
            return [
                (random.choice(("outer", "inner", "")), self.ring()) for _ in range(random.choice((1, 2)))
            ]
        west, south = random.randrange(0, 18), random.randrange(0, 8)
        found = [("outer", self.square(west, south, 1))]
        if random.random() < 0.5:
            found.append(("outer", self.square(west + 1, south + 1, 1)))
        if random.random() < 0.5:
            found.append(("inner", self.square(west + 0.25, south + 0.25, random.choice((0.5, 0.25, 0.75)))))
        if random.random() < 0.4:
            found.append(("outer", self.cap(west, south)))
        if random.random() < 0.2:
            return [(random.choice(("", "outer", "label")), ring) for _, ring in found]
        return found

    def members(self) -> str:
        random = self.random
        pieces: list[tuple[str, list[Position]]] = []
        for role, ring in self.rings():
            inside = range(1, len(ring) - 1)
            cuts = sorted(random.sample(inside, min(len(inside), random.choice((0, 0, 1, 2, 3)))))
            for start, end in zip([0, *cuts], [*cuts, len(ring) - 1], strict=True):
                piece = ring[start : end + 1]
                wrong = random.random() < 0.05
                pieces.append(("" if wrong else role, piece[::-1] if random.random() < 0.5 else piece))
        if random.random() < self._damage / 3:
            pieces.pop()
        random.shuffle(pieces)
        found = [
            xml("member", {"type": "way", "ref": str(number), "role": role}, self.nodes(piece, 1))
            for number, (role, piece) in enumerate(pieces)
        ]
        if random.random() < 0.3:
            found.append(
                xml("member", {"type": "node", "ref": "3", "role": "label", **self.place(self.position())})
            )
        if random.random() < 0.2:
            found.append(xml("member", {"type": "relation", "ref": "3", "role": "outer"}))
        return "".join(found)

    def body(self, kind: str, first: int) -> tuple[Attributes, str]:
        """An element's place, and what is in it."""
        if kind == "node":
            return self.place(self.position()), self.tags()
        if kind == "way":
            return {}, self.nodes(self.line(), first) + self.tags()
        kinds = ("multipolygon", "boundary", "Multipolygon;x", "site", "route")
        of_type = xml("tag", {"k": "type", "v": self.random.choice(kinds)})
        return {}, self.members() + self.tags() + of_type

    def meta(self, version: int) -> Attributes:
        random = self.random
        uid, user = random.choice(USERS)
        found: Attributes = {
            "version": str(version),
            "timestamp": MINUTE.format(random.randrange(20, 22), random.randrange(60)),
            "changeset": random.choice(("61", "61", "62", "63", "9007199254740993")),
            "uid": uid,
            "user": user,
        }
        if random.random() < self._damage / 3:
            name = random.choice(("version", "timestamp", "changeset", "uid"))
            if random.random() < 0.4:
                del found[name]
            else:
                found[name] = random.choice(BAD_TIMES if name == "timestamp" else BAD_NUMBERS)
        if random.random() < self._damage / 6:
            found["changeset"] = random.choice(("0", None))
        return found

    def action(self, number: int) -> str:
        random = self.random
        kind = random.choice(("node", "node", "way", "way", "relation"))
        id_ = str(1 + number) if kind != "node" else str(1000 + random.randrange(12))
        if random.random() < self._damage / 10:
            id_ = random.choice(BAD_NUMBERS)
        what = random.choice(("create", "modify", "modify", "delete", "minor"))
        version = random.choice((1, 1, 2, 3)) if what == "create" else random.randrange(2, 6)
        first = 1000 + random.randrange(12)
        place, inside = self.body(kind, first)
        new = xml(kind, {"id": id_} | place | self.meta(version), inside)
        if what == "create":
            return self.creation(new)
        old_place, old_inside = self.body(kind, first) if random.random() < 0.6 else (place, inside)
        old_meta = self.meta(version if what == "minor" else version - 1)
        if random.random() < self._damage / 5:
            old_meta = dict.fromkeys(old_meta, "?")
        old = xml(kind, {"id": id_} | old_place | old_meta, old_inside)
        if what == "delete":
            gone = self.meta(version)
            if random.random() < 0.15:
                gone = {"changeset": random.choice(("0", None))}
            new = xml(
                kind, {"id": id_, "visible": random.choice(("false", "false", "false", "true")), **gone}
            )
        elif random.random() < 0.05:
            new = new.replace(f"<{kind} ", f'<{kind} visible="false" ', 1)
        elif random.random() < 0.05:
            old = old.replace(f"<{kind} ", f'<{kind} visible="false" ', 1)
        return self.sides("delete" if what == "delete" else "modify", old, new)

    def creation(self, new: str) -> str:
        shapes = (new, new, f"<new>{new}</new>", f"<old/><new>{new}</new>", f"<new>{new}</new><old></old>")
        inside = self.random.choice(shapes)
        if self.random.random() < self._damage / 10:
            inside = self.random.choice(("", "<new/>", f"<new>{new}{new}</new>"))
        return self.wrapped("create", inside)

    def sides(self, what: str, old: str, new: str) -> str:
        inside = [f"<old>{old}</old>", f"<new>{new}</new>"]
        if self.random.random() < 0.1:
            inside.reverse()
        if self.random.random() < self._damage / 10:
            del inside[self.random.randrange(2)]
        return self.wrapped(what, "".join(inside))

    def wrapped(self, what: str, inside: str) -> str:
        random = self.random
        if random.random() < 0.05:
            what = random.choice(("info", "show_initial"))
        if random.random() < self._damage / 10:
            inside = random.choice(("<hint>x</hint>" + inside, inside + "<changeset id='9'/>"))
        return xml("action", {"type": what}, inside)
