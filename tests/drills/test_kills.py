"""kill -9 of each process, alone and together, with a run in the act: the stream goes on by itself, exactly.

The drills share one demo, whose world goes on meanwhile, and follow each other.
"""

import json
import socket
import time
from collections.abc import Iterator

import pytest

from stats_assets.database.ledger.stream_rows import stream_of
from stats_assets.database.statistics.applier import queued
from stats_assets.streams import STREAMS
from tests.drills.act import run_in_the_act
from tests.drills.exact import is_exact as is_exact
from tests.drills.stack import DemoStack
from tests.truth import differences, statistics_of, truth_of

GOES_ON = 120.0
"""Seconds; about 40 on a machine with nothing else to do, half of them a silent lease's patience."""
CHILDREN = ("feed", "code", "webserver", "daemon", "run", "keeper", "postgres")
BIGGEST_MB = 1500
LOGS_MB = 5


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """What a drill has measured, shown when it is over."""
    lines: list[str] = []
    yield lines
    with capsys.disabled():
        print("".join(f"\n  {line}" for line in lines))


def goes_on(stack: DemoStack, after: int, killed: list[int]) -> float:
    """Wait until both streams are beyond what they were at, by new processes; how many seconds it took."""
    began = time.monotonic()

    def checkpoints() -> list[int]:
        with stack.connect() as connection:
            rows = [stream_of(connection, stream) for stream in STREAMS]
            return [-1 if row is None or row.checkpoint is None else row.checkpoint for row in rows]

    before = stack.until(checkpoints, "the database to be back", GOES_ON)
    beyond = dict(zip(STREAMS, before, strict=True)) | {"augmented_diffs": after}

    def all_beyond() -> bool:
        return all(now > beyond[stream] for stream, now in zip(STREAMS, checkpoints(), strict=True))

    stack.until(all_beyond, f"the streams to go on from {beyond}; {stack.said()[-2000:]}", GOES_ON)
    assert not set(killed) & {*stack.children(), *stack.postgres(), *stack.keeper()}
    for role in set(CHILDREN) - {"run"}:
        stack.until(lambda role=role: len(stack.pids(role)) == 1, f"one {role} to run")  # type: ignore[misc]
    return time.monotonic() - began


@pytest.mark.parametrize(
    "roles",
    [("run",), ("forks",), ("run", "code"), ("daemon",), ("webserver",), ("feed",), ("postgres",), CHILDREN],
    ids="+".join,
)
def test_the_stream_survives(demo_stack: DemoStack, roles: tuple[str, ...], told: list[str]) -> None:
    with run_in_the_act(demo_stack) as end:
        killed = demo_stack.kill(*roles)
    assert len(killed) >= len(roles)
    seconds = goes_on(demo_stack, end, killed)
    told.append(f"{'+'.join(roles)}: on again after {seconds:.0f} s; exact at {is_exact(demo_stack)}")


def test_a_killed_supervisor_takes_all_along_and_the_next_goes_on(
    demo_stack: DemoStack, told: list[str]
) -> None:
    with run_in_the_act(demo_stack) as end:
        killed = demo_stack.kill("supervisor")
        demo_stack.until(lambda: not demo_stack.children(), "all children to end")
    assert demo_stack.until(lambda: not demo_stack.pids("guardian"), "the guardian to end")
    began = time.monotonic()
    demo_stack.start()
    ready = time.monotonic() - began
    seconds = goes_on(demo_stack, end, killed)
    told.append(f"supervisor: ready {ready:.0f} s, on again {seconds:.0f} s after that")
    is_exact(demo_stack)


def test_a_power_cut(demo_stack: DemoStack, told: list[str]) -> None:
    """All at once; what stays behind names processes and ports that are others' by now. Time stands still then."""
    with run_in_the_act(demo_stack):
        demo_stack.kill("supervisor", "guardian", *CHILDREN)
        demo_stack.kill(*CHILDREN)  # what was just being started
    demo_stack.until(lambda: not demo_stack.postgres(), "PostgreSQL's processes to see that theirs is gone")
    home = demo_stack.home
    (home / ".dagster/supervisor.lock").write_text("1")
    for path in (home / ".data/postgresql").rglob("*.pid"):
        path.write_text(path.read_text().replace(path.read_text().split()[0], "1", 1))
    workspace = json.loads((home / ".dagster/workspace.yaml").read_text())
    demo_stack.freeze()
    with socket.create_server(("127.0.0.1", workspace["load_from"][0]["grpc_server"]["port"])):
        demo_stack.start()
        demo_stack.until(demo_stack.is_caught_up, "both streams to be where the feed is")
        is_exact(demo_stack)
    with demo_stack.connect() as connection:
        assert differences(truth_of(demo_stack.feed), statistics_of(connection)) == []
        assert queued(connection) == 0
    memory = demo_stack.memory()
    told.append("MB resident: " + ", ".join(f"{role} {size:.0f}" for role, size in memory.items()))
    assert max(memory.values()) < BIGGEST_MB
    logs = [*(home / ".dagster/logs").iterdir(), *(home / ".data/postgresql").glob("*.log*")]
    size = sum(path.stat().st_size for path in logs) / 1e6
    told.append(f"logs: {size:.2f} MB in {len(logs)} files")
    assert len(logs) >= len(("feed", "code", "webserver", "daemon", "server"))
    assert size < LOGS_MB
