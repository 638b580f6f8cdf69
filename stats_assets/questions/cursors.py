"""Where a page of rows ended, as text in an address: opaque to who asks, checked when it comes back."""

import base64
import binascii
import json
import re
from urllib.parse import parse_qs, urlsplit

from stats_assets.questions.question import After

_LONGEST = 2_000
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")
_ID = re.compile(r"-?[0-9]{1,18}")


def cursor(value: str, key: str) -> str:
    """What the next page's `after` says."""
    text = json.dumps({"v": value, "k": key}, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def after_of(text: str, *, by_id: bool) -> After:
    """What a cursor says; also taken from the whole address that `next` is. Raises ValueError.

    by_id: its key is a number.
    """
    if text.startswith("/") and len(text) <= 50 * _LONGEST:
        text = parse_qs(urlsplit(text).query).get("after", [""])[-1]
    if len(text) > _LONGEST:
        raise ValueError("too long")
    try:
        read = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        value, key = read["v"], read["k"]
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("no cursor") from None
    if not isinstance(value, str) or not isinstance(key, str) or "\0" in value + key:
        raise ValueError("no cursor")
    if not _NUMBER.fullmatch(value) or (by_id and not _ID.fullmatch(key)):
        raise ValueError("no cursor")
    return After(value, key)
