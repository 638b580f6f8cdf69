"""Attribute values of OSM XML read into numbers, times and text.

Here: what a single value means, and when it can't be read. Not here: which values an element needs.
"""

import math
import re
from datetime import UTC, datetime, timedelta

from stats_assets.osm.caching import LONGEST, remembered

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
)
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class UnreadableError(ValueError):
    """Something that says nothing usable. Its text is the reason's key (`id`, `sides`); `why` is for a person."""

    def __init__(self, reason: str, why: str = "") -> None:
        super().__init__(reason)
        self.why = why or f"no usable {reason}"


def read_number(text: str | None, name: str) -> int:
    """A whole number of 0 … 2^63-1 (ids, versions): plain ASCII digits. Raises UnreadableError."""
    if text is not None and text.isascii() and text.isdigit():
        digits = text.lstrip("0")
        number = int(digits or "0") if len(digits) < 20 else 1 << 63
        if number < 1 << 63:
            return number
        raise UnreadableError(name, _complaint(text, name, "beyond 2^63-1"))
    raise UnreadableError(name, _complaint(text, name, "no number"))


@remembered(1 << 14)
def read_time(text: str | None) -> int:
    """A time as RFC 3339 writes it, with its zone, as microseconds since 1970 UTC: before that negative.

    What else ISO 8601 knows (weeks, a date alone, no zone) is none. Raises UnreadableError.
    """
    if text is not None and _TIME.fullmatch(text):
        try:
            time = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):  # no such day, or one that UTC puts outside the years 1 … 9999
            pass
        else:
            return microseconds(time)
    raise UnreadableError("timestamp", _complaint(text, "timestamp", "no time"))


def _complaint(text: str | None, name: str, expected: str) -> str:
    return f"no {name}" if text is None else f"{name} {shortened(text)!r} is {expected}"


def shortened(text: str) -> str:
    """The text as it may stand in a sentence for a person."""
    return storable(text if len(text) <= 40 else f"{text[:39]}…")


def microseconds(time: datetime) -> int:
    """A time as `read_time` gives it."""
    return (time - EPOCH) // _MICROSECOND


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
    """A user's name; absent and empty are none (docs/definitions.md, section 6). One that OSM can't hold is cut."""
    return storable(text[:LONGEST]) if text else None
