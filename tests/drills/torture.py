"""Kills at random, while the feed does everything wrong: whatever happens, the end is the truth, exactly.

`python -m tests.drills.torture --kills 100` (`make torture`). What is done to whom, and when, follows from the seed:
`--seed` repeats it, as far as processes can be repeated.
"""

import argparse
import random
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import requests

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.leases import leases
from stats_assets.database.ledger.stream_rows import troubled
from stats_assets.database.statistics.applier import queued
from stats_assets.streams import STREAMS
from tests.drills.exact import contiguous_end
from tests.drills.stack import DemoStack, running
from tests.truth import differences, statistics_of, truth_of

EVERYTHING = ("run", "code", "daemon", "webserver", "feed", "postgres", "keeper")
TARGETS = (
    *(
        ("run",),
        ("run", "code"),
        ("code",),
        ("daemon",),
        ("postgres",),
        ("keeper",),
        ("feed",),
        ("webserver",),
    ),
    *(("run", "daemon"), ("run", "postgres"), ("postgres", "code"), EVERYTHING),
    *(("supervisor",), ("supervisor", "guardian", *EVERYTHING)),
)
LONGEST_PAUSE = 6.0
CHANCE = 0.02
"""Of each fault, for each answer of the feed. One is left out: a refused duplicate waits for 200 s."""
FAULTS: tuple[dict[str, Any], ...] = (
    *({"fault": "status", "arguments": {"code": code}} for code in (429, 500, 502, 503, 504)),
    {"fault": "status", "arguments": {"code": 429, "retry_after": 1}},
    *({"fault": name} for name in ("html", "plain_html", "missing", "empty", "cut", "remark")),
    *(
        {"fault": name}
        for name in ("broken_gzip", "wrong_length", "reset", "redirect_loop", "early_base", "behind")
    ),
    {"fault": "shuffled", "path": "*.osm.gz"},
    {"fault": "stall", "arguments": {"seconds": 8, "at": 0.5}},
    {"fault": "drop"},
)
IMPATIENT = {
    "POLL_SECONDS": "1",
    "LEASE_STALE_SECONDS": "7",
    "RETRY_FIRST_SECONDS": "1",
    "RETRY_MAX_SECONDS": "4",
    "HTTP_TIMEOUT_SECONDS": "5",
    "HOLE_GRACE_SECONDS": "60",
}


def _say(text: str) -> None:
    print(text, flush=True)


class Kill(NamedTuple):
    """After `pause` seconds, kill -9 of all processes of these roles at once."""

    pause: float
    roles: tuple[str, ...]


def schedule(seed: int, kills: int) -> list[Kill]:
    """What is killed when: the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    return [Kill(chance.uniform(0, LONGEST_PAUSE), chance.choice(TARGETS)) for _ in range(kills)]


def torture(
    stack: DemoStack,
    kills: list[Kill],
    sequences: int,
    chance: float = CHANCE,
    say: Callable[[str], None] = _say,
) -> None:
    """Kill as scheduled and until `sequences` are in; then all is well again, and everything must be exact."""
    stack.until(stack.bounds, "the streams to begin")
    spoil(stack, chance)
    for number, kill in enumerate(kills, 1):
        time.sleep(kill.pause)
        stack.until(lambda kill=kill: stack.pids(kill.roles[0]), f"{kill.roles[0]} to be there")  # type: ignore[misc]
        killed = stack.kill(*kill.roles)
        say(f"{number}/{len(kills)}: kill -9 {'+'.join(kill.roles)} ({len(killed)} processes)")
        if "supervisor" in kill.roles:
            _all_ended(stack)
            stack.start()
        if "feed" in kill.roles or "supervisor" in kill.roles:
            spoil(stack, chance)

    def enough() -> bool:
        with stack.connect() as connection:
            done = "SELECT coalesce(sum(done), 0) FROM ledger_blocks WHERE stream = 'augmented_diffs'"
            row = connection.execute(done).fetchone()
            return row is not None and int(row[0]) >= sequences

    stack.until(enough, f"{sequences} sequences to be in", 3600)
    must_be_exact(stack, say)


def spoil(stack: DemoStack, chance: float = CHANCE) -> None:
    """Put the faults: each at random for any answer."""
    rules = [{"probability": chance} | fault for fault in FAULTS]

    def put() -> bool:
        requests.delete(f"{stack.feed}/faults", timeout=10).raise_for_status()
        for rule in rules:
            requests.post(f"{stack.feed}/faults", json=rule, timeout=10).raise_for_status()
        return True

    stack.until(put, "the feed to take its faults")


def must_be_exact(stack: DemoStack, say: Callable[[str], None] = _say) -> None:
    """The faults end and time stands still: soon all of the feed is in, each sequence once, and it is the truth."""
    stack.until(lambda: bool(requests.delete(f"{stack.feed}/faults", timeout=10)), "the feed")
    stack.kill("supervisor")
    _all_ended(stack)
    stack.freeze()
    stack.start()
    stack.until(stack.is_caught_up, "both streams to be where the feed is")
    given_up = {stream: count for stream, count in _given_up(stack).items() if count}
    if given_up:
        say(f"given up and tried again: {given_up}")
        assert stack.run("retry").returncode == 0

    def at_rest() -> bool:
        with stack.connect() as connection:
            return not queued(connection) and not any(pending(connection))

    stack.until(at_rest, "nothing to be pending")
    with stack.connect() as connection:
        ends = {stream: contiguous_end(connection, stream) for stream in STREAMS}
        heads = {stream: one["head"] for stream, one in stack.status()["streams"].items()}
        assert ends == heads, "the ledger has gaps"
        found = differences(truth_of(stack.feed), statistics_of(connection))
        assert found == [], found[:10]
        stray = "SELECT count(*) FROM changeset_edits AS f WHERE NOT EXISTS (SELECT FROM ledger AS l WHERE"
        strays = connection.execute(
            f"{stray} l.stream = 'augmented_diffs' AND l.sequence = f.sequence AND l.result = 'committed')"
        ).fetchone()
        assert strays == (0,), "facts of sequences that are not done"
    verified = stack.run("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    say(f"exact: {verified.stderr.strip()}")


def pending(connection: Connection) -> Iterator[bool]:
    """Whether a run is at work, and whether a sequence waits or is given up, stream by stream."""
    for stream in STREAMS:
        yield any(not lease.released for lease in leases(connection, stream))
        yield bool(troubled(connection, stream, "waiting") or troubled(connection, stream, "trying"))
        yield bool(troubled(connection, stream, "quarantined") or troubled(connection, stream, "hole"))


def _all_ended(stack: DemoStack) -> None:
    """Wait until what a killed supervisor leaves has ended."""
    stack.until(lambda: not stack.children() and not stack.pids("guardian"), "all children to end")


def _given_up(stack: DemoStack) -> dict[str, int]:
    with stack.connect() as connection:
        return {
            stream: len(troubled(connection, stream, "quarantined"))
            + len(troubled(connection, stream, "hole"))
            for stream in STREAMS
        }


def main() -> None:
    """The command; a failed assertion ends it, after the line with the seed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument(
        "--sequences", type=int, default=300, help="so many diffs must be in at the end, or more"
    )
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), help="of an earlier one, to repeat it"
    )
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # not without tidying up
    print(
        f"seed {asked.seed}: repeat with --kills {asked.kills} --sequences {asked.sequences} --seed {asked.seed}"
    )
    began = time.monotonic()
    with running(DemoStack(history=30, interval=2, settings=IMPATIENT)) as stack:
        torture(stack, schedule(asked.seed, asked.kills), asked.sequences)
    print(f"{asked.kills} kills in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
