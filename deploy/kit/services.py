"""The services: task definitions, the migration before they change, start, stop, status. What they say: logs.py."""

from typing import Any

from deploy.kit import cluster, definitions, deployed, discovery, entrance, pages, snapshot, stacks
from deploy.kit.aws import Aws, Refused, look
from deploy.kit.config import Config
from deploy.kit.rest import at_rest

MIGRATION = ["sh", "-c", "stats-assets migrate && dagster instance migrate"]
ADDITIVE = ["sh", "-c", "stats-assets migrate --additive-only && dagster instance migrate"]
FORWARD_ONLY = 4
"""The second's exit code where code of before could not go on: nothing was done (stats_assets/cli/forward_only.py)."""

STARTED_BY = "stats-assets-migration"


def start(
    aws: Aws, config: Config, image: str, patience: float = 1200, *, back: bool = False, moved: bool = False
) -> None:
    """Task definitions as they should be now, both databases migrated, then the services created or changed.

    back: to an image of before, which refuses a database that it can't work with, and migrates none. moved: the
    database is another one now, of any age.
    """
    base = stacks.outputs(aws, config.named("cluster"))
    pages.check(aws, config)
    tasks = definitions.bring(aws, config, image, base)
    _names_are_free(aws, config)
    where = entrance.where(config, base)
    values = {
        **where,
        "CodeProvider": config.code_provider,
        "Registry": discovery.registry(aws, config),
        **{name: tasks[name] for name in ("CodeTask", "DaemonTask", "WebserverTask", "WatchTask")},
        "ClientCidr": config["CLIENT_CIDR"],
    }
    # A stopped daemon may be that of a start which failed after it had migrated.
    undoable = deployed.is_wanted(aws, config) is not False
    if moved or not stacks.is_up_to_date(aws, config, "services", values):
        undoable &= _migrate(aws, config, tasks["DaemonTask"], base["TaskGroup"], patience, back)
    # What ECS would go back to by itself can't work with the database any more.
    breaker = {"Rollback": str(undoable).lower()}
    remembered = deployed.parameters(aws, config, image)
    made = stacks.bring(aws, config, "services", values, breaker | remembered, stays=not undoable)
    if config["READ_ONLY_CIDR"]:
        balancer = {name: made[name] for name in ("Balancer", "BalancerGroup")}
        open_to = {"WebserverTask": tasks["ReadOnlyTask"], "ClientCidr": config["READ_ONLY_CIDR"]}
        stacks.bring(aws, config, "read-only", where | balancer | open_to, breaker, stays=not undoable)
    elif stacks.find(aws, config.named("read-only")):
        stacks.remove(aws, config, "read-only")
    pages.bring(
        aws, config, where, definitions.of_pages(aws, config, image, base), breaker, stays=not undoable
    )
    for service in cluster.services(aws, config):
        if not service["desiredCount"]:
            name, cluster_name = service["serviceName"], config["CLUSTER_NAME"]
            arguments = {"cluster": cluster_name, "service": name, "desiredCount": config.tasks(name)}
            aws.change(f"start {name}", "ecs", "update_service", **arguments)
    if "Address" in made:
        entrance.tell(aws, config, made["Address"])


def _names_are_free(aws: Aws, config: Config) -> None:
    """In an adopted cluster others may have services of our names. Raises Refused."""
    if cluster.active(aws, config) is None:
        return
    own = {one["serviceArn"] for one in cluster.services(aws, config)}
    there = cluster.described(aws, config, config.services)
    taken = [one["serviceName"] for one in there if one["serviceArn"] not in own]
    if taken:
        raise Refused(
            f"The cluster {config['CLUSTER_NAME']} has services of others by our names: {', '.join(taken)}. They are"
            " not changed: take another CLUSTER_NAME, and the kit makes a cluster of that name."
        )


def network(config: Config, task_group: str) -> dict[str, Any]:
    """Where a task is put."""
    groups = [config["SECURITY_GROUP"], task_group]
    return {"awsvpcConfiguration": {"subnets": config.subnets, "securityGroups": groups}}


def _migrate(aws: Aws, config: Config, task: str, group: str, patience: float, back: bool) -> bool:
    """Both schemas are brought up to date; whether the code of before can come back.

    Where it can't, that is said first, daemon and runs are ended, and a snapshot is taken. Raises Refused when a task
    fails: the services stay as they are.
    """
    first = MIGRATION if back else ADDITIVE
    code = _one_task(aws, config, task, group, first, patience, "run the migrations, as one task")
    if code != FORWARD_ONLY or back:
        _refuse(code, back)
        return True
    aws.say(
        "This version changes the database so that the one of before can't work with it: make rollback will be refused."
        " The daemon and the runs are ended for it."
    )
    with at_rest(aws, config, end_runs=True, again=False):
        snapshot.take(aws, config, "migration")
        _refuse(
            _one_task(aws, config, task, group, MIGRATION, patience, "run all migrations, as one task"), back
        )
    return False


def _refuse(code: int | None, back: bool) -> None:
    if code != 0:
        hint = (
            " An image of before refuses what it can't work with: see UPGRADES in deploy/README.md."
            if back
            else ""
        )
        raise Refused(
            f"The migrations failed (exit code {code}). The services stay as they are; make logs SERVICE=daemon says"
            f" why.{hint}"
        )


def _one_task(
    aws: Aws, config: Config, task: str, group: str, command: list[str], patience: float, what: str
) -> int | None:
    """The exit code of the daemon's image with that command, None if it had no end of its own; what it said is told."""
    name = config["CLUSTER_NAME"]
    _alone(aws, name, patience)
    answer = aws.change(
        what,
        "ecs",
        "run_task",
        cluster=name,
        taskDefinition=task,
        capacityProviderStrategy=config.strategy,
        networkConfiguration=network(config, group),
        **config.placement,
        overrides={"containerOverrides": [{"name": "daemon", "command": command}]},
        startedBy=STARTED_BY,
    )
    if aws.dry_run:
        return 0
    if not answer["tasks"]:
        reasons = ", ".join(one.get("reason", "?") for one in answer["failures"]) or "ECS does not say why"
        raise Refused(f"The migration's task was not placed: {reasons}. Is a machine there? make cluster-up")
    arn = answer["tasks"][0]["taskArn"]

    def ended() -> bool:
        return bool(_task(aws, name, arn)["lastStatus"] == "STOPPED")

    aws.until(
        "the migrations",
        ended,
        patience,
        "make logs SERVICE=daemon says more; the services stay as they are.",
    )
    found = _task(aws, name, arn)
    codes = [one.get("exitCode") for one in found["containers"]]
    if codes != [0]:
        _tell(aws, config, f"daemon/daemon/{arn.rpartition('/')[2]}")
        aws.say(f"the task has ended: {found.get('stoppedReason', '')}")
    return codes[0] if codes else None


def _alone(aws: Aws, where: str, patience: float) -> None:
    """Waits for the migration of an earlier call that was ended while it was at work."""

    def ended() -> bool:
        arns = aws.pages("ecs", "list_tasks", "taskArns", cluster=where, startedBy=STARTED_BY)
        told = aws.read("ecs", "describe_tasks", cluster=where, tasks=arns[:100])["tasks"] if arns else []
        return all(one["lastStatus"] == "STOPPED" for one in told)

    aws.until("a migration that is at work already", ended, patience, "make logs SERVICE=daemon says more.")


def _tell(aws: Aws, config: Config, stream: str) -> None:
    """What a task has said; nothing where it said nothing."""
    group = config["AWS_LOG_GROUP"]
    found = look(aws, "logs", "get_log_events", logGroupName=group, logStreamName=stream, limit=50)
    for event in found["events"] if found else ():
        aws.say(f"  {event['message'].rstrip()}")


def _task(aws: Aws, where: str, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.read("ecs", "describe_tasks", cluster=where, tasks=[arn])["tasks"][0]
    return found


def stop(aws: Aws, config: Config) -> bool:
    """No tasks of our services any more; daemon first, so that nothing new is begun. Runs at work end by themselves.

    Whether there are any services.
    """
    found = {one["serviceName"]: one for one in cluster.services(aws, config)}
    for name in ("daemon", *(name for name in found if name != "daemon")):
        if name in found and found[name]["desiredCount"]:
            where = config["CLUSTER_NAME"]
            aws.change(f"stop {name}", "ecs", "update_service", cluster=where, service=name, desiredCount=0)
    if not found:
        aws.say(f"services: {config['CLUSTER_NAME']} has none")
        return False
    aws.done("services: stopped")
    return True


def status(aws: Aws, config: Config) -> None:
    """Services, machines and runs, in words; what last went wrong with a service."""
    found = cluster.services(aws, config)
    for name in config.services:
        one = next((service for service in found if service["serviceName"] == name), None)
        if one is None:
            aws.say(f"{name}: not there")
            continue
        events = [event["message"] for event in one.get("events", [])[:1]]
        aws.say(
            f"{name}: {one['runningCount']} of {one['desiredCount']} running. {' '.join(events)}".rstrip()
        )
    if not found:
        return
    where = config["CLUSTER_NAME"]
    count = len(cluster.our_machines(aws, config))
    runs = len(aws.pages("ecs", "list_tasks", "taskArns", cluster=where, family=config.named("run")))
    aws.say(f"{count} machines registered, {runs} runs at work")
