"""`make backfill`: a range done by many tasks at a time beside the live streams, with machines for that, for so long.

The queue's limits are the command's to ask for (stats_assets/orchestration/backfill/run_queue.py), and lapse with it.
The group's maximum is raised here; should this process be killed, a scheduled action of the group takes it back.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any, NamedTuple

from deploy.kit import cluster, machines, task
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config
from stats_assets.cli.backfill import MOST_TASKS
from stats_assets.streams import STREAMS

BACK = timedelta(hours=2)
"""So long after its last renewal the scheduled action takes the maximum back."""
RENEWED = timedelta(minutes=30)


class Wanted(NamedTuple):
    """What STREAM, START, END and TASKS say."""

    stream: str
    start: int
    end: int
    tasks: int

    @property
    def words(self) -> list[str]:
        """The command."""
        about = ["--stream", self.stream, "--start", str(self.start), "--end", str(self.end)]
        return [task.PROGRAM, "backfill", *about, "--tasks", str(self.tasks)]


def wanted(environment: Mapping[str, str] = os.environ) -> Wanted:
    """Raises Refused that names each variable that can't be used."""
    given = {name: environment.get(name, "").strip() for name in ("STREAM", "START", "END", "TASKS")}
    wrong = []
    if given["STREAM"] not in STREAMS:
        wrong.append(f"STREAM can't be {given['STREAM']!r}. There are: {', '.join(STREAMS)}")
    for name, most in (("START", 999_999_999), ("END", 999_999_999), ("TASKS", MOST_TASKS)):
        if not (
            given[name].isascii()
            and given[name].isdecimal()
            and len(given[name]) < 10
            and int(name == "TASKS") <= int(given[name]) <= most
        ):
            wrong.append(f"{name} can't be {given[name]!r}. It is a number up to {most}")
    if not wrong and int(given["END"]) < int(given["START"]):
        wrong.append(f"END {given['END']} is before START {given['START']}")
    if wrong:
        example = "make backfill STREAM=augmented_diffs START=7464000 END=7468999 TASKS=20"
        raise Refused("\n".join([*wrong, f"An example: {example}"]))
    return Wanted(given["STREAM"], *(int(given[name]) for name in ("START", "END", "TASKS")))


def run(aws: Aws, config: Config, what: Wanted) -> int:
    """Do it, to its end; the command's exit code. Ended by Ctrl-C it ends the backfill, and all is as before."""
    if config.runs == "processes":
        raise Refused(
            'RUNS is processes: there are no tasks. make task COMMAND="backfill …" does it at their pace'
        )
    aws.say("the live streams keep their own slots, and come first in the queue")
    running = at_work(aws, config, what)
    most = _most(aws, config, what)
    with _Machines(aws, config, most):
        if aws.dry_run:
            task.begin(aws, config, what.words)
            return 0
        if running:
            aws.say(f"the same backfill is at work already, as task {running}: it is followed")
        identity = running or task.begin(aws, config, what.words).rpartition("/")[2]
        code = task.follow(aws, config, identity)
        if code == task.INTERRUPTED:
            task.stop(aws, config, identity)
            aws.say("Ended; what was committed stays. The same make backfill goes on with the rest.")
        return code


def end(aws: Aws, config: Config) -> None:
    """What a killed `make backfill` has left: its tasks are ended, the group's maximum is MAX_INSTANCES again."""
    for one in _tasks(aws, config):
        task.stop(aws, config, one["taskArn"].rpartition("/")[2])
    _Machines(aws, config, int(config["MAX_INSTANCES"])).back()
    aws.say("no backfill is at work by make backfill")


def at_work(aws: Aws, config: Config, what: Wanted) -> str:
    """The task that does the same already; empty: there is none."""
    for one in _tasks(aws, config):
        for container in one.get("overrides", {}).get("containerOverrides", []):
            if container.get("command", [])[:-1] == what.words[:-1]:
                return str(one["taskArn"].rpartition("/")[2])
    return ""


def _tasks(aws: Aws, config: Config) -> list[dict[str, Any]]:
    if cluster.active(aws, config) is None:
        return []
    where = config["CLUSTER_NAME"]
    arns = aws.pages(
        "ecs", "list_tasks", "taskArns", cluster=where, startedBy=task.STARTED_BY
    )  # those that run
    found: list[dict[str, Any]] = []
    for first in range(0, len(arns), 100):
        tasks = aws.read("ecs", "describe_tasks", cluster=where, tasks=arns[first : first + 100])["tasks"]
        found += [one for one in tasks if one.get("desiredStatus") != "STOPPED"]
    words = [
        (one.get("overrides", {}).get("containerOverrides") or [{}])[0].get("command", []) for one in found
    ]
    return [
        one for one, command in zip(found, words, strict=True) if command[:2] == [task.PROGRAM, "backfill"]
    ]


def _most(aws: Aws, config: Config, what: Wanted) -> int:
    """Machines that have room for services, live runs, the backfill's, and the command itself; 0: on Fargate."""
    if not config.on_ec2:
        return 0
    each = machines.tasks_each(aws, config)
    live = int(config["MAX_RUNS"]) - config.runs_for_backfills
    tasks = config.all_tasks(most=True) + live + what.tasks + 1
    most = max(int(config["MAX_INSTANCES"]), -(-tasks // each))
    aws.say(
        f"{tasks} tasks want {-(-tasks // each)} machines of type {config['INSTANCE_TYPE']}, {each} on each"
    )
    return most


class _Machines:
    """The group's maximum, raised for as long as this is open."""

    def __init__(self, aws: Aws, config: Config, most: int) -> None:
        self._aws, self._config, self._most = aws, config, most
        self._name = config.named("machines")
        self._over = Event()
        self._renewing = Thread(target=self._renew, name="machines", daemon=True)

    def __enter__(self) -> None:
        if not self._raises:
            return
        group = cluster.machines(self._aws, self._config)
        if not group:
            raise Refused(f"There is no group {self._name}. First: make configure-cluster")
        self._schedule()  # first: a maximum that nothing takes back would be paid for
        if group[0]["MaxSize"] < self._most:
            self._size(self._most)
        self._renewing.start()

    def __exit__(self, *_: object) -> None:
        if self._raises:
            self._over.set()
            self._renewing.join()
            self.back()

    @property
    def _raises(self) -> bool:
        return self._config.on_ec2 and self._most > int(self._config["MAX_INSTANCES"])

    def back(self) -> None:
        """As MAX_INSTANCES says; machines with tasks stay until these have ended."""
        if not self._config.on_ec2:
            return
        usual = int(self._config["MAX_INSTANCES"])
        for group in cluster.machines(self._aws, self._config):
            if group["MaxSize"] > usual:
                self._size(usual)
        where = {"AutoScalingGroupName": self._name, "ScheduledActionNames": [self._action]}
        if self._aws.read("autoscaling", "describe_scheduled_actions", **where)[
            "ScheduledUpdateGroupActions"
        ]:
            what = f"take the group's scheduled action {self._action} away"
            arguments = {"AutoScalingGroupName": self._name, "ScheduledActionName": self._action}
            self._aws.change(what, "autoscaling", "delete_scheduled_action", **arguments)

    @property
    def _action(self) -> str:
        return self._config.named("after-backfill")

    def _size(self, most: int) -> None:
        arguments = {"AutoScalingGroupName": self._name, "MaxSize": most}
        what = f"have {most} machines at most in {self._name}"
        self._aws.change(what, "autoscaling", "update_auto_scaling_group", **arguments)

    def _schedule(self) -> None:
        at = (datetime.now(UTC) + BACK).replace(microsecond=0)
        usual = int(self._config["MAX_INSTANCES"])
        what = f"have {self._name} go back to {usual} machines by itself at {at:%H:%M} UTC, should this be killed"
        self._aws.change(
            what,
            "autoscaling",
            "put_scheduled_update_group_action",
            AutoScalingGroupName=self._name,
            ScheduledActionName=self._action,
            StartTime=at,
            MaxSize=usual,
        )

    def _renew(self) -> None:
        while not self._over.wait(RENEWED.total_seconds()):
            with suppress(Exception):  # the next time
                self._schedule()
