"""The cluster's own steps: the cluster with its capacity provider (providers.py), machines up and down.

Each looks first and then makes or changes what is lacking; what is there already costs no call. In an adopted cluster
only our services, machines and tasks are looked at, and in one that the kit made they alone are changed.
"""

from collections.abc import Sequence
from typing import Any

from deploy.kit import account, gateways, logs, others, ownership, providers, stacks
from deploy.kit import machines as machines_of
from deploy.kit.aws import Aws, Refused, partition
from deploy.kit.config import Config
from deploy.kit.variables import DATABASES, PAGES_DATABASE

IMAGES = {
    "x86_64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
    "arm64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id",
}
SERVICES = ("services", "read-only", "pages")
"""Stacks that hold services."""
NO_INSTANCE = (
    "The usual causes: no way to the internet from the subnets (NAT, or endpoints for ecs, ecs-agent,"
    " ecs-telemetry, ecr, s3, logs); INSTANCE_ROLE without its policy or instance profile; the instance type is not"
    " offered in these zones."
    " The group's activity history in the EC2 console says more."
)


def room(aws: Aws, config: Config) -> str:
    """How many tasks a machine takes, in words. Raises Refused when services and runs have no room on MAX_INSTANCES."""
    kind, found = config["INSTANCE_TYPE"], machines_of.described(aws, config)
    if config.architecture not in found["ProcessorInfo"]["SupportedArchitectures"]:
        offered = ", ".join(found["ProcessorInfo"]["SupportedArchitectures"])
        raise Refused(
            f"INSTANCE_TYPE {kind} has another processor ({offered}) than the image is built for"
            f" ({config.architecture}). Set ARCHITECTURE, or take another: m5.xlarge, m7g.xlarge"
        )
    interfaces, by_size = machines_of.interfaces(aws, found), machines_of.by_size(found)
    tasks, services = min(interfaces, by_size), config.all_tasks(most=True)
    wanted, most = services + int(config["MAX_RUNS"]), int(config["MAX_INSTANCES"])
    if not tasks:
        raise Refused(
            f"INSTANCE_TYPE {kind} has room for no task ({interfaces} network interfaces, {by_size} tasks by size):"
            " take a larger one, such as m5.xlarge."
        )
    if tasks * most < wanted:
        raise Refused(
            f"{most} machines of type {kind} have room for {tasks * most} tasks ({interfaces} network interfaces,"
            f" {by_size} tasks by size each), but {services} of services and {config['MAX_RUNS']} runs are wanted:"
            f" raise MAX_INSTANCES to {-(-wanted // tasks)}, lower MAX_RUNS, or take a larger INSTANCE_TYPE."
        )
    runs = config["MAX_RUNS"]
    return f"{tasks} tasks a machine, {tasks * most} on {most}: room for {services} tasks of services and {runs} runs"


def _image(aws: Aws, config: Config) -> str:
    """The machines' image, as it is recommended today."""
    name = IMAGES[config.architecture]
    return str(aws.read("ssm", "get_parameter", Name=name)["Parameter"]["Value"])


def configure(aws: Aws, config: Config) -> dict[str, str]:
    """Logs, the cluster, made or adopted, roles and machines (a stack), then the provider; the stack's outputs.

    The cluster comes before the provider: in an account that never used ECS it could not be made.
    """
    account.check(aws, config)
    if config.on_ec2:
        aws.say(room(aws, config))
    else:
        gateways.require(aws, config)
    account.bring_roles(aws, config)
    logs.keep(aws, config)
    _cluster(aws, config)
    notes = providers.added(aws, config)
    groups = machines(aws, config) if config.on_ec2 else []
    secrets = (*DATABASES, *((PAGES_DATABASE,) if config.pages else ()))
    made = stacks.bring(
        aws,
        config,
        "cluster",
        {
            "ClusterName": config["CLUSTER_NAME"],
            "RolePrefix": _role_prefix(aws, config),
            "LogGroup": config["AWS_LOG_GROUP"],
            "Vpc": config["VPC"],
            "Subnets": config["SUBNETS"],
            "SecurityGroup": config["SECURITY_GROUP"],
            "InstanceType": config["INSTANCE_TYPE"],
            "InstanceRole": config["INSTANCE_ROLE"],
            "MaxInstances": config["MAX_INSTANCES"],
            "KeyPair": config["KEYPAIR"],
            "LaunchType": config["LAUNCH_TYPE"],
            "Image": _image(aws, config),
            "SecretsPrefix": config["CLUSTER_NAME"],
            "Exec": "yes" if config.exec else "no",
            "OwnSecrets": ",".join(config[name] for _, name in secrets if config[name]),
            "ArchiveArn": _arn_of(aws, config["ARCHIVE_URI"]),
            "SourceArn": _arn_of(aws, config["AUGDIFF_SOURCE"]),
        },
        as_it_is={"MinInstances": groups[0]["MinSize"] if groups else 0},
        notes=notes,
    )
    providers.bring(aws, config)
    providers.attach(aws, config)
    return made


def _role_prefix(aws: Aws, config: Config) -> str:
    """What the tasks' roles begin with: IAM is of all regions. Those of an older kit keep their names, as tasks do."""
    name = config["CLUSTER_NAME"]
    if stacks.find(aws, config.named("cluster")) is not None:
        daemon = stacks.outputs(aws, config.named("cluster")).get("DaemonRole", "")
        if daemon.endswith(f"/{name}-daemon"):
            return name
    return f"{name}-{config['AWS_REGION']}"


def _arn_of(aws: Aws, uri: str) -> str:
    """Of an s3:// address; empty for any other."""
    kind, _, place = uri.partition("://")
    return f"arn:{partition(aws)}:s3:::{place.rstrip('/')}" if kind == "s3" else ""


def _cluster(aws: Aws, config: Config) -> None:
    name = config["CLUSTER_NAME"]
    if active(aws, config):
        return
    settings = [{"name": "containerInsights", "value": "enabled"}]
    what, tags = f"create cluster {name}", ownership.ecs_tags(config)
    aws.insist(what, "ecs", "create_cluster", clusterName=name, settings=settings, tags=tags)


def active(aws: Aws, config: Config) -> dict[str, Any] | None:
    """The cluster, with its tags; None: it is not there. A deleted one is described for a while."""
    name = config["CLUSTER_NAME"]
    found = aws.read("ecs", "describe_clusters", clusters=[name], include=["TAGS"])["clusters"]
    return next((one for one in found if one["status"] == "ACTIVE"), None)


def is_ours(config: Config, here: dict[str, Any]) -> bool:
    """Whether the kit made the cluster; else it was adopted."""
    return ownership.is_ours(config, here.get("tags", []), named=True)


def registered(aws: Aws, config: Config) -> dict[str, str]:
    """All machines that are in the cluster, others' too: EC2's id by ECS's ARN."""
    name = config["CLUSTER_NAME"]
    arns = aws.pages("ecs", "list_container_instances", "containerInstanceArns", cluster=name)
    found: dict[str, str] = {}
    for some in in_portions(arns, 100):
        told = aws.read("ecs", "describe_container_instances", cluster=name, containerInstances=some)
        found |= {one["containerInstanceArn"]: one["ec2InstanceId"] for one in told["containerInstances"]}
    return found


def our_machines(aws: Aws, config: Config) -> list[str]:
    """ECS's ARNs of our machines: those of our group; of a cluster that the kit made, all."""
    here = active(aws, config)
    if here is None:
        return []
    ids = {one["InstanceId"] for group in machines(aws, config) for one in group["Instances"]}
    every = registered(aws, config)
    return [arn for arn, identity in every.items() if identity in ids or is_ours(config, here)]


def in_portions(arns: Sequence[str], size: int) -> list[list[str]]:
    """So many at a time as a Describe takes."""
    return [list(arns[first : first + size]) for first in range(0, len(arns), size)]


def machines(aws: Aws, config: Config) -> list[dict[str, Any]]:
    """The auto-scaling group of our stack; empty: it is not there."""
    names = stacks.made(aws, config, "cluster", "AWS::AutoScaling::AutoScalingGroup")
    if not names:
        return []
    found = aws.read("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=names)
    return list(found["AutoScalingGroups"])


def up(aws: Aws, config: Config, patience: float = 600) -> None:
    """At least one machine from now on; waits until it has registered."""
    if not config.on_ec2:
        aws.say("FARGATE: there are no machines to start")
        return
    groups = machines(aws, config)
    name = config.named("machines")
    if not groups and not aws.dry_run:
        raise Refused(f"There is no group {name}. First: make configure-cluster")
    if not groups or groups[0]["MinSize"] < 1:
        what = f"keep one machine at least in {name}"
        desired = max(1, groups[0]["DesiredCapacity"]) if groups else 1
        arguments = {"AutoScalingGroupName": name, "MinSize": 1, "DesiredCapacity": desired}
        aws.change(what, "autoscaling", "update_auto_scaling_group", **arguments)

    what = "a machine to register in the cluster"
    if aws.dry_run:
        aws.say(f"would wait for {what}")
    aws.until(what, lambda: bool(our_machines(aws, config)), patience, NO_INSTANCE)
    aws.done("a machine is registered")


def down(aws: Aws, config: Config) -> None:
    """No machines of ours; refuses while services run, or others' tasks on our machines."""
    running = [
        one["serviceName"] for one in services(aws, config) if one["desiredCount"] or one["runningCount"]
    ]
    if running and not aws.dry_run:
        raise Refused(f"Services run: {', '.join(running)}. First: make stop-service")
    groups = machines(aws, config)
    if guests := others.guests(aws, config, groups):
        raise Refused(
            f"Tasks of others run on our machines: {', '.join(guests)}. They would end with them: whoever runs them"
            " must stop them, or place them elsewhere, first."
        )
    for group in groups:
        if group["MinSize"] or group["DesiredCapacity"]:
            name = group["AutoScalingGroupName"]
            ids = [one["InstanceId"] for one in group["Instances"] if one["ProtectedFromScaleIn"]]
            # The capacity provider protects them; without services nobody has to be. AWS takes fifty a call.
            for some in (ids[first : first + 50] for first in range(0, len(ids), 50)):
                arguments = {"AutoScalingGroupName": name, "InstanceIds": some, "ProtectedFromScaleIn": False}
                what = f"take the protection off {len(some)} machines"
                aws.change(what, "autoscaling", "set_instance_protection", **arguments)
            arguments = {"AutoScalingGroupName": name, "MinSize": 0, "DesiredCapacity": 0}
            aws.change(f"have no machines in {name}", "autoscaling", "update_auto_scaling_group", **arguments)
    aws.done("no machines")


def services(aws: Aws, config: Config) -> list[dict[str, Any]]:
    """Our stacks' services that are not gone; empty where there is no cluster. Others' are never among them."""
    if active(aws, config) is None:
        return []
    arns = [arn for part in SERVICES for arn in stacks.made(aws, config, part, "AWS::ECS::Service")]
    return described(aws, config, arns)


def described(aws: Aws, config: Config, services: Sequence[str]) -> list[dict[str, Any]]:
    """Services by their ARNs or names; those that are gone are not among them."""
    name, found = config["CLUSTER_NAME"], []
    for some in in_portions(services, 10):
        found += aws.read("ecs", "describe_services", cluster=name, services=some)["services"]
    return [one for one in found if one["status"] == "ACTIVE"]
