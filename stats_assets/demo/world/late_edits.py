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

from stats_assets.demo.world.minute import since, until

FLEETING_ID: Final = 9_900_000_000
"""Of the node that is in minute N until its deletion comes: this + N. No other element of the world is there."""
_ACTION = re.compile(rb'<action type="[a-z]+">\n.*?</action>\n', re.DOTALL)
_BASE = re.compile(rb'osm_base="[^"]*"')
_NEW = re.compile(rb"<new>.*</new>", re.DOTALL)
_MADE = re.compile(
    rb'version="(?P<version>\d+)" timestamp="(?P<at>[^"]*)"'
    rb' (?P<by>changeset="(?P<changeset>\d+)" uid="\d+"(?: user="[^"]*")?)'
)
_FLEETING = """<action type="create">
  <node id="{id}" lat="47.1410000" lon="9.5209000" version="1" timestamp="{at}" {by}>
    <tag k="amenity" v="bench"/>
    <tag k="building" v="yes"/>
  </node>
</action>
"""


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
        real = [action for action in actions if _is_edit(action)]
        if gains is not None and 0 <= stood < gains and real:
            late = _changeset(self._chance("whose", sequence).choice(real))
            kept = [action for action in kept if _is_edit(action) and _changeset(action) != late]
        if loses is not None and 0 <= stood < loses and real:
            kept = _with_fleeting(kept, sequence, self._chance("what", sequence).choice(real))
        begin = final.find(b"<action")
        head, tail = (final[:begin], b"\n</osm>\n") if begin >= 0 else (final, b"")
        stamp = f'osm_base="{base:%Y-%m-%dT%H:%M:%SZ}"'.encode()
        return _BASE.sub(stamp, head, count=1) + b"".join(kept) + tail

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


def _changeset(action: bytes) -> bytes:
    return _made(action)["changeset"]


def _is_edit(action: bytes) -> bool:
    """Whether it is somebody's edit, and not what another element's move did to it; nobody's deletions aside."""
    versions = [found["version"] for found in _MADE.finditer(action)]
    return _changeset(action) != b"0" and (len(versions) == 1 or versions[0] != versions[1])


def _in_time(action: bytes, sequence: int, base: datetime) -> bool:
    return since(sequence) < datetime.fromisoformat(_made(action)["at"].decode()) <= base


def _with_fleeting(actions: Sequence[bytes], sequence: int, other: bytes) -> list[bytes]:
    """A feature more, made by whoever made another."""
    made = _made(other)
    by, at = made["by"].decode(), made["at"].decode()
    fleeting = _FLEETING.format(id=FLEETING_ID + sequence, at=at, by=by).encode()
    nodes = sum(b"\n  <node " in action for action in actions)
    return [*actions[:nodes], fleeting, *actions[nodes:]]
