"""`stats-assets backfill` beside a running daemon: it submits and waits, and however it ends, nothing is left queued
and the same command does the rest."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.drills.exact import is_exact
from tests.drills.stack import DemoStack
from tests.drills.stack import demo_stack as started

HISTORY = 400
RUNS = "{ runsOrError(limit: 100) { ... on Runs { results { status tags { key } } } } }"
OVER = {"SUCCESS", "FAILURE", "CANCELED"}


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoStack]:
    """A demo with four blocks of history, in which no more minutes pass."""
    with started(history=HISTORY, interval=1e9) as stack:
        stack.until(stack.is_caught_up, "the streams to catch up")
        yield stack


def command(demo: DemoStack, start: int, end: int) -> list[str]:
    return ["backfill", "--stream", "augmented_diffs", "--start", str(start), "--end", str(end)]


def runs(demo: DemoStack) -> list[str]:
    """What became of the backfills' runs: their statuses."""
    found = demo.graphql(RUNS)["runsOrError"]["results"]
    return [run["status"] for run in found if {"key": "dagster/backfill"} in run["tags"]]


def unfinished(demo: DemoStack) -> set[str]:
    return set(runs(demo)) - OVER


def begin(demo: DemoStack, start: int, end: int) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [demo.program, *command(demo, start, end)],
        cwd=demo.home,
        env=demo.environment,
        stderr=subprocess.PIPE,
        text=True,
        # where the drills were started in the background, Ctrl-C would be ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@contextmanager
def held(demo: DemoStack, *roles: str) -> Iterator[None]:
    """The processes of these roles do nothing within."""
    pids = [pid for role in roles for pid in demo.pids(role)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def origin(demo: DemoStack) -> int:
    return int(demo.status()["streams"]["augmented_diffs"]["origin"])


def test_it_submits_and_waits_to_the_sequence(demo: DemoStack) -> None:
    start = origin(demo) + 7
    with demo.connect() as connection:
        row = connection.execute("SELECT now()").fetchone()
    done = demo.run(*command(demo, start, start + 149))
    assert done.returncode == 0, done.stderr
    assert "submitted to Dagster's daemon" in done.stderr
    assert f"150 of 150 sequences of augmented_diffs {start}..{start + 149} are committed" in done.stderr
    assert row is not None
    with demo.connect() as connection:
        again = connection.execute(
            "SELECT min(sequence), max(sequence), count(*) FROM ledger"
            " WHERE stream = 'augmented_diffs' AND done_at > %s AND sequence < %s",
            (row[0], start + 200),
        ).fetchone()
    assert again == (start, start + 149, 150)
    is_exact(demo)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_it_leaves_nothing_queued_and_goes_on_later(demo: DemoStack, number: signal.Signals) -> None:
    start = origin(demo) + int(number)
    process = begin(demo, start, start + 350)
    demo.until(lambda: unfinished(demo), "runs of the backfill")
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    demo.until(lambda: not unfinished(demo), "nothing to be left of it", 60)
    assert "CANCELED" in runs(demo)
    done = demo.run(*command(demo, start, start + 350))
    assert done.returncode == 0, done.stderr
    is_exact(demo)


def test_killed_it_goes_on_in_the_daemon_and_the_same_command_waits_for_it(demo: DemoStack) -> None:
    start = origin(demo) + 40
    process = begin(demo, start, start + 300)
    demo.until(lambda: unfinished(demo), "runs of the backfill")
    with held(demo, "daemon", "run"):  # else all may be done before the second command looks
        process.kill()
        process.communicate()
        assert unfinished(demo)
        again = begin(demo, start, start + 300)
        assert again.stderr is not None
        said = again.stderr.readline()
    rest = again.communicate(timeout=300)[1]
    assert again.returncode == 0, said + rest
    assert "at work already" in said
    assert "submitted" not in rest
    is_exact(demo)
