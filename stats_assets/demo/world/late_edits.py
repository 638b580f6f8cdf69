"""What comes late to a minute on an Overpass server: transactions whose edits are older.

docs/feeds.md, sections 6.6 and 6.12.

A body is a function of the sequence and of where the server's database stands, so that the last one is known.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final
from xml.sax.saxutils import unescape

from stats_assets.demo.answers.augmented_diff import write_action
from stats_assets.demo.world.elements import Node, Stamp, View
from stats_assets.demo.world.minute import Action, since, until

FLEETING_ID: Final = 9_900_000_000
"""Of the node that is in minute N until its deletion comes: this + N. No other element of the world is there."""
_BENCH: Final = {"amenity": "bench", "building": "yes"}
_WHERE: Final = (471_410_000, 95_209_000)
_QUOTE: Final = {"&quot;": '"'}
_ACTION = re.compile(rb'<action type="[a-z]+">\n.*?</action>\n', re.DOTALL)
_BASE = re.compile(rb'osm_base="[^"]*"')
_NEW = re.compile(rb"<new>.*</new>", re.DOTALL)
_MADE = re.compile(
    rb'version="(?P<version>\d+)" timestamp="(?P<at>[^"]*)"'
    rb' changeset="(?P<changeset>\d+)" uid="(?P<uid>\d+)"(?: user="(?P<user>[^"]*)")?'
)


@dataclass(frozen=True)
class LateEdits:
    """gain: the share of minutes to which a changeset's edits come late; lose: of those from which a feature goes, as
    its deletion comes late. soonest, latest: seconds after the minute's end, before which none comes and after which
    none does. last: the last minute to which anything comes late; None: to any.
    """

    gain: float = 0.4
    lose: float = 0.2
    soonest: float = 5.0
    latest: float = 1800.0
    last: int | None = None
    seed: int = 1

    def gains_after(self, sequence: int) -> float | None:
        """Seconds from the minute's end to the late edits; None: none come."""
        return self._after("gain", self.gain, sequence)

    def loses_after(self, sequence: int) -> float | None:
        """Seconds from the minute's end to the late deletion; None: none comes."""
        return self._after("lose", self.lose, sequence)

    def body(self, final: bytes, sequence: int, base: datetime) -> bytes:
        """What a server whose database stands at `base` answers; `final`: once nothing more comes."""
        actions, stood = _ACTION.findall(final), (base - until(sequence)).total_seconds()
        kept = [action for action in actions if stood >= 0 or _in_time(action, sequence, base)]
        gains, loses = self.gains_after(sequence), self.loses_after(sequence)
        late, fleeting = self.late_changeset(final, sequence), self.fleeting(final, sequence)
        if gains is not None and 0 <= stood < gains and late is not None:
            kept = [action for action in kept if _is_edit(action) and _changeset(action) != late]
        if loses is not None and 0 <= stood < loses and fleeting is not None:
            kept = _with_fleeting(kept, fleeting)
        begin = final.find(b"<action")
        head, tail = (final[:begin], b"\n</osm>\n") if begin >= 0 else (final, b"")
        stamp = f'osm_base="{base:%Y-%m-%dT%H:%M:%SZ}"'.encode()
        return _BASE.sub(stamp, head, count=1) + b"".join(kept) + tail

    def late_changeset(self, final: bytes, sequence: int) -> int | None:
        """Whose edits come late, if any do; None: nobody edited anything."""
        real = [action for action in _ACTION.findall(final) if _is_edit(action)]
        return _changeset(self._chance("whose", sequence).choice(real)) if real else None

    def fleeting(self, final: bytes, sequence: int) -> Node | None:
        """What is there until its deletion comes, if one does; made by whoever made another."""
        real = [action for action in _ACTION.findall(final) if _is_edit(action)]
        if not real:
            return None
        made = _made(self._chance("what", sequence).choice(real))
        user = None if made["user"] is None else unescape(made["user"].decode(), _QUOTE)
        at = datetime.fromisoformat(made["at"].decode())
        stamp = Stamp(1, at, int(made["changeset"]), int(made["uid"]), user)
        return Node(FLEETING_ID + sequence, stamp, _BENCH, _WHERE)

    def _after(self, what: str, share: float, sequence: int) -> float | None:
        chance = self._chance(what, sequence)
        # Most come within minutes, a few much later.
        after = self.soonest + (self.latest - self.soonest) * chance.random() ** 3
        happens = chance.random() < share and (self.last is None or sequence <= self.last)
        return after if happens else None

    def _chance(self, what: str, sequence: int) -> Random:
        return Random(f"{self.seed}:{what}:{sequence}")  # noqa: S311 (an invented world, not a secret)


def _made(action: bytes) -> "re.Match[bytes]":
    new = _NEW.search(action)
    found = _MADE.search(new[0] if new else action)
    if found is None:
        raise ValueError(f"an action that says nothing of its making: {action[:200]!r}")
    return found


def _changeset(action: bytes) -> int:
    return int(_made(action)["changeset"])


def _is_edit(action: bytes) -> bool:
    """Whether it is somebody's edit, and not what another element's move did to it; nobody's deletions aside."""
    versions = [found["version"] for found in _MADE.finditer(action)]
    return _changeset(action) != 0 and (len(versions) == 1 or versions[0] != versions[1])


def _in_time(action: bytes, sequence: int, base: datetime) -> bool:
    return since(sequence) < datetime.fromisoformat(_made(action)["at"].decode()) <= base


def _with_fleeting(actions: Sequence[bytes], fleeting: Node) -> list[bytes]:
    """A feature more."""
    created = Action("create", ("node", fleeting.id), None, View(fleeting), None)
    nodes = sum(b"\n  <node " in action for action in actions)
    return [*actions[:nodes], write_action(created), *actions[nodes:]]
