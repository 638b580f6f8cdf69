"""The services: task definitions, the migration before they change, start, stop, status. What they say: logs.py."""

from typing import Any

from deploy.kit import cluster, discovery, secrets, stacks
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config

MIGRATION = ["sh", "-c", "stats-assets migrate && dagster instance migrate"]


def start(aws: Aws, config: Config, image: str, patience: float = 1200) -> None:
    """Task definitions as they should be now, both databases migrated, then the services created or changed."""
    base = stacks.outputs(aws, config.named("cluster"))
    tasks = _tasks(aws, config, image, base)
    _names_are_free(aws, config)
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
        balancer = {name: made[name] for name in ("Balancer", "BalancerGroup")}
        open_to = {"WebserverTask": tasks["ReadOnlyTask"], "ClientCidr": config["READ_ONLY_CIDR"]}
        stacks.bring(aws, config, "read-only", where | balancer | open_to)
    elif stacks.find(aws, config.named("read-only")):
        stacks.remove(aws, config, "read-only")
    for service in cluster.services(aws, config):
        if not service["desiredCount"]:
            name, cluster_name = service["serviceName"], config["CLUSTER_NAME"]
            arguments = {"cluster": cluster_name, "service": name, "desiredCount": 1}
            aws.change(f"start {name}", "ecs", "update_service", **arguments)
    if "Address" in made:
        scheme = "https" if config["CERTIFICATE_ARN"] else "http"
        aws.say(f"Dagster's UI, inside the VPC: {scheme}://{made['Address']}")
        if config["READ_ONLY_CIDR"]:
            aws.say(f"the same, where nothing can be changed: {scheme}://{made['Address']}:8080")


def _tasks(aws: Aws, config: Config, image: str, base: dict[str, str]) -> dict[str, str]:
    arns = secrets.arns(aws, config)
    return stacks.bring(
        aws,
        config,
        "tasks",
        {
            "ClusterName": config["CLUSTER_NAME"],
            "Image": image,
            "LaunchType": config["LAUNCH_TYPE"],
            "Architecture": config.architecture.upper(),
            "LogGroup": config["AWS_LOG_GROUP"],
            **{name: base[name] for name in ("ExecutionRole", "RunRole", "DaemonRole", "WebserverRole")},
            "DatabaseSecret": arns["DB_URI"],
            "DagsterSecret": arns["DAGSTER_DB_URI"],
            "OverpassUrl": config["OVERPASS_URL"],
            "AugmentedDiffsUrl": config["AUGDIFF_SOURCE"],
            "ChangesetsUrl": config["CHANGESET_SOURCE"],
            "AugmentedDiffsStart": config["AUGDIFF_START"],
            "ChangesetsStart": config["CHANGESET_START"],
            "ArchiveUri": config["ARCHIVE_URI"],
            **config.code_size,
            "Exec": "yes" if config.exec else "no",
        },
    )


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


def _where(config: Config, base: dict[str, str]) -> dict[str, str]:
    """Where services are, and how people log in to those that they see."""
    return {
        "ClusterName": config["CLUSTER_NAME"],
        "Provider": config.provider,
        "LaunchType": config["LAUNCH_TYPE"],
        "Exec": "yes" if config.exec else "no",
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
        **config.placement,
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
    """No tasks of our services any more; daemon first, so that nothing new is begun. Runs at work end by themselves."""
    found = {one["serviceName"]: one for one in cluster.services(aws, config)}
    for name in ("daemon", *(name for name in found if name != "daemon")):
        if name in found and found[name]["desiredCount"]:
            where = config["CLUSTER_NAME"]
            aws.change(f"stop {name}", "ecs", "update_service", cluster=where, service=name, desiredCount=0)
    aws.done("services: stopped. The stream goes on from its checkpoint with make start-service")


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
