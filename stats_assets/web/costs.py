"""What each address has used of the database: seconds of connections held, of which LIMIT_SECONDS a minute are its own.

An answer that needs no connection costs nothing, and is given whatever was used: a room shares one address.
"""

import time
from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from threading import Lock

from stats_assets.questions.problem import Problem

REMEMBERED = 10_000
"""So many addresses: the one that asked longest ago is forgotten first."""

FORGOTTEN = 3600.0
"""Seconds after which an address that asked nothing is forgotten, too."""


@dataclass
class Budgets:
    """What is left to each address."""

    a_minute: float
    """Seconds of the database that an address has, a minute; so much may be saved up. 0: no limit."""
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)  # what, when
    _lock: Lock = field(default_factory=Lock)

    def check(self, who: str) -> None:
        """Raises Problem for who has nothing left."""
        left = self._now(who)
        if self.a_minute and left <= 0:
            wait = max(1, round(-left / self.a_minute * 60) + 1)
            raise Problem(
                "too-much",
                "Too much was asked from this address",
                f"The questions of this address took more than {self.a_minute:g} seconds a minute to answer. Ask"
                f" again in {wait} s; answers that are kept (Cache-Control, ETag) are not counted.",
                status=429,
                retry_after=wait,
            )

    def spend(self, who: str, seconds: float) -> None:
        with self._lock:
            self._left[who] = (self._left_now(who) - seconds, time.monotonic())
            self._left.move_to_end(who)
            while len(self._left) > REMEMBERED or self._oldest() < time.monotonic() - FORGOTTEN:
                self._left.popitem(last=False)

    def _oldest(self) -> float:
        return next(at for _, at in self._left.values())

    def _now(self, who: str) -> float:
        with self._lock:
            return self._left_now(who)

    def _left_now(self, who: str) -> float:
        left, at = self._left.get(who, (self.a_minute, 0.0))
        return min(self.a_minute, left + (time.monotonic() - at) * self.a_minute / 60)


@dataclass(frozen=True)
class Spending:
    """Who pays for what is asked in this context."""

    who: str
    budgets: Budgets

    def check(self) -> None:
        """Raises Problem."""
        self.budgets.check(self.who)

    def spend(self, seconds: float) -> None:
        self.budgets.spend(self.who, seconds)


SPENDING: ContextVar[Spending | None] = ContextVar("SPENDING", default=None)
"""None: nobody pays, as for the server's own questions."""


def who_of(address: str | None) -> str:
    """Who an address is: of IPv6 the network of 64 bits, as that is one customer's."""
    try:
        ip = ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(IPv6Address(int(ip) >> 64 << 64))
    return str(ip)
