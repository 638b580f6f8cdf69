"""`make torture` in small, with every drill. The kills one by one, each with a run in the act, are test_kills.py's."""

from tests.drills.stack import DemoStack
from tests.drills.torture import IMPATIENT, Kill, torture


def test_a_little_torture() -> None:
    """`make torture` in small: under faults a run and its code server, then the supervisor. Its end is by force."""
    kills = [Kill(0, ("run", "code"))]
    stack = DemoStack(history=12, interval=1e9, settings=IMPATIENT)
    try:
        torture(stack.start(), kills, sequences=6, chance=0.005, say=lambda text: None)
    finally:
        stack.remove()
