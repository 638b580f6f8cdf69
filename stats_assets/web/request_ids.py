"""A request's name: what the client gave, or 26 signs of time and chance, as ULIDs are."""

import re
import secrets
import time

_GIVEN = re.compile(rb"[A-Za-z0-9._:+/=-]{1,64}")
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def request_id(given: bytes | None) -> str:
    """The client's X-Request-ID, where it can be one; else a new one."""
    if given is not None and _GIVEN.fullmatch(given):
        return given.decode("ascii")
    return new_id()


def new_id() -> str:
    """As ULIDs are: in the order of time."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))
