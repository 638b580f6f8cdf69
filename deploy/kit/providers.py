"""The capacity provider, and the cluster's list of them. The list is replaced as a whole by AWS's call: what others put
there stays in it, and so does the default strategy of a cluster that was adopted, also where it has none.
"""

from typing import Any

from deploy.kit import cluster, ownership, stacks
from deploy.kit.aws import Aws, Refused, StillBusy
from deploy.kit.config import Config

ADDED = "stats-assets-added-provider"
"""A tag of the cluster's stack: the provider of AWS's own (FARGATE) that the kit put into an adopted cluster's list."""


def found(aws: Aws, config: Config) -> dict[str, Any] | None:
    """The provider of our machines' name, with its tags; a deleted one is described for a while."""
    name = config.named("ec2")
    answer = aws.read("ecs", "describe_capacity_providers", capacityProviders=[name], include=["TAGS"])
    return next((one for one in answer["capacityProviders"] if one["status"] == "ACTIVE"), None)


def is_ours(aws: Aws, config: Config, provider: dict[str, Any]) -> bool:
    """By its tags, or, of an older kit's, which has none, by its group."""
    if ownership.is_ours(config, provider.get("tags", []), named=True):
        return True
    arn = provider.get("autoScalingGroupProvider", {}).get("autoScalingGroupArn")
    return any(one["AutoScalingGroupARN"] == arn for one in cluster.machines(aws, config))


def bring(aws: Aws, config: Config) -> None:
    """The provider of our machines; one of its name that others made is used as it is."""
    if not config.on_ec2:
        return
    here = found(aws, config)
    if here is not None:
        if not is_ours(aws, config, here):
            aws.say(
                f"capacity provider {config.provider}: others made it. It is used as it is, with its machines"
            )
        return
    groups = cluster.machines(aws, config)
    if not groups and not aws.dry_run:
        raise Refused(f"There is no group {config.named('machines')}. Do make configure-cluster again.")
    aws.insist(
        f"create capacity provider {config.provider}",
        "ecs",
        "create_capacity_provider",
        name=config.provider,
        autoScalingGroupProvider={
            "autoScalingGroupArn": groups[0]["AutoScalingGroupARN"] if groups else "",
            "managedScaling": {"status": "ENABLED", "targetCapacity": 100, "instanceWarmupPeriod": 120},
            "managedTerminationProtection": "ENABLED",
        },
        tags=ownership.ecs_tags(config),
    )


def attach(aws: Aws, config: Config) -> None:
    """Put the provider into the cluster's list; the default strategy only of a cluster that the kit made."""
    name, provider = config["CLUSTER_NAME"], config.provider
    here = cluster.active(aws, config) or {"tags": ownership.ecs_tags(config)}  # none: a dry run
    providers = here.get("capacityProviders", [])
    if provider in providers:
        aws.say(f"cluster {name}: has the provider {provider}")
        return
    strategy = here.get("defaultCapacityProviderStrategy", [])
    if not strategy and ownership.is_ours(config, here.get("tags", []), named=True):
        strategy = config.strategy
    aws.insist(
        f"add provider {provider} to the cluster {name}",
        "ecs",
        "put_cluster_capacity_providers",
        cluster=name,
        capacityProviders=[*providers, provider],
        defaultCapacityProviderStrategy=strategy,
    )


def added(aws: Aws, config: Config) -> dict[str, str]:
    """The note for the cluster's stack: what the kit puts into the list, or put there before."""
    if config.on_ec2:
        return {}
    before = stacks.note(stacks.find(aws, config.named("cluster")), ADDED)
    here = cluster.active(aws, config) or {}
    is_new = config.provider not in here.get("capacityProviders", [])
    return {ADDED: config.provider} if is_new or before == config.provider else {}


def remove(aws: Aws, config: Config) -> None:
    """Take from the cluster's list what the kit put there, and delete the provider that it made."""
    own = found(aws, config)
    if own is not None and not is_ours(aws, config, own):
        ownership.leave(aws, config, f"capacity provider {own['name']}", own.get("tags", []))
        own = None
    put = {own["name"]} if own else set()
    put |= {stacks.note(stacks.find(aws, config.named("cluster")), ADDED) or ""}
    here = cluster.active(aws, config)
    taken = [one for one in here["capacityProviders"] if one in put] if here else []
    if here and taken:
        _take(aws, config, here, taken)
    if own:
        what = f"delete capacity provider {own['name']}"
        aws.insist(what, "ecs", "delete_capacity_provider", capacityProvider=own["name"])


def _take(aws: Aws, config: Config, here: dict[str, Any], taken: list[str]) -> None:
    name = config["CLUSTER_NAME"]
    strategy = here.get("defaultCapacityProviderStrategy", [])
    try:
        aws.insist(
            f"take provider {', '.join(taken)} from the cluster {name}",
            "ecs",
            "put_cluster_capacity_providers",
            cluster=name,
            capacityProviders=[one for one in here["capacityProviders"] if one not in taken],
            defaultCapacityProviderStrategy=[one for one in strategy if one["capacityProvider"] not in taken],
        )
    except StillBusy:
        if taken != [config.provider] or config.on_ec2:
            raise
        aws.say(
            f"Others run tasks by {config.provider} in the cluster {name} meanwhile: it stays in the list."
        )
