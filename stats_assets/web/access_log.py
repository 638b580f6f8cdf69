"""A line in the log for each request: when, who, what, how it went, how long it took.

Who is no address: a sign that is an address's for a day, by a key that is never written and then forgotten.
"""

import hashlib
import logging
import re
import secrets
import time
from threading import Lock

DAY = 86_400
LONGEST = 1_000

_SECRET = re.compile(
    r"((?:^|[?&;])[^=&;]*(?:token|key|secret|passw|auth|sig|session)[^=&;]*=)[^&;]*", re.IGNORECASE
)
_log = logging.getLogger("stats_assets.access")


class AccessLog:
    """Its lines go to the logger `stats_assets.access`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._key, self._until = b"", 0.0

    def say(
        self, who: str, method: str, target: bytes, status: int, size: int, seconds: float, name: str
    ) -> None:
        """`target`: path and query as they came. `size`: bytes of the body that were sent."""
        _log.info(
            "%s %s %s %s %s %d %d %.1fms",
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            name,
            self.sign(who),
            method,
            shown(target),
            status,
            size,
            seconds * 1000,
        )

    def sign(self, who: str) -> str:
        """The same for an address on one day; the next day nobody can tell."""
        with self._lock:
            if time.time() >= self._until:
                self._key, self._until = secrets.token_bytes(16), (time.time() // DAY + 1) * DAY
            return hashlib.blake2s(who.encode(), key=self._key, digest_size=5).hexdigest()


def shown(target: bytes) -> str:
    """As one word of a line: no secrets, no signs that would end a line or mend another's."""
    text = _SECRET.sub(r"\1***", target.decode("ascii", "backslashreplace"))
    plain = "".join(sign if "!" <= sign <= "~" else f"\\x{ord(sign):02x}" for sign in text)
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}…"
