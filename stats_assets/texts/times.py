"""How times look: hours of a day in 24, dates by CLDR, zones by the city that names them.

Answers tell times as texts (ISO 8601); a zone is IANA's.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_interval, get_timezone_location

MIDNIGHT = (0, 0)


def parsed(text: str | None) -> datetime | None:
    """A time of an answer."""
    if not text:
        return None
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def zone(name: str | None) -> ZoneInfo:
    """A zone, UTC where there is none of this name."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def place(of: ZoneInfo, locale: Locale) -> str:
    """What people call a zone: Nairobi."""
    if of.key in ("UTC", "Etc/UTC", "GMT"):
        return "UTC"
    return get_timezone_location(of, locale, return_city=True) or of.key


def offset(when: datetime) -> str:
    """UTC+3, UTC+5:45: as it is on that date."""
    minutes = int((when.utcoffset() or timedelta()).total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes >= 0 else "−"
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "") if minutes else "UTC"


def hour(when: datetime) -> str:
    """14:30."""
    return f"{when:%H:%M}"


def day(when: date, locale: Locale) -> str:
    """20 Feb 2025, in the language's way."""
    return format_date(when, "medium", locale=locale)


def long_day(when: date, locale: Locale) -> str:
    """Thursday, 20 February 2025, in the language's way."""
    return format_date(when, "full", locale=locale)


def days(first: date, last: date, locale: Locale) -> str:
    """17 – 23 Feb 2025, in the language's way."""
    if first == last:
        return day(first, locale)
    return str(format_interval(first, last, "yMMMd", locale=locale))


def moment(when: datetime, now: datetime, locale: Locale) -> str:
    """The hour, and its day where that is not today's."""
    return hour(when) if when.date() == now.date() else f"{day(when.date(), locale)} {hour(when)}"


def is_midnight(when: datetime) -> bool:
    """Whether a local day begins."""
    return (when.hour, when.minute) == MIDNIGHT
