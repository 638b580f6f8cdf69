"""Free ports for programs that must be told theirs. A server of a test's own is better off with port 0."""

import random
import socket

# Below those that the system gives to whoever connects somewhere: one of these is taken again within moments.
GIVEN_TO_NOBODY = range(10_000, 30_000)
_any = random.SystemRandom()


def free_ports(number: int) -> list[int]:
    """So many different ones, free just now."""
    found: set[int] = set()
    while len(found) < number:
        port = _any.choice(GIVEN_TO_NOBODY)
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)):
                found.add(port)
    return list(found)
