"""The cluster's own steps: the cluster with its capacity provider, machines up and down.

Each looks first and then makes or changes what is lacking; what is there already costs no call.
"""

from typing import Any

from botocore.exceptions import ClientError

from deploy.kit import stacks
from deploy.kit.aws import OURS, Aws, Refused, partition
from deploy.kit.config import DATABASES, Config

IMAGE = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
KEEP_LOGS = 30
TASK_CPU, TASK_MEMORY = 1024, 2048  # of a run: units, MiB (cloudformation/tasks.yaml)
NO_INSTANCE = (
    "The usual causes: no way to the internet from the subnets (NAT, or endpoints for ecs, ecs-agent,"
    " ecs-telemetry, ecr, s3, logs); INSTANCE_ROLE without its policy or instance profile; the instance type is not"
    " offered in these zones."
    " The group's activity history in the EC2 console says more."
)


def room(aws: Aws, config: Config) -> str:
    """How many tasks a machine takes, in words. Raises Refused when services and runs have no room on MAX_INSTANCES."""
    kind = config["INSTANCE_TYPE"]
    try:
        found = aws.read("ec2", "describe_instance_types", InstanceTypes=[kind])["InstanceTypes"][0]
    except (ClientError, IndexError):
        raise Refused(f"INSTANCE_TYPE {kind} is not offered in {aws.region}. Another: m5.xlarge") from None
    if "x86_64" not in found["ProcessorInfo"]["SupportedArchitectures"]:
        raise Refused(
            f"INSTANCE_TYPE {kind} has another processor than the image is built for. Another: m5.xlarge"
        )
    interfaces = found["NetworkInfo"]["MaximumNetworkInterfaces"] - 1  # the machine's own
    by_size = min(
        found["VCpuInfo"]["DefaultVCpus"] * 1024 // TASK_CPU,
        found["MemoryInfo"]["SizeInMiB"] * 9 // 10 // TASK_MEMORY,
    )
    tasks, services = min(interfaces, by_size), len(config.services)
    wanted, most = services + int(config["MAX_RUNS"]), int(config["MAX_INSTANCES"])
    if tasks * most < wanted:
        raise Refused(
            f"{most} machines of type {kind} have room for {tasks * most} tasks ({interfaces} network interfaces,"
            f" {by_size} tasks by size each), but {services} services and {config['MAX_RUNS']} runs are wanted:"
            f" raise MAX_INSTANCES to {-(-wanted // tasks) if tasks else 'a larger type'}, lower MAX_RUNS, or take a"
            " larger INSTANCE_TYPE."
        )
    runs = config["MAX_RUNS"]
    return f"{tasks} tasks a machine, {tasks * most} on {most}: room for {services} services and {runs} runs"


def _image(aws: Aws) -> str:
    """The machines' image, as it is recommended today."""
    return str(aws.read("ssm", "get_parameter", Name=IMAGE)["Parameter"]["Value"])


def _logs(aws: Aws, config: Config) -> None:
    """The group outlives the deployment, so it may be there."""
    name = config["AWS_LOG_GROUP"]
    found = aws.read("logs", "describe_log_groups", logGroupNamePrefix=name)["logGroups"]
    if any(one["logGroupName"] == name for one in found):
        return
    aws.change(f"create log group {name}", "logs", "create_log_group", logGroupName=name)
    what = f"keep its events {KEEP_LOGS} days"
    aws.change(what, "logs", "put_retention_policy", logGroupName=name, retentionInDays=KEEP_LOGS)


def configure(aws: Aws, config: Config) -> dict[str, str]:
    """Logs, roles, machines (a stack), then the cluster, made or adopted; the stack's outputs."""
    if config.on_ec2:
        aws.say(room(aws, config))
    _logs(aws, config)
    groups = machines(aws, config) if config.on_ec2 else []
    made = stacks.bring(
        aws,
        config,
        "cluster",
        {
            "ClusterName": config["CLUSTER_NAME"],
            "LogGroup": config["AWS_LOG_GROUP"],
            "Vpc": config["VPC"],
            "Subnets": config["SUBNETS"],
            "SecurityGroup": config["SECURITY_GROUP"],
            "InstanceType": config["INSTANCE_TYPE"],
            "InstanceRole": config["INSTANCE_ROLE"],
            "MaxInstances": config["MAX_INSTANCES"],
            "KeyPair": config["KEYPAIR"],
            "LaunchType": config["LAUNCH_TYPE"],
            "Image": _image(aws),
            "SecretsPrefix": config["CLUSTER_NAME"],
            "OwnSecrets": ",".join(config[name] for _, name in DATABASES if config[name]),
            "ArchiveArn": _arn_of(aws, config["ARCHIVE_URI"]),
            "SourceArn": _arn_of(aws, config["AUGDIFF_SOURCE"]),
        },
        as_it_is={"MinInstances": groups[0]["MinSize"] if groups else 0},
    )
    _provider(aws, config)
    _cluster(aws, config)
    return made


def _arn_of(aws: Aws, uri: str) -> str:
    """Of an s3:// address; empty for any other."""
    kind, _, place = uri.partition("://")
    return f"arn:{partition(aws)}:s3:::{place.rstrip('/')}" if kind == "s3" else ""


def _provider(aws: Aws, config: Config) -> None:
    if not config.on_ec2:
        return
    if has_provider(aws, config):
        return
    groups = [] if aws.dry_run else machines(aws, config)
    aws.change(
        f"create capacity provider {config.provider}",
        "ecs",
        "create_capacity_provider",
        name=config.provider,
        autoScalingGroupProvider={
            "autoScalingGroupArn": groups[0]["AutoScalingGroupARN"] if groups else "",
            "managedScaling": {"status": "ENABLED", "targetCapacity": 100, "instanceWarmupPeriod": 120},
            "managedTerminationProtection": "ENABLED",
        },
    )


def _cluster(aws: Aws, config: Config) -> None:
    name, provider = config["CLUSTER_NAME"], config.provider
    found = active(aws, config)
    if not found:
        settings = [{"name": "containerInsights", "value": "enabled"}]
        tags = [{"key": one["Key"], "value": one["Value"]} for one in OURS]
        what = f"create cluster {name}"
        aws.change(what, "ecs", "create_cluster", clusterName=name, settings=settings, tags=tags)
    here = found or {"capacityProviders": [], "defaultCapacityProviderStrategy": []}
    if provider in here["capacityProviders"]:
        aws.say(f"cluster {name}: has the provider {provider}")
        return
    # The call replaces the whole list: what the cluster had stays in it, and its default strategy with it.
    aws.change(
        f"add provider {provider} to the cluster {name}",
        "ecs",
        "put_cluster_capacity_providers",
        cluster=name,
        capacityProviders=[*here["capacityProviders"], provider],
        defaultCapacityProviderStrategy=here.get("defaultCapacityProviderStrategy", []) or config.strategy,
    )


def has_provider(aws: Aws, config: Config) -> bool:
    """Whether the kit's capacity provider is there; a deleted one is described for a while."""
    name = config.provider
    found = aws.read("ecs", "describe_capacity_providers", capacityProviders=[name])["capacityProviders"]
    return any(one["status"] == "ACTIVE" for one in found)


def active(aws: Aws, config: Config) -> dict[str, Any] | None:
    """The cluster, with its tags; None: it is not there. A deleted one is described for a while."""
    name = config["CLUSTER_NAME"]
    found = aws.read("ecs", "describe_clusters", clusters=[name], include=["TAGS"])["clusters"]
    return next((one for one in found if one["status"] == "ACTIVE"), None)


def registered(aws: Aws, config: Config) -> list[str]:
    """The machines that are in the cluster."""
    name = config["CLUSTER_NAME"]
    return aws.pages("ecs", "list_container_instances", "containerInstanceArns", cluster=name)


def machines(aws: Aws, config: Config) -> list[dict[str, Any]]:
    """The auto-scaling group; empty: it is not there."""
    name = config.named("machines")
    found = aws.read("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[name])
    return list(found["AutoScalingGroups"])


def up(aws: Aws, config: Config, patience: float = 600) -> None:
    """At least one machine from now on; waits until it has registered."""
    if not config.on_ec2:
        aws.say("FARGATE: there are no machines to start")
        return
    groups = machines(aws, config)
    if not groups:
        raise Refused(f"There is no group {config.named('machines')}. First: make configure-cluster")
    if groups[0]["MinSize"] < 1:
        what = f"keep one machine at least in {config.named('machines')}"
        name = config.named("machines")
        desired = max(1, groups[0]["DesiredCapacity"])
        arguments = {"AutoScalingGroupName": name, "MinSize": 1, "DesiredCapacity": desired}
        aws.change(what, "autoscaling", "update_auto_scaling_group", **arguments)

    what = "a machine to register in the cluster"
    aws.until(what, lambda: bool(registered(aws, config)), patience, NO_INSTANCE)
    aws.say("a machine is registered")


def down(aws: Aws, config: Config) -> None:
    """No machines; refuses while services run."""
    running = [
        one["serviceName"] for one in services(aws, config) if one["desiredCount"] or one["runningCount"]
    ]
    if running:
        raise Refused(f"Services run: {', '.join(running)}. First: make stop-service")
    for group in machines(aws, config):
        if group["MinSize"] or group["DesiredCapacity"]:
            name = group["AutoScalingGroupName"]
            ids = [one["InstanceId"] for one in group["Instances"] if one["ProtectedFromScaleIn"]]
            if ids:  # the capacity provider protects them; without services nobody has to be
                arguments = {"AutoScalingGroupName": name, "InstanceIds": ids, "ProtectedFromScaleIn": False}
                what = f"take the protection off {len(ids)} machines"
                aws.change(what, "autoscaling", "set_instance_protection", **arguments)
            arguments = {"AutoScalingGroupName": name, "MinSize": 0, "DesiredCapacity": 0}
            aws.change(f"no machines in {name}", "autoscaling", "update_auto_scaling_group", **arguments)
    aws.say("no machines")


def services(aws: Aws, config: Config) -> list[dict[str, Any]]:
    """The cluster's services that are not gone; empty where there is no cluster."""
    name = config["CLUSTER_NAME"]
    if active(aws, config) is None:
        return []
    arns = aws.pages("ecs", "list_services", "serviceArns", cluster=name)
    found = aws.read("ecs", "describe_services", cluster=name, services=arns)["services"] if arns else []
    return [one for one in found if one["status"] == "ACTIVE"]
