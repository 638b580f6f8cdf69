"""A version's numbers as files write them: what is taken, and what ends in ValueError.

Here: single values. Where they stand in a file is xml_versions.py's and pbf.py's.
"""

from datetime import UTC, datetime
from functools import lru_cache

ID_MAX = 2**62
VERSION_MAX = TIME_MAX = UID_MAX = 2**32 - 1
LATITUDE_MAX, LONGITUDE_MAX = 900_000_000, 1_800_000_000


def number(text: str | None, what: str, most: int = ID_MAX) -> int:
    """A whole number from 0 to `most`."""
    if text is None:
        raise ValueError(f"no {what}")
    if not (text.isascii() and text.isdigit() and len(text) < 20 and (found := int(text)) <= most):
        raise ValueError(f"the {what} {text[:40]!r}")
    return found


@lru_cache(maxsize=1 << 14)
def seconds(text: str | None) -> int:
    """A time in ISO 8601 (UTC if it has no zone) in epoch seconds, what is less than a second dropped."""
    if text is None:
        raise ValueError("no timestamp")
    try:
        time = datetime.fromisoformat(text)
        found = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        found = -1
    if not 0 <= found <= TIME_MAX:
        raise ValueError(f"the timestamp {text[:40]!r}")
    return found


def degrees(text: str | None, what: str, most: int) -> int:
    """A longitude or latitude in units of 10⁻⁷ degrees, not beyond `most`."""
    if text is None:
        raise ValueError(f"no {what}")
    try:
        found = round(float(text) * 1e7)
    except (ValueError, OverflowError):
        found = most + 1
    if not -most <= found <= most:
        raise ValueError(f"the {what} {text[:40]!r}")
    return found
