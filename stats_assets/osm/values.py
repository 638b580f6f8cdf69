"""Attribute values of OSM XML read into numbers, times and text.

Here: what a single value means, and when it can't be read. Not here: which values an element needs.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class UnreadableError(ValueError):
    """A value that says nothing usable; the message names what was expected of which attribute."""


def read_number(text: str | None, name: str) -> int:
    """A whole number of 0 … 2^63-1 (ids, versions): plain digits. Raises UnreadableError."""
    if text is not None and text.isdecimal() and len(text) < 20:
        number = int(text)
        if number < 1 << 63:
            return number
    raise UnreadableError(name)


@lru_cache(maxsize=1 << 14)
def read_time(text: str | None) -> int:
    """An ISO 8601 time with its zone, as microseconds since 1970 UTC. Raises UnreadableError."""
    if text is not None:
        try:
            time = datetime.fromisoformat(text)
            if time.tzinfo is not None:
                return (
                    time.astimezone(UTC) - EPOCH
                ) // _MICROSECOND  # raises for what UTC puts outside the years 1 … 9999
        except (ValueError, OverflowError):
            pass
    raise UnreadableError("timestamp")


def moment(microseconds: int) -> datetime:
    """The time, in UTC, of `read_time`'s microseconds."""
    return EPOCH + timedelta(microseconds=microseconds)


def read_degrees(text: str | None) -> float:
    """A coordinate in degrees; what is no decimal number is NaN, so that its position counts as missing.

    Decimal: digits of ASCII, with sign, point (`5.` and `.5`, too) and exponent where there are any.
    """
    return float(text) if text is not None and _DECIMAL.fullmatch(text) else math.nan


def storable(text: str) -> str:
    """The text with U+FFFD for what PostgreSQL can't hold: NUL and lone surrogates."""
    return _UNSTORABLE.sub("\ufffd", text)


def read_name(text: str | None) -> str | None:
    """A user's name; absent and empty are none (definitions, section 6)."""
    return storable(text) if text else None
