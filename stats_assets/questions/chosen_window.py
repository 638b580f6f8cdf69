"""The window that is asked for: by from and to, by last, or by period. What times and windows are is windows.py's."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from stats_assets.questions import windows
from stats_assets.questions.addresses import instead
from stats_assets.questions.values import Values
from stats_assets.questions.windows import NoTime, Window

T = TypeVar("T")


def window(values: Values, zone: ZoneInfo) -> tuple[Window, str | None]:
    """The window, and its length as it was said (`7d`, `week`). Raises Problem."""
    ways = [name for name in ("from", "to", "last", "period") if name in values.all]
    if ways[:2] == ["from", "to"]:
        del ways[1]
    if len(ways) > 1:
        others = dict.fromkeys(n for n in ("from", "to", "last", "period") if n != ways[-1])
        values.refuse(
            ways[-1],
            "two-windows",
            "Two windows",
            "A window is said by from and to, or by last, or by period: not by two of them.",
            instead(values.given, others),
        )
    if "last" in values.all:
        text = values.one("last") or ""
        return _timed(values, "last", lambda: windows.last_of(text, values.now)), text
    if "period" in values.all:
        text = values.one("period") or ""
        return _timed(values, "period", lambda: windows.period_of(text, zone, values.now)), text
    if values.kind == "trending" and not ways:
        return windows.last_of("24h", values.now), "24h"
    ends = [_end(values, name, zone) for name in ("from", "to")]
    since, until = ends
    if since is not None and until is not None and since >= until:
        turned = since > until
        values.refuse(
            "to",
            "empty-window",
            "The window has no time in it",
            f"to is {'before' if turned else 'the same minute as'} from.",
            instead(values.given, {"from": values.all["to"], "to": values.all["from"]})
            if turned
            else values.without("to"),
        )
    return Window(since, until), None


def _end(values: Values, name: str, zone: ZoneInfo) -> datetime | None:
    value = values.one(name)
    if value is None:
        return None
    time, said = _timed(values, name, lambda: windows.time_of(value, zone))
    if said is not None:
        values.notes.append(f"{name}: {said}")
    return time


def _timed(values: Values, name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except NoTime as error:
        said = (
            "no-such-time" if "exist" in str(error) else "seconds" if "seconds" in str(error) else "bad-time"
        )
        values.refuse(
            name,
            said,
            "A time that can't be used",
            f"{name}: {error}",
            values.having(name, error.better) if error.better else values.without(name),
        )
