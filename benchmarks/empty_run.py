"""Dagster's own empty run, the anchor of `visible.py`: what a run costs that does nothing, with Dagster as it comes.

`python -m benchmarks.empty_run --runs 10`: a code server, a daemon and SQLite, all Dagster's own, in a folder of their
own; a sensor each second asks for a run of a job of one empty op, when the one before is over.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.storage.tags import TICK_ID_TAG

from tests.ports import free_ports

DEFINITIONS = """
import uuid
from dagster import DagsterRunStatus, Definitions, RunRequest, RunsFilter, in_process_executor, job, op, sensor
from dagster import DefaultSensorStatus, SkipReason

@op
def nothing(): ...

@job(executor_def=in_process_executor)
def empty(): nothing()

@sensor(job=empty, minimum_interval_seconds=1, default_status=DefaultSensorStatus.RUNNING)
def asks(context):
    done = context.instance.get_runs_count(RunsFilter(statuses=[DagsterRunStatus.SUCCESS]))
    if context.instance.get_runs_count() > done:
        return SkipReason("one is at work")
    return RunRequest(run_key=str(uuid.uuid4()))

defs = Definitions(jobs=[empty], sensors=[asks])
"""
INSTANCE = """
telemetry: {enabled: false}
run_coordinator:
  module: dagster._core.run_coordinator.queued_run_coordinator
  class: QueuedRunCoordinator
  config: {dequeue_interval_seconds: 2}
"""


class Moments(NamedTuple):
    """When what of a run happened, as Dagster's events say; epoch seconds."""

    tick: float
    queued: float
    launched: float
    begun: float
    step: float
    ended: float


def moments_of(instance: DagsterInstance, run: DagsterRun) -> Moments:
    """The moments of a sensor's run that has succeeded."""
    events: dict[str, float] = {}
    for entry in instance.all_logs(run.run_id):
        if entry.dagster_event:
            events.setdefault(entry.dagster_event.event_type_value, entry.timestamp)
    storage = instance.schedule_storage
    assert storage is not None
    tick = storage.get_tick(int(run.tags[TICK_ID_TAG]))
    names = ("PIPELINE_ENQUEUED", "PIPELINE_STARTING", "PIPELINE_START", "STEP_START", "PIPELINE_SUCCESS")
    return Moments(tick.timestamp, *(events[name] for name in names))


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    found = measured(parser.parse_args().runs)
    for name in ("tick", "queued", "launched", "begun", "step"):
        following = Moments._fields[Moments._fields.index(name) + 1]
        values = [getattr(one, following) - getattr(one, name) for one in found]
        print(
            f"{name:9} to {following:9} median {statistics.median(values):5.2f} s, {max(values):.2f} at most"
        )
    starts = [one.step - one.queued for one in found]
    print(f"run start (queued to step) median {statistics.median(starts):.2f} s, {max(starts):.2f} at most")
    return 0


def measured(wanted: int) -> list[Moments]:
    """So many empty runs, one after the other, by a Dagster of their own."""
    home = Path(tempfile.mkdtemp(prefix="stats-assets-bench-"))
    (home / "empty_definitions.py").write_text(DEFINITIONS)
    (home / "dagster.yaml").write_text(INSTANCE)
    [port] = free_ports(1)
    (home / "workspace.yaml").write_text(
        f"load_from: [{{grpc_server: {{host: 127.0.0.1, port: {port}, location_name: empty}}}}]"
    )
    environment = {**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": str(home)}
    os.environ["DAGSTER_HOME"] = str(home)
    server = ["api", "grpc", "-m", "empty_definitions", "--location-name", "empty", "-h", "127.0.0.1"]
    commands = [
        [sys.executable, "-m", "dagster", *server, "-p", str(port)],
        [sys.executable, "-m", "dagster._daemon", "run", "-w", str(home / "workspace.yaml")],
    ]
    with (home / "said").open("ab") as said:
        programs = [
            subprocess.Popen(command, cwd=home, env=environment, stdout=said, stderr=said)  # noqa: S603
            for command in commands
        ]
        try:
            with DagsterInstance.from_config(str(home)) as instance:
                over = RunsFilter(statuses=[DagsterRunStatus.SUCCESS])
                while len(runs := instance.get_runs(over)) <= wanted:
                    time.sleep(0.5)
                return [moments_of(instance, run) for run in runs[:wanted]]
        finally:
            for program in reversed(programs):
                program.kill()  # begun in the background of a shell, it would not hear Ctrl-C; its runs are over
                program.wait()


if __name__ == "__main__":
    sys.exit(main())
