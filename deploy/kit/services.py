"""The services: task definitions, the migration before they change, start, stop, status, logs."""

from datetime import UTC, datetime
from typing import Any

from deploy.kit import cluster, discovery, secrets, stacks
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config

MIGRATION = ["sh", "-c", "stats-assets migrate && dagster instance migrate"]

ROLES = ("ExecutionRole", "RunRole", "DaemonRole", "WebserverRole", "ReadOnlyRole")


def start(aws: Aws, config: Config, image: str, patience: float = 1200) -> None:
    """Task definitions as they should be now, both databases migrated, then the services created or changed."""
    base = stacks.outputs(aws, config.named("cluster"))
    tasks = _tasks(aws, config, image, base)
    if not tasks:
        aws.say(
            "would then run the migrations, as one task, and create the services"
        )  # a dry run of the first start
        return
    where = _where(config, base)
    values = {
        **where,
        "Registry": discovery.registry(aws, config),
        **{name: tasks[name] for name in ("CodeTask", "DaemonTask", "WebserverTask", "WatchTask")},
        "ClientCidr": config["CLIENT_CIDR"],
    }
    if not stacks.is_up_to_date(aws, config, "services", values):
        _migrate(aws, config, tasks["DaemonTask"], base["TaskGroup"], patience)
    made = stacks.bring(aws, config, "services", values)
    if config["READ_ONLY_CIDR"]:
        balancer = {name: made.get(name, "") for name in ("Balancer", "BalancerGroup")}
        open_to = {"WebserverTask": tasks["ReadOnlyTask"], "ClientCidr": config["READ_ONLY_CIDR"]}
        stacks.bring(aws, config, "read-only", where | balancer | open_to)
    elif stacks.find(aws, config.named("read-only")):
        stacks.remove(aws, config.named("read-only"))
    for service in cluster.services(aws, config):
        if not service["desiredCount"]:
            name, cluster_name = service["serviceName"], config["CLUSTER_NAME"]
            arguments = {"cluster": cluster_name, "service": name, "desiredCount": 1}
            aws.change(f"start {name}", "ecs", "update_service", **arguments)
    if made:
        _say_where(aws, config, made["Address"])


def _say_where(aws: Aws, config: Config, balancer: str) -> None:
    host = config["UI_HOST"] or balancer
    scheme = "https" if config["CERTIFICATE_ARN"] else "http"
    aws.say(f"Dagster's UI, inside the VPC: {scheme}://{host}")
    if config["READ_ONLY_CIDR"]:
        aws.say(f"the same, where nothing can be changed: {scheme}://{host}:8080")
    if host != balancer:
        aws.say(f"{host} is to be a CNAME (or an alias) of {balancer} in your DNS")
    for word, what in (
        ("PLAIN_HTTP", "everyone on the way can read it"),
        ("NO_LOGIN", "nobody has to log in"),
    ):
        if config[word]:
            aws.say(f"{word}: {what}")


def _tasks(aws: Aws, config: Config, image: str, base: dict[str, str]) -> dict[str, str]:
    arns = secrets.arns(aws, config)
    if lacking := [name for name in ROLES if name not in base]:
        raise Refused(
            f"The stack {config.named('cluster')} was made by an earlier version, and lacks {', '.join(lacking)}."
            " First: make configure-cluster"
        )
    return stacks.bring(
        aws,
        config,
        "tasks",
        {
            "ClusterName": config["CLUSTER_NAME"],
            "Image": image,
            "LaunchType": config["LAUNCH_TYPE"],
            "LogGroup": config["AWS_LOG_GROUP"],
            **{name: base[name] for name in ROLES},
            "DatabaseSecret": arns["DB_URI"],
            "DagsterSecret": arns["DAGSTER_DB_URI"],
            "OverpassUrl": config["OVERPASS_URL"],
            "AugmentedDiffsUrl": config["AUGDIFF_SOURCE"],
            "ChangesetsUrl": config["CHANGESET_SOURCE"],
            "AugmentedDiffsStart": config["AUGDIFF_START"],
            "ChangesetsStart": config["CHANGESET_START"],
            "ArchiveUri": config["ARCHIVE_URI"],
        },
    )


def _where(config: Config, base: dict[str, str]) -> dict[str, str]:
    """Where services are, and how people log in to those that they see."""
    return {
        "ClusterName": config["CLUSTER_NAME"],
        "Provider": config.provider,
        "Vpc": config["VPC"],
        "Subnets": config["SUBNETS"],
        "SecurityGroup": config["SECURITY_GROUP"],
        "TaskGroup": base["TaskGroup"],
        "CertificateArn": config["CERTIFICATE_ARN"],
        "OidcIssuer": config["OIDC_ISSUER"],
        "OidcAuthorizationEndpoint": config["OIDC_AUTHORIZATION_ENDPOINT"],
        "OidcTokenEndpoint": config["OIDC_TOKEN_ENDPOINT"],
        "OidcUserInfoEndpoint": config["OIDC_USER_INFO_ENDPOINT"],
        "OidcClientId": config["OIDC_CLIENT_ID"],
        "OidcSecretArn": config["OIDC_SECRET_ARN"],
    }


def network(config: Config, task_group: str) -> dict[str, Any]:
    """Where a task is put."""
    groups = [config["SECURITY_GROUP"], task_group]
    return {"awsvpcConfiguration": {"subnets": config.subnets, "securityGroups": groups}}


def _migrate(aws: Aws, config: Config, task: str, group: str, patience: float) -> None:
    """One task that brings both schemas up to date. Raises Refused when it fails: the services stay as they are."""
    name = config["CLUSTER_NAME"]
    answer = aws.change(
        "run the migrations, as one task",
        "ecs",
        "run_task",
        cluster=name,
        taskDefinition=task,
        capacityProviderStrategy=config.strategy,
        networkConfiguration=network(config, group),
        overrides={"containerOverrides": [{"name": "daemon", "command": MIGRATION}]},
        startedBy="stats-assets-migration",
    )
    if aws.dry_run:
        return
    if not answer["tasks"]:
        reasons = ", ".join(one.get("reason", "?") for one in answer["failures"])
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
        why = found.get("stoppedReason", "")
        raise Refused(
            f"The migrations failed (exit codes {codes}; {why}). The services stay as they are; make logs says why."
        )


def _task(aws: Aws, where: str, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.read("ecs", "describe_tasks", cluster=where, tasks=[arn])["tasks"][0]
    return found


def stop(aws: Aws, config: Config) -> None:
    """No tasks any more; daemon first, so that nothing new is begun. Runs at work end by themselves."""
    found = {one["serviceName"]: one for one in cluster.services(aws, config)}
    for name in ("daemon", *(name for name in found if name != "daemon")):
        if name in found and found[name]["desiredCount"]:
            where = config["CLUSTER_NAME"]
            aws.change(f"stop {name}", "ecs", "update_service", cluster=where, service=name, desiredCount=0)
    aws.say("services: stopped. The stream goes on from its checkpoint with make start-service")


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
    count = len(cluster.registered(aws, config))
    runs = len(aws.pages("ecs", "list_tasks", "taskArns", cluster=where, family=config.named("run")))
    aws.say(f"{count} machines registered, {runs} runs at work")


def logs(aws: Aws, config: Config, service: str, minutes: int = 30) -> None:
    """What a service (or `run`) has said lately."""
    since = int((datetime.now(UTC).timestamp() - minutes * 60) * 1000)
    events = aws.pages(
        "logs",
        "filter_log_events",
        "events",
        logGroupName=config["AWS_LOG_GROUP"],
        logStreamNamePrefix=f"{service}/",
        startTime=since,
    )
    for event in events:
        aws.say(
            f"{datetime.fromtimestamp(event['timestamp'] / 1000, UTC):%H:%M:%S} {event['message'].rstrip()}"
        )
    if not events:
        aws.say(f"{service} has said nothing in {minutes} minutes")
