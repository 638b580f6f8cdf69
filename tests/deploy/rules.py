"""What AWS takes and moto does not ask for: a rule a row, with where it is documented, over the parameters of a call.

All calls that the kit's steps make in these tests go through all rules (conftest.py). Botocore's models are the first
rule: botocore itself looks at types and required members alone.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

Given = Mapping[str, Any]
DOCS = "https://docs.aws.amazon.com"
RETENTIONS = {
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
}
TAG = re.compile(r"[\w\s.:/=+\-@]*")


class Rule(NamedTuple):
    """Of a call, by service:operation; `*` for all. wrong: what it says against the parameters, if anything."""

    calls: str
    says: str
    documented: str
    holds: Callable[[Given], bool]


def most(name: str, count: int) -> Callable[[Given], bool]:
    return lambda given: len(given.get(name, ())) <= count


def not_both(*names: str) -> Callable[[Given], bool]:
    return lambda given: sum(bool(given.get(name)) for name in names) <= 1


def on_fargate(given: Given) -> bool:
    providers = [one["capacityProvider"] for one in given.get("capacityProviderStrategy", ())]
    return given.get("launchType") == "FARGATE" or any(one.startswith("FARGATE") for one in providers)


def strategy_is_sound(strategy: list[Given]) -> bool:
    if not strategy:
        return True
    bases = [one for one in strategy if one.get("base", 0)]
    return len(strategy) <= 20 and len(bases) <= 1 and any(one.get("weight", 0) for one in strategy)


def tags_of(given: Given) -> Iterator[tuple[str, str]]:
    found = given.get("tags") or given.get("Tags") or ()
    if isinstance(found, Mapping):
        yield from found.items()
        return
    for one in found:
        yield one.get("Key", one.get("key", "")), one.get("Value", one.get("value", ""))


def tags_are_taken(given: Given) -> bool:
    tags = list(tags_of(given))
    return len(tags) <= 50 and all(
        1 <= len(key) <= 128
        and len(value) <= 256
        and not key.lower().startswith("aws:")
        and TAG.fullmatch(key)
        and TAG.fullmatch(value)
        for key, value in tags
    )


def sizes_are_in_order(given: Given) -> bool:
    found = [given[name] for name in ("MinSize", "DesiredCapacity", "MaxSize") if given.get(name) is not None]
    return found == sorted(found)


def lifecycle_is_sound(given: Given) -> bool:
    rules = json.loads(given["lifecyclePolicyText"])["rules"]
    priorities = [one["rulePriority"] for one in rules]
    anyhow = [one["rulePriority"] for one in rules if one["selection"]["tagStatus"] == "any"]
    untagged = [one for one in rules if one["selection"]["tagStatus"] == "untagged"]
    return (
        len(set(priorities)) == len(priorities)
        and len(anyhow) <= 1
        and all(one == max(priorities) for one in anyhow)
        and len(untagged) <= 1
    )


def names_its_roles(given: Given) -> bool:
    return "RoleName:" not in given["TemplateBody"] or "CAPABILITY_NAMED_IAM" in given.get("Capabilities", ())


RULES = (
    Rule(
        "*",
        "tags: 50 at most, keys of 1 to 128, values to 256 characters of a few kinds, never aws:",
        f"{DOCS}/tag-editor/latest/userguide/best-practices-and-strats.html",
        tags_are_taken,
    ),
    Rule(
        "ecs:RunTask",
        "a launch type or a strategy, not both",
        f"{DOCS}/AmazonECS/latest/APIReference/API_RunTask.html",
        not_both("launchType", "capacityProviderStrategy"),
    ),
    Rule(
        "ecs:RunTask",
        "overrides: 8192 characters",
        f"{DOCS}/AmazonECS/latest/APIReference/API_RunTask.html",
        lambda given: len(json.dumps(given.get("overrides", {}))) <= 8192,
    ),
    Rule(
        "ecs:RunTask",
        "Fargate takes no placement",
        f"{DOCS}/AmazonECS/latest/developerguide/task-placement.html",
        lambda given: (
            not (on_fargate(given) and (given.get("placementStrategy") or given.get("placementConstraints")))
        ),
    ),
    Rule(
        "ecs:RunTask",
        "ten tasks a call, five placement strategies, started by 128 characters",
        f"{DOCS}/AmazonECS/latest/APIReference/API_RunTask.html",
        lambda given: (
            given.get("count", 1) <= 10
            and len(given.get("placementStrategy", ())) <= 5
            and len(given.get("startedBy", "")) <= 128
        ),
    ),
    Rule(
        "ecs:RunTask",
        "a strategy has a weight above 0, one base at most, 20 items",
        f"{DOCS}/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html",
        lambda given: strategy_is_sound(given.get("capacityProviderStrategy", [])),
    ),
    Rule(
        "ecs:RunTask",
        "awsvpc: 16 subnets, 5 security groups; no public address on EC2",
        f"{DOCS}/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html",
        lambda given: (
            (network := given["networkConfiguration"]["awsvpcConfiguration"]) is not None
            and len(network["subnets"]) <= 16
            and len(network["securityGroups"]) <= 5
            and (on_fargate(given) or network.get("assignPublicIp", "DISABLED") == "DISABLED")
        ),
    ),
    Rule(
        "ecs:PutClusterCapacityProviders",
        "the default strategy names providers of the list, with a weight and one base",
        f"{DOCS}/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html",
        lambda given: (
            strategy_is_sound(given["defaultCapacityProviderStrategy"])
            and {one["capacityProvider"] for one in given["defaultCapacityProviderStrategy"]}
            <= set(given["capacityProviders"])
        ),
    ),
    Rule(
        "ecs:CreateCapacityProvider",
        "no name begins with aws, ecs or fargate",
        f"{DOCS}/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html",
        lambda given: not re.match(r"(?i)aws|ecs|fargate", given["name"]) and len(given["name"]) <= 255,
    ),
    Rule(
        "ecs:CreateCapacityProvider",
        "managed termination protection needs managed scaling",
        f"{DOCS}/AmazonECS/latest/APIReference/API_AutoScalingGroupProvider.html",
        lambda given: (
            (provider := given["autoScalingGroupProvider"]).get("managedTerminationProtection") != "ENABLED"
            or provider["managedScaling"]["status"] == "ENABLED"
        ),
    ),
    Rule(
        "ecs:DescribeServices",
        "ten services a call",
        f"{DOCS}/AmazonECS/latest/APIReference/API_DescribeServices.html",
        lambda given: 1 <= len(given["services"]) <= 10,
    ),
    Rule(
        "ecs:DescribeTasks",
        "a hundred tasks a call, and one at least",
        f"{DOCS}/AmazonECS/latest/APIReference/API_DescribeTasks.html",
        lambda given: 1 <= len(given["tasks"]) <= 100,
    ),
    Rule(
        "ecs:DescribeClusters",
        "a hundred clusters a call",
        f"{DOCS}/AmazonECS/latest/APIReference/API_DescribeClusters.html",
        most("clusters", 100),
    ),
    Rule(
        "ecs:DescribeContainerInstances",
        "a hundred machines a call",
        f"{DOCS}/AmazonECS/latest/APIReference/API_DescribeContainerInstances.html",
        most("containerInstances", 100),
    ),
    Rule(
        "ecs:ListTasks",
        "startedBy is a filter that goes with no other",
        f"{DOCS}/AmazonECS/latest/APIReference/API_ListTasks.html",
        lambda given: (
            not given.get("startedBy")
            or not any(
                given.get(name) for name in ("family", "serviceName", "containerInstance", "desiredStatus")
            )
        ),
    ),
    Rule(
        "ecs:UpdateService",
        "a service that is at work is never set below none",
        f"{DOCS}/AmazonECS/latest/APIReference/API_UpdateService.html",
        lambda given: given.get("desiredCount", 0) >= 0,
    ),
    Rule(
        "autoscaling:*",
        "MinSize, DesiredCapacity, MaxSize are in this order",
        f"{DOCS}/autoscaling/ec2/userguide/asg-capacity-limits.html",
        sizes_are_in_order,
    ),
    Rule(
        "autoscaling:PutScheduledUpdateGroupAction",
        "begins in the future, and says a size",
        f"{DOCS}/autoscaling/ec2/APIReference/API_PutScheduledUpdateGroupAction.html",
        lambda given: (
            given["StartTime"] > datetime.now(UTC)
            and any(name in given for name in ("MinSize", "MaxSize", "DesiredCapacity"))
        ),
    ),
    Rule(
        "autoscaling:SetInstanceProtection",
        "fifty machines a call",
        f"{DOCS}/autoscaling/ec2/APIReference/API_SetInstanceProtection.html",
        most("InstanceIds", 50),
    ),
    Rule(
        "autoscaling:DescribeAutoScalingGroups",
        "fifty names a call",
        f"{DOCS}/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html",
        most("AutoScalingGroupNames", 50),
    ),
    Rule(
        "logs:PutRetentionPolicy",
        "days of a list",
        f"{DOCS}/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
        lambda given: given["retentionInDays"] in RETENTIONS,
    ),
    Rule(
        "logs:FilterLogEvents",
        "streams by name or by prefix",
        f"{DOCS}/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html",
        not_both("logStreamNames", "logStreamNamePrefix"),
    ),
    Rule(
        "logs:ListTagsForResource",
        "a group's ARN without its :*",
        f"{DOCS}/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsForResource.html",
        lambda given: not given["resourceArn"].endswith(":*"),
    ),
    Rule(
        "secretsmanager:DeleteSecret",
        "at once, or after some days",
        f"{DOCS}/secretsmanager/latest/apireference/API_DeleteSecret.html",
        not_both("ForceDeleteWithoutRecovery", "RecoveryWindowInDays"),
    ),
    Rule(
        "secretsmanager:CreateSecret",
        "names of letters, numbers and /_+=.@-, not as an ARN ends; 64 KB",
        f"{DOCS}/secretsmanager/latest/apireference/API_CreateSecret.html",
        lambda given: (
            bool(re.fullmatch(r"[\w/+=.@-]{1,512}", given["Name"]))
            and not re.search(r"-[A-Za-z0-9]{6}$", given["Name"])
            and len(given.get("SecretString", "")) <= 65536
        ),
    ),
    Rule(
        "ecr:PutLifecyclePolicy",
        "priorities differ; one rule for any, which is the last; one for untagged",
        f"{DOCS}/AmazonECR/latest/userguide/lifecycle_policy_parameters.html",
        lifecycle_is_sound,
    ),
    Rule(
        "ecr:CreateRepository",
        "a name of 2 to 256 lower-case letters, numbers and single ._-/",
        f"{DOCS}/AmazonECR/latest/APIReference/API_CreateRepository.html",
        lambda given: 2 <= len(given["repositoryName"]) <= 256,
    ),
    Rule(
        "cloudformation:CreateStack",
        "a template of 51,200 bytes",
        f"{DOCS}/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
        lambda given: len(given["TemplateBody"].encode()) <= 51_200,
    ),
    Rule(
        "cloudformation:UpdateStack",
        "a template of 51,200 bytes",
        f"{DOCS}/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
        lambda given: len(given.get("TemplateBody", "").encode()) <= 51_200,
    ),
    Rule(
        "cloudformation:CreateStack",
        "200 parameters, 4,096 bytes each",
        f"{DOCS}/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
        lambda given: (
            len(given.get("Parameters", ())) <= 200
            and all(len(one["ParameterValue"].encode()) <= 4096 for one in given.get("Parameters", ()))
        ),
    ),
    Rule(
        "cloudformation:CreateStack",
        "named roles need CAPABILITY_NAMED_IAM",
        f"{DOCS}/AWSCloudFormation/latest/APIReference/API_CreateStack.html",
        names_its_roles,
    ),
    Rule(
        "cloudformation:*",
        "a stack's name: a letter, then letters, numbers, hyphens; 128",
        f"{DOCS}/AWSCloudFormation/latest/APIReference/API_CreateStack.html",
        lambda given: (
            "StackName" not in given
            or bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}|arn:.+", given["StackName"]))
        ),
    ),
    Rule(
        "iam:CreateRole",
        "64 characters",
        f"{DOCS}/IAM/latest/UserGuide/reference_iam-quotas.html",
        lambda given: bool(re.fullmatch(r"[\w+=,.@-]{1,64}", given["RoleName"])),
    ),
    Rule(
        "iam:CreateInstanceProfile",
        "128 characters",
        f"{DOCS}/IAM/latest/UserGuide/reference_iam-quotas.html",
        lambda given: bool(re.fullmatch(r"[\w+=,.@-]{1,128}", given["InstanceProfileName"])),
    ),
    Rule(
        "servicediscovery:CreateService",
        "ECS's own registration: a custom health check with a threshold of 1, records of a TTL",
        f"{DOCS}/cloud-map/latest/api/API_HealthCheckCustomConfig.html",
        lambda given: (
            given["HealthCheckCustomConfig"].get("FailureThreshold", 1) == 1
            and "HealthCheckConfig" not in given
            and all(0 <= one["TTL"] <= 2_147_483_647 for one in given["DnsConfig"]["DnsRecords"])
        ),
    ),
    Rule(
        "rds:ModifyDBInstance",
        "an identifier of 63 letters, numbers and single hyphens",
        f"{DOCS}/AmazonRDS/latest/APIReference/API_CreateDBInstance.html",
        lambda given: bool(
            re.fullmatch(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,62}(?<!-)", given["DBInstanceIdentifier"])
        ),
    ),
)


def wrong(operation: OperationModel, given: Given) -> list[str]:
    """What AWS would have against this call."""
    service = operation.service_model.service_name
    names = {"*", f"{service}:*", f"{service}:{operation.name}"}
    said = list(_against(operation.input_shape, given, "")) if operation.input_shape else []
    said += [f"{one.says} ({one.documented})" for one in RULES if one.calls in names and not one.holds(given)]
    return [f"{service}:{operation.name}: {one}" for one in said]


def _against(shape: Shape, value: Any, where: str) -> Iterator[str]:
    """What the model says against a value: members, enums, lengths, ranges, patterns."""
    match shape:
        case StructureShape():
            for name, one in value.items():
                if name not in shape.members:
                    yield f"{where}.{name} is no member"
                else:
                    yield from _against(shape.members[name], one, f"{where}.{name}")
            yield from (f"{where}.{name} is missing" for name in shape.required_members if name not in value)
            return
        case ListShape():
            for number, one in enumerate(value):
                yield from _against(shape.member, one, f"{where}[{number}]")
        case MapShape():
            for name, one in value.items():
                yield from _against(shape.value, one, f"{where}[{name}]")
    known = shape.metadata  # of instance types AWS has newer ones than any model
    if known.get("enum") and shape.name != "InstanceType" and value not in known["enum"]:
        yield f"{where} is {value!r}, none of {', '.join(known['enum'])}"
    size = value if isinstance(value, int | float) else len(value) if hasattr(value, "__len__") else None
    if size is not None and not known.get("min", size) <= size <= known.get("max", size):
        yield f"{where} is {size} long or large: {known.get('min', 0)} to {known.get('max', '…')}"
    if isinstance(value, str) and "pattern" in known and not _fits(known["pattern"], value):
        yield f"{where} is {value!r}, not as {known['pattern']}"


def _fits(pattern: str, value: str) -> bool:
    """Models have Java's patterns: what Python has not is not asked."""
    try:
        return re.fullmatch(pattern.replace(r"\p{L}", "a-zA-Z").replace(r"\p{N}", "0-9"), value) is not None
    except re.error:
        return True
