"""Others in our cluster: their services, machines and tasks, by what is not ours. They are named, and never touched."""

from collections.abc import Sequence
from typing import Any

from deploy.kit import cluster
from deploy.kit.aws import Aws
from deploy.kit.config import Config

FAMILIES = ("code", "daemon", "webserver", "watch", "read-only", "pages", "run")
"""Of the kit's tasks."""


def guests(aws: Aws, config: Config, groups: Sequence[dict[str, Any]]) -> list[str]:
    """The families of others' tasks on machines of our group."""
    ids = {one["InstanceId"] for group in groups for one in group["Instances"]}
    if not ids or cluster.active(aws, config) is None:
        return []
    found: set[str] = set()
    for arn, identity in cluster.registered(aws, config).items():
        if identity in ids:
            found |= _others_tasks(aws, config, containerInstance=arn)
    return sorted(found)


def _others_tasks(aws: Aws, config: Config, **where: str) -> set[str]:
    """Their families."""
    name, found = config["CLUSTER_NAME"], set()
    arns = aws.pages("ecs", "list_tasks", "taskArns", cluster=name, **where)
    for some in cluster.in_portions(arns, 100):
        told = aws.read("ecs", "describe_tasks", cluster=name, tasks=some)["tasks"]
        found |= {_family(one) for one in told if one["desiredStatus"] != "STOPPED"}
    return found - _families(config)


def _families(config: Config) -> set[str]:
    """Of our tasks."""
    return {config.named(one) for one in FAMILIES}


def _family(one: dict[str, Any]) -> str:
    """Of a task, or of a service; empty of a service that says none."""
    arn = str(one.get("taskDefinitionArn") or one.get("taskDefinition") or "")
    return arn.rpartition("/")[2].partition(":")[0]


def in_cluster(aws: Aws, config: Config) -> list[str]:
    """What is in the cluster beside what the kit made, in words; empty: nothing.

    By families, too: services of ours that are being removed are in no stack's list any more.
    """
    name, own = config["CLUSTER_NAME"], _families(config)
    arns = aws.pages("ecs", "list_services", "serviceArns", cluster=name)
    others = [one for one in cluster.described(aws, config, arns) if _family(one) not in own]
    found = [f"service {one['serviceName']}" for one in others]
    ids = {one["InstanceId"] for group in cluster.machines(aws, config) for one in group["Instances"]}
    found += [f"machine {one}" for one in cluster.registered(aws, config).values() if one not in ids]
    return found + [f"task of {family}" for family in sorted(_others_tasks(aws, config))]
