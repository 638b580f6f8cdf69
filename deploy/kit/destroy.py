"""The end: what the kit made is removed, in the order in which nothing is used any more.

What existed before stays (it has not the kit's tag), and so do the archive and the logs. The database goes only by a
second word, and leaves a snapshot.
"""

import os
from collections.abc import Mapping

from deploy.kit import cluster, database, discovery, repository, role, secrets, services, stacks
from deploy.kit.aws import Aws, Refused, is_ours, look
from deploy.kit.config import Config

PATIENCE = 900.0


def everything(aws: Aws, config: Config, environment: Mapping[str, str] = os.environ) -> None:
    """Raises Refused without CONFIRM=name; with DESTROY_DATABASE=name, too, the kit's own database goes as well."""
    name = config["CLUSTER_NAME"]
    if not aws.dry_run and environment.get("CONFIRM") != name:
        raise Refused(
            f"This removes services, tasks, machines, images, secrets and roles of {name}, and never the database,"
            f" the archive or the logs. Say so: make destroy CONFIRM={name}"
        )
    services.stop(aws, config)
    for part in ("alarms", "read-only", "services", "tasks"):
        stacks.remove(aws, config.named(part))
    discovery.remove(aws, config)
    cluster.down(aws, config)
    _provider_and_cluster(aws, config)
    stacks.remove(aws, config.named("cluster"))
    repository.remove(aws, config)
    role.remove(aws, config)
    for part in secrets.NAMES.values():
        _secret(aws, f"{name}/{part}")
    if environment.get("DESTROY_DATABASE") == name and config.own_database:
        _database(aws, config)
    elif config.own_database:
        aws.say(
            f"The database is still there. To remove it, too: make destroy CONFIRM={name} DESTROY_DATABASE={name}"
        )
    aws.say("What was there before, the archive and the logs are untouched.")


def _provider_and_cluster(aws: Aws, config: Config) -> None:
    name, provider = config["CLUSTER_NAME"], config.provider
    here = cluster.active(aws, config)
    if here is not None:
        if config.on_ec2:
            aws.until(
                "the machines to leave",
                lambda: not cluster.registered(aws, config),
                PATIENCE,
                "See the group's activity.",
            )
        if config.on_ec2 and provider in here["capacityProviders"]:
            rest = [one for one in here["capacityProviders"] if one != provider]
            strategy = [
                one
                for one in here.get("defaultCapacityProviderStrategy", [])
                if one["capacityProvider"] != provider
            ]
            aws.change(
                f"take provider {provider} from the cluster {name}",
                "ecs",
                "put_cluster_capacity_providers",
                cluster=name,
                capacityProviders=rest,
                defaultCapacityProviderStrategy=strategy,
            )
        if is_ours([{"Key": one["key"], "Value": one["value"]} for one in here.get("tags", [])]):
            aws.change(f"delete cluster {name}", "ecs", "delete_cluster", cluster=name)
    if config.on_ec2 and cluster.has_provider(aws, config):
        what = f"delete capacity provider {provider}"
        aws.change(what, "ecs", "delete_capacity_provider", capacityProvider=provider)


def _secret(aws: Aws, name: str) -> None:
    """For good: a secret that waits for its deletion keeps its name from the next one."""
    if look(aws, "secretsmanager", "describe_secret", SecretId=name):
        arguments = {"SecretId": name, "ForceDeleteWithoutRecovery": True}
        aws.change(f"delete secret {name}", "secretsmanager", "delete_secret", **arguments)


def _database(aws: Aws, config: Config) -> None:
    if stacks.find(aws, config.named("database")) is None:
        return
    arguments = {"DBInstanceIdentifier": config.named("database"), "DeletionProtection": False}
    aws.change("take the protection off the database", "rds", "modify_db_instance", **arguments)
    stacks.remove(aws, config.named("database"))
    _secret(aws, f"{config['CLUSTER_NAME']}/{database.PASSWORD}")
    aws.say("The database has left a snapshot.")
