"""How often a feed may be asked without being a burden to it, and when a server is one's own.

What was asked is kept in the database (database/ledger/asked.py); nothing here waits.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

GAP = 60.0
"""Seconds between two requests of one id. A server refuses its fourth identical query in 180 s, whoever asks."""
PAUSE = 10.0
"""Seconds between an answer's end and the next body, at a server that is not one's own.

With a head a minute it is below 10,000 requests a day, also while a stream catches up for days.
"""
_OWN = ("localhost", "local", "internal", "lan", "home.arpa")


class Manners(NamedTuple):
    """How often a source may be asked."""

    pause: float = 0.0
    """Seconds between an answer's end and the next request."""
    gap: float = 0.0
    """Seconds between two requests of one id, which is asked twice at most in three gaps; 0: whenever."""


NO_MANNERS = Manners()


def manners_at(url: str, pause: float | None, retry_first: float) -> Manners:
    """An Overpass's: `pause` where it is set, else PAUSE, and none at one's own.

    At one's own an id may be asked again as soon as the settings try it again.
    """
    if is_own(url):
        return Manners(pause or 0.0, min(GAP, retry_first))
    return Manners(PAUSE if pause is None else pause, GAP)


def is_own(url: str) -> bool:
    """Whether the URL's host is this machine or one of its own network: by its name, no name is looked up."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "." not in host or any(host.endswith(f".{name}") for name in _OWN)
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback or mapped.is_private or mapped.is_link_local


def server_of(url: str) -> str:
    """What requests and limits count for: a web address's host and port, else the place itself."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower() if parts.scheme in ("http", "https") else url
