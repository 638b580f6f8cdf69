"""How many tasks a machine takes: each has a network interface of its own, and a size.

With the account's `awsvpcTrunking` machines of many types have room for more interfaces than they have slots.
"""

from typing import Any

from botocore.exceptions import ClientError

from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config

TASK_CPU, TASK_MEMORY = 1024, 2048
"""Of a run: units, MiB (cloudformation/tasks.yaml). No service is larger, but a code server with RUNS := processes."""
FAMILIES = ("c5", "c5d", "c6g", "c6i", "c7g", "m5", "m5d", "m6g", "m6i", "m7g", "r5", "r5d", "r6g", "r6i")
TRUNKED = {"large": 10, "xlarge": 18, "2xlarge": 38, "4xlarge": 54}
"""Tasks on a machine of these families with trunking, at least (docs.aws.amazon.com, "Supported instances for increased
Amazon ECS container network interfaces": some have a few more). Of others the kit expects nothing."""


def described(aws: Aws, config: Config) -> dict[str, Any]:
    """INSTANCE_TYPE as EC2 knows it. Raises Refused where the region has none."""
    kind = config["INSTANCE_TYPE"]
    try:
        found = aws.read("ec2", "describe_instance_types", InstanceTypes=[kind])["InstanceTypes"][0]
    except (ClientError, IndexError):
        raise Refused(f"INSTANCE_TYPE {kind} is not offered in {aws.region}. Another: m5.xlarge") from None
    return dict(found)


def is_trunked(aws: Aws) -> bool:
    """Whether the account lets tasks share a machine's interfaces."""
    found = aws.read("ecs", "list_account_settings", name="awsvpcTrunking", effectiveSettings=True)[
        "settings"
    ]
    return any(one["name"] == "awsvpcTrunking" and one["value"] in ("enabled", "on") for one in found)


def interfaces(aws: Aws, found: dict[str, Any]) -> int:
    """For tasks, on a machine of that type."""
    own = int(found["NetworkInfo"]["MaximumNetworkInterfaces"]) - 1  # without the machine's own
    family, _, size = found["InstanceType"].partition(".")
    trunked = TRUNKED.get(size, 0) if family in FAMILIES else 0
    return trunked if trunked > own and is_trunked(aws) else own


def by_size(found: dict[str, Any]) -> int:
    """Tasks that its processors and memory have room for; the system takes a tenth of that."""
    return min(
        int(found["VCpuInfo"]["DefaultVCpus"]) * 1024 // TASK_CPU,
        int(found["MemoryInfo"]["SizeInMiB"]) * 9 // 10 // TASK_MEMORY,
    )


def tasks_each(aws: Aws, config: Config) -> int:
    """Tasks on a machine of INSTANCE_TYPE, at least. Raises Refused where it has room for none."""
    found = described(aws, config)
    each = min(interfaces(aws, found), by_size(found))
    if each < 1:
        raise Refused(f"INSTANCE_TYPE {config['INSTANCE_TYPE']} has room for no task. Another: m5.xlarge")
    return each


def refresh(aws: Aws, config: Config) -> None:
    """New machines of today's image in place of those that run, one after the other; tasks are drained first, by ECS.

    The template must have today's image already (make configure-cluster).
    """
    if not config.on_ec2:
        aws.say("FARGATE: AWS patches what tasks run on")
        return
    name = config.named("machines")
    under_way = ("Pending", "InProgress", "Baking", "RollbackInProgress", "Cancelling")
    found = aws.read("autoscaling", "describe_instance_refreshes", AutoScalingGroupName=name)[
        "InstanceRefreshes"
    ]
    for one in found:
        if one["Status"] in under_way:
            aws.say(f"machines are replaced already: {one.get('PercentageComplete', 0)} % done")
            return
    aws.change(
        f"replace the machines of {name} that are not of the newest image, half of them at a time at most",
        "autoscaling",
        "start_instance_refresh",
        AutoScalingGroupName=name,
        Preferences={
            "MinHealthyPercentage": 50,
            "ScaleInProtectedInstances": "Refresh",
            "SkipMatching": True,
        },
    )
    aws.say("runs at work end first; make patch-machines says how far it is")
