"""A command of the image as a task of the run definition: begun, listened to, and its exit code handed back.

Its words are words: they go to AWS as a list, and no shell reads them.
"""

import json
import shlex
import time
from typing import Any, cast

import typer
from typer._click.exceptions import ClickException
from typer.core import TyperGroup
from typer.main import get_command

from deploy.kit import cluster, logs, services, stacks
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config
from stats_assets.cli.main import COMMANDS, app

PROGRAM = "stats-assets"
NOT_HERE = ("dev", "demo", "serve")
"""Commands that are a local stack, or for which nobody could ask where they answer."""
MOST = 8192
"""Characters that ECS takes of overrides."""
STARTED_BY = "stats-assets-task"
INTERRUPTED = 130
LATE = 3
"""Looks after the end: the last lines arrive after the task's."""


def words_of(text: str) -> list[str]:
    """The command's words, split as a shell does and read by none. Raises Refused for what the program won't take."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Refused(f"COMMAND can't be read ({error}): {text}") from None
    if words[:1] == [PROGRAM]:
        words = words[1:]
    known = [one for one in COMMANDS if one not in NOT_HERE]
    if not words or words[0] not in known:
        said = f"COMMAND can't be {text!r}." if words else "COMMAND is empty."
        raise Refused(f'{said} An example: make task COMMAND="status". There are: {", ".join(known)}')
    command = cast(TyperGroup, get_command(app)).commands[words[0]]
    try:
        command.make_context(f"{PROGRAM} {words[0]}", words[1:]).close()
    except typer.Exit:  # its help was shown
        raise SystemExit(0) from None
    except ClickException as error:
        raise Refused(f"COMMAND can't be {text!r}: {error.format_message()}") from None
    return [PROGRAM, *words]


def run(aws: Aws, config: Config, words: list[str]) -> int:
    """Begin it and follow it to its end; its exit code. Raises Refused where it has none."""
    arn = begin(aws, config, words)
    return follow(aws, config, arn.rpartition("/")[2]) if arn else 0


def begin(aws: Aws, config: Config, words: list[str]) -> str:
    """The task's ARN; empty in a dry run. Raises Refused when it can't be placed."""
    definition = stacks.outputs(aws, config.named("tasks"))["RunTask"]
    group = stacks.outputs(aws, config.named("cluster"))["TaskGroup"]
    overrides = {"containerOverrides": [{"name": "run", "command": words}]}
    if len(json.dumps(overrides)) > MOST:
        raise Refused(f"COMMAND is too long: ECS takes {MOST} characters.")
    answer = aws.change(
        f"run {shlex.join(words)}, as one task",
        "ecs",
        "run_task",
        cluster=config["CLUSTER_NAME"],
        taskDefinition=definition,
        capacityProviderStrategy=config.strategy,
        networkConfiguration=services.network(config, group),
        overrides=overrides,
        startedBy=STARTED_BY,
        enableExecuteCommand=config.exec,
        **config.placement,
    )
    if aws.dry_run:
        return ""
    if not answer["tasks"]:
        reasons = ", ".join(one.get("reason", "?") for one in answer["failures"]) or "ECS does not say why"
        raise Refused(f"The task was not placed: {reasons}. Is a machine there? make cluster-up")
    return str(answer["tasks"][0]["taskArn"])


def follow(aws: Aws, config: Config, task: str) -> int:
    """Say what it says until it has ended; its exit code. Ctrl-C leaves it at work, and says how to go on."""
    more = logs.of_stream(aws, config["AWS_LOG_GROUP"], f"run/run/{task}")
    try:
        state = ""
        while True:
            found = look(aws, config, task)
            if found["lastStatus"] not in ("STOPPED", state):
                state = found["lastStatus"]
                aws.say(f"task {task}: {state.lower()}")
            more()
            if found["lastStatus"] == "STOPPED":
                break
            time.sleep(aws.pause)
        for _ in range(LATE):
            time.sleep(aws.pause / 2)
            more()
    except KeyboardInterrupt:
        aws.say(
            f"The task goes on. To follow it again: make task TASK={task}   To end it: make task-stop TASK={task}"
        )
        return INTERRUPTED
    return _code(aws, found)


def _code(aws: Aws, found: dict[str, Any]) -> int:
    [container] = [one for one in found["containers"] if one["name"] == "run"]
    code = container.get("exitCode")
    if code is None:
        why = "; ".join(filter(None, (found.get("stoppedReason"), container.get("reason"))))
        raise Refused(f"The task ended without an exit code: {why or 'ECS does not say why'}")
    aws.say(f"ended with exit code {code}")
    return int(code)


def look(aws: Aws, config: Config, task: str) -> dict[str, Any]:
    """The task. Raises Refused when ECS knows it no more."""
    name = config["CLUSTER_NAME"]
    if cluster.active(aws, config) is None:
        raise Refused(f"There is no cluster {name}. First: make configure-cluster")
    found = aws.read("ecs", "describe_tasks", cluster=name, tasks=[task])["tasks"]
    if not found:
        raise Refused(
            f"ECS knows no task {task} in {name}: it forgets one an hour after its end. make logs SERVICE=run"
        )
    return dict(found[0])


def stop(aws: Aws, config: Config, task: str) -> None:
    """End it: a backfill leaves nothing queued, and what was committed stays."""
    found = look(aws, config, task)
    if found.get("startedBy") != STARTED_BY:
        raise Refused(f"{task} was not begun by make task: runs are ended in Dagster's UI.")
    arguments = {"cluster": config["CLUSTER_NAME"], "task": task, "reason": "make task-stop"}
    aws.change(f"end the task {task}", "ecs", "stop_task", **arguments)
