"""The end: what this deployment made is removed, in the order in which nothing is used any more.

What was there before, or others made, stays (it has not this deployment's tags), and so do the archive and the logs.
The database goes only by a second word, and leaves a snapshot.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from botocore.exceptions import ClientError

from deploy.kit import (
    cluster,
    database,
    discovery,
    others,
    ownership,
    providers,
    repository,
    role,
    secrets,
    services,
    stacks,
)
from deploy.kit.aws import Aws, Refused, look
from deploy.kit.config import Config

PATIENCE = 900.0


def everything(aws: Aws, config: Config, environment: Mapping[str, str] = os.environ) -> None:
    """Raises Refused without CONFIRM=name; with DESTROY_DATABASE=name, too, the kit's own database goes as well."""
    name = config["CLUSTER_NAME"]
    if not aws.dry_run and environment.get("CONFIRM") != name:
        raise Refused(
            f"This removes services, tasks, machines, images, secrets and roles of {name} in {aws.region}, and never"
            f" the database, the archive or the logs. Say so: make destroy CONFIRM={name}"
        )
    services.stop(aws, config)
    for part in ("alarms", "pages", "read-only", "services", "tasks"):
        stacks.remove(aws, config, part)
    discovery.remove(aws, config)
    _runs(aws, config)
    _machines(aws, config)
    providers.remove(aws, config)
    _cluster(aws, config)
    stacks.remove(aws, config, "cluster")
    repository.remove(aws, config)
    role.remove(aws, config)
    for part in secrets.NAMES.values():
        _secret(aws, config, f"{name}/{part}")
    if environment.get("DESTROY_DATABASE") == name and config.own_database:
        _database(aws, config)
    elif config.own_database and stacks.find(aws, config.named("database")) is not None:
        aws.say(
            f"The database is still there. To remove it, too: make destroy CONFIRM={name} DESTROY_DATABASE={name}"
        )
    _say_what_stays(aws, config)
    aws.say("What was there before, the archive and the logs are untouched.")


def _say_what_stays(aws: Aws, config: Config) -> None:
    """Databases of before a restore, which are paid for: nobody has confirmed that they may go."""
    of_before = f"{config.named('database')}-until-"
    for one in aws.pages("rds", "describe_db_instances", "DBInstances"):
        if (name := one["DBInstanceIdentifier"]).startswith(of_before):
            aws.say(
                f"The database of before a restore is still there: {name}. To remove it: aws rds"
                f" modify-db-instance --db-instance-identifier {name} --no-deletion-protection --apply-immediately,"
                f" then delete-db-instance with --final-db-snapshot-identifier {name}"
            )


def _runs(aws: Aws, config: Config) -> None:
    """At work; what they have not committed is lost, as nobody asks for it again."""
    name, family = config["CLUSTER_NAME"], config.named("run")
    if cluster.active(aws, config):
        for arn in aws.pages("ecs", "list_tasks", "taskArns", cluster=name, family=family):
            aws.change(f"end run {arn.rpartition('/')[2]}", "ecs", "stop_task", cluster=name, task=arn)


def _machines(aws: Aws, config: Config) -> None:
    """Down, and out of the cluster: by the ids that the group has now, which it forgets."""
    ids = {one["InstanceId"] for group in cluster.machines(aws, config) for one in group["Instances"]}
    cluster.down(aws, config)
    if ids and cluster.active(aws, config):
        aws.until(
            "the machines to leave",
            lambda: not ids & {*cluster.registered(aws, config).values()},
            PATIENCE,
            "See the group's activity.",
        )


def _cluster(aws: Aws, config: Config) -> None:
    """If the kit made it, and nobody else is in it."""
    name = config["CLUSTER_NAME"]
    here = cluster.active(aws, config)
    if here is None:
        return
    if not cluster.is_ours(config, here):
        ownership.leave(aws, config, f"cluster {name}", here.get("tags", []))
    elif strangers := others.in_cluster(aws, config):
        aws.say(f"cluster {name}: left, as there is something of others in it: {', '.join(strangers)}")
    else:
        aws.insist(f"delete cluster {name}", "ecs", "delete_cluster", cluster=name)


def _secret(aws: Aws, config: Config, name: str) -> None:
    """For good: a secret that waits for its deletion keeps its name from the next one."""
    found = look(aws, "secretsmanager", "describe_secret", SecretId=name)
    if found is None:
        return
    if not ownership.is_ours(config, found.get("Tags", []), named=True):
        ownership.leave(aws, config, f"secret {name}", found.get("Tags", []))
        return
    arguments = {"SecretId": name, "ForceDeleteWithoutRecovery": True}
    aws.change(f"delete secret {name}", "secretsmanager", "delete_secret", **arguments)


@contextmanager
def _unprotected(aws: Aws, identities: list[str]) -> Iterator[None]:
    """For what is done inside; should that end otherwise, the instances that stay are protected again."""
    try:
        for one in identities:
            about = {"DBInstanceIdentifier": one, "DeletionProtection": False, "ApplyImmediately": True}
            aws.insist("take the protection off the database", "rds", "modify_db_instance", **about)
        yield
    except BaseException:
        for one in identities:
            about = {"DBInstanceIdentifier": one, "DeletionProtection": True, "ApplyImmediately": True}
            with suppress(ClientError, Refused):  # it is being deleted, or AWS can't be asked
                aws.change("protect the database again", "rds", "modify_db_instance", **about)
        raise


def _database(aws: Aws, config: Config) -> None:
    """The instance of our stack: by the stack's list, never by its name."""
    if stacks.find(aws, config.named("database")) is None:
        if database.find(aws, config) is None:  # an earlier destroy came to its stack, and no further
            _secret(aws, config, database.password_name(config))
        return
    with _unprotected(aws, stacks.made(aws, config, "database", "AWS::RDS::DBInstance")):
        stacks.remove(aws, config, "database")
    _secret(aws, config, database.password_name(config))
    aws.done("The database has left a snapshot.")
