"""Whether a refusal names a limit: the server has had enough of us, whatever we would ask it next.

How long a stream is quiet then is kept in the database; what other bad answers mean is validation.py's.
"""

from __future__ import annotations

import html
import re

QUIET, QUIET_MOST = 30.0, 900.0
"""Seconds without a request after such a refusal, at least; and at most, after many in a row that name no time."""
ASKED_MOST = 6 * 3600.0
"""What a Retry-After can ask for at most, in seconds: a typo must not stop a stream for a year."""
STATUSES = frozenset({429, 509})
"""Too many requests; bandwidth limit exceeded (of web servers, no standard's)."""

_LIMIT = re.compile(
    r"rate[ _-]?limit|quota|too[ _-]?many|\bbanned\b|\bblocked\b|throttl|slow[ _-]?down"
    r"|bandwidth[ _-]?limit|request[ _-]?limit|limit (?:was |is |has been |of [^.]{1,40} )?(?:exceeded|reached)"
    r"|(?:exceed|reach)(?:ed|s)? [^.]{0,40}limit|reduce (?:your|the) (?:request )?rate",
    re.IGNORECASE,
)
_UNSAID = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_LOOKED_AT = 8192  # characters: an error page says why at its beginning


def names_a_limit(status: int, text: str) -> bool:
    """Of an answer that is no document of the feed's, by its status and what its page says.

    Never of `duplicate_query`, which is one id's own refusal.
    """
    if "duplicate_query" in text:
        return False
    return status in STATUSES or bool(
        _LIMIT.search(html.unescape(_UNSAID.sub(" ", text[:_LOOKED_AT])).replace("\n", " "))
    )


def quiet_for(retry_after: float | None) -> float:
    """How long such a refusal wants us away, in seconds: as long as it says, and QUIET at least."""
    return max(QUIET, retry_after or 0.0)
