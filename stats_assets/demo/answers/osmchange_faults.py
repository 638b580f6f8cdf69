"""What can go wrong with OsmChange alone. What can with any answer is faults.py's."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from stats_assets.demo.answers.faults import Fault, rewritten
from stats_assets.demo.answers.osmchange_file import write_osmchange_state

_ELEMENT = re.compile(rb"\s*<(node|way|relation)\b(?:[^>]*/>|.*?</\1>)", re.DOTALL)
_STATE = re.compile(rb"\nsequenceNumber=(\d+)\ntimestamp=(\S+)\n")
_BLOCK = re.compile(rb"<(create|modify|delete)>(.*?)</\1>", re.DOTALL)


def doubled() -> Fault:
    """OsmChange in which each version comes twice."""
    return rewritten(lambda body: _ELEMENT.sub(lambda match: match[0] * 2, body))


def reversed_order() -> Fault:
    """OsmChange from its end to its beginning: relations first, and the newest version of each."""

    def turned(body: bytes) -> bytes:
        if b"<osmChange" not in body:  # a state
            return body
        blocks = [
            b"<%b>%b</%b>" % (found[1], b"".join(_elements(found[2])[::-1]), found[1])
            for found in _BLOCK.finditer(body)
        ]
        begin = body.find(b">", body.find(b"<osmChange")) + 1
        return body[:begin] + b"".join(reversed(blocks)) + b"</osmChange>\n"

    return rewritten(turned)


def earlier_state(minutes: int = 10) -> Fault:
    """`state.txt` as it was so many minutes ago, as a cache has it."""

    def earlier(body: bytes) -> bytes:
        found = _STATE.search(body)
        if found is None:
            return body
        time = datetime.fromisoformat(found[2].decode().replace("\\:", ":")) - timedelta(minutes=minutes)
        return write_osmchange_state(int(found[1]) - minutes, time)

    return rewritten(earlier)


def _elements(block: bytes) -> list[bytes]:
    return [match[0] for match in _ELEMENT.finditer(block)]


OSMCHANGE_KINDS: Final[Mapping[str, Callable[..., Fault]]] = {
    "doubled": doubled,
    "reversed_order": reversed_order,
    "earlier_state": earlier_state,
}
