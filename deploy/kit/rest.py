"""The daemon and the runs at rest, while the database is changed beneath them. What is changed is not this module's.

Nothing is lost by it: the streams go on from their checkpoints when the daemon is there again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deploy.kit import cluster
from deploy.kit.aws import Aws
from deploy.kit.config import Config

AT_ONCE = 100  # as many tasks DescribeTasks takes
DAEMON = 600.0  # seconds; it is killed after 60
RUNS = 7200.0  # a block from a slow Overpass is an hour


@contextmanager
def at_rest(
    aws: Aws, config: Config, *, end_runs: bool, patience: float = RUNS, again: bool = True
) -> Iterator[None]:
    """No daemon, and so no new runs, and none at work: they are ended, or waited for.

    The daemon is started again afterwards, and when what is done inside has failed; again=False: only then. Raises
    Refused when runs are at work for longer than that.
    """
    found = [one for one in cluster.services(aws, config) if one["serviceName"] == "daemon"]
    was_there = bool(found and found[0]["desiredCount"])
    try:
        if was_there:
            _want(aws, config, 0)
            aws.until(
                "the daemon to end",
                lambda: not of_services(aws, config, "daemon"),
                DAEMON,
                "See make status.",
            )
        no_runs(aws, config, end=end_runs, patience=patience)
        yield
    except BaseException:
        if was_there:
            _want(aws, config, 1)
        raise
    if was_there and again:
        _want(aws, config, 1)
    elif found and again:
        aws.say("the daemon was at rest before, and stays so: make start-service starts it")


def _want(aws: Aws, config: Config, count: int) -> None:
    arguments = {"cluster": config["CLUSTER_NAME"], "service": "daemon", "desiredCount": count}
    aws.change(f"{'start' if count else 'stop'} daemon", "ecs", "update_service", **arguments)


def no_runs(aws: Aws, config: Config, *, end: bool, patience: float = RUNS) -> None:
    """Wait until no run is at work; end: by ending them. Raises Refused."""
    for one in tasks(aws, config) if end else ():
        if one["desiredStatus"] != "STOPPED":
            where, arn = config["CLUSTER_NAME"], one["taskArn"]
            about = {"cluster": where, "task": arn, "reason": "the database is changed"}
            aws.change(f"end the run {arn.rpartition('/')[2]}", "ecs", "stop_task", **about)
    aws.until(
        "the runs to end",
        lambda: not tasks(aws, config),
        patience,
        "Nothing was changed. Cancel them in the UI, or do this later.",
    )


def of_services(aws: Aws, config: Config, *names: str) -> list[dict[str, Any]]:
    """Their tasks that are not at their end."""
    found = [one for name in names for one in tasks(aws, config, name)]
    return [one for one in found if one.get("group") in [f"service:{name}" for name in names]]


def tasks(aws: Aws, config: Config, part: str = "run") -> list[dict[str, Any]]:
    """Those of a task definition that are not at their end, whoever started them."""
    if cluster.active(aws, config) is None:
        return []
    where = config["CLUSTER_NAME"]
    about = {"cluster": where, "family": config.named(part)}
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in aws.pages("ecs", "list_tasks", "taskArns", desiredStatus=status, **about)
    ]
    found: list[dict[str, Any]] = []
    for start in range(0, len(arns), AT_ONCE):
        chunk = arns[start : start + AT_ONCE]
        found += aws.read("ecs", "describe_tasks", cluster=where, tasks=chunk)["tasks"]
    return [one for one in found if one["lastStatus"] != "STOPPED"]
