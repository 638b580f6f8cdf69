"""How times are said to people: durations with their units, and points of time in UTC. Pure.

What is said beside them is each message's own; figures for monitors stay seconds.
"""

from datetime import UTC, datetime

_UNITS = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_PLAIN = 120  # seconds: up to here in seconds alone


def in_words(seconds: float) -> str:
    """A duration by its two largest units: "90 s", "2 min 10 s", "45 min", "3 h", "5 h 20 min", "2 days 3 h"."""
    left = max(0, round(seconds))
    if left < _PLAIN:
        return f"{left} s"
    if left >= 600:  # nobody asks for the seconds of ten minutes, or for the minutes of two days
        left = 60 * round(left / 60) if left < 172_800 else 3_600 * round(left / 3_600)
    said = []
    for unit, length in _UNITS:
        number, left = divmod(left, length)
        if number:
            said.append(f"{number} {unit}{'s' if unit == 'day' and number > 1 else ''}")
    return " ".join(said[:2])


def at(then: datetime, now: datetime | None = None) -> str:
    """A point of time: "14:03:20 UTC", with its date where that is not today's (now: None: always)."""
    then = then.astimezone(UTC)
    same_day = now is not None and now.astimezone(UTC).date() == then.date()
    return f"{then:%H:%M:%S} UTC" if same_day else f"{then:%Y-%m-%d %H:%M:%S} UTC"
