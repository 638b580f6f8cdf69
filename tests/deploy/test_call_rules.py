# ruff: noqa: E501 - a table, a row a case
"""The rules themselves: each refuses what AWS would, and they are asked of what the steps call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.kit import role
from tests.deploy.conftest import Account, model_of
from tests.deploy.rules import RULES, wrong

NETWORK = {"awsvpcConfiguration": {"subnets": ["a"], "securityGroups": ["b"]}}
RUN = {"taskDefinition": "a:1", "networkConfiguration": NETWORK}
STACK = {"StackName": "a", "TemplateBody": "{}"}
SOON, SINCE = (datetime.now(UTC) + timedelta(hours=n) for n in (1, -1))
SERVICE = {"Name": "code", "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 10}]}}
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("ecs:RunTask", RUN | {"launchType": "EC2", "capacityProviderStrategy": [{"capacityProvider": "a", "weight": 1}]}, "not both"),
    ("ecs:RunTask", RUN | {"overrides": {"containerOverrides": [{"command": ["x" * 8192]}]}}, "8192"),
    ("ecs:RunTask", RUN | {"launchType": "FARGATE", "placementStrategy": [{"type": "binpack"}]}, "no placement"),
    ("ecs:RunTask", RUN | {"count": 11}, "ten tasks"),
    ("ecs:RunTask", RUN | {"capacityProviderStrategy": [{"capacityProvider": "a"}]}, "weight"),
    ("ecs:RunTask", RUN | {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"] * 17, "securityGroups": []}}}, "16 subnets"),
    ("ecs:RunTask", RUN | {"launchType": "ec2"}, "none of"),
    ("ecs:RunTask", RUN | {"startedBye": "x"}, "no member"),
    ("ecs:PutClusterCapacityProviders", {"cluster": "a", "capacityProviders": ["a"], "defaultCapacityProviderStrategy": [{"capacityProvider": "b", "weight": 1}]}, "providers of the list"),
    ("ecs:CreateCapacityProvider", {"name": "ecs-mine", "autoScalingGroupProvider": {"autoScalingGroupArn": "a", "managedScaling": {"status": "ENABLED"}}}, "no name begins"),
    ("ecs:CreateCapacityProvider", {"name": "mine", "autoScalingGroupProvider": {"autoScalingGroupArn": "a", "managedScaling": {"status": "DISABLED"}, "managedTerminationProtection": "ENABLED"}}, "needs managed scaling"),
    ("ecs:DescribeServices", {"services": ["a"] * 11}, "ten services"),
    ("ecs:DescribeTasks", {"tasks": []}, "one at least"),
    ("ecs:DescribeClusters", {"clusters": ["a"] * 101}, "a hundred"),
    ("ecs:DescribeContainerInstances", {"containerInstances": ["a"] * 101}, "a hundred"),
    ("ecs:ListTasks", {"startedBy": "a", "family": "b"}, "no other"),
    ("ecs:UpdateService", {"service": "a", "desiredCount": -1}, "below none"),
    ("autoscaling:UpdateAutoScalingGroup", {"AutoScalingGroupName": "a", "MinSize": 2, "MaxSize": 1}, "in this order"),
    ("autoscaling:PutScheduledUpdateGroupAction", {"AutoScalingGroupName": "a", "ScheduledActionName": "b", "StartTime": SINCE, "MaxSize": 1}, "future"),
    ("autoscaling:PutScheduledUpdateGroupAction", {"AutoScalingGroupName": "a", "ScheduledActionName": "b", "StartTime": SOON}, "says a size"),
    ("autoscaling:SetInstanceProtection", {"AutoScalingGroupName": "a", "ProtectedFromScaleIn": False, "InstanceIds": ["i-1"] * 51}, "fifty"),
    ("autoscaling:DescribeAutoScalingGroups", {"AutoScalingGroupNames": ["a"] * 51}, "fifty"),
    ("logs:PutRetentionPolicy", {"logGroupName": "a", "retentionInDays": 31}, "days of a list"),
    ("logs:FilterLogEvents", {"logGroupName": "a", "logStreamNames": ["a"], "logStreamNamePrefix": "b"}, "by prefix"),
    ("logs:ListTagsForResource", {"resourceArn": "arn:aws:logs:a:*"}, "without its"),
    ("logs:CreateLogGroup", {"logGroupName": "a b"}, "not as"),
    ("logs:CreateLogGroup", {"logGroupName": "a" * 513}, "long or large"),
    ("secretsmanager:DeleteSecret", {"SecretId": "a", "ForceDeleteWithoutRecovery": True, "RecoveryWindowInDays": 7}, "at once"),
    ("secretsmanager:CreateSecret", {"Name": "a b"}, "names of letters"),
    ("ecr:PutLifecyclePolicy", {"repositoryName": "ab", "lifecyclePolicyText": '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any"}}, {"rulePriority": 2, "selection": {"tagStatus": "untagged"}}]}'}, "the last"),
    ("ecr:CreateRepository", {"repositoryName": "a" * 257}, "2 to 256"),
    ("cloudformation:CreateStack", STACK | {"TemplateBody": "x" * 51_201}, "51,200"),
    ("cloudformation:UpdateStack", STACK | {"TemplateBody": "x" * 51_201}, "51,200"),
    ("cloudformation:CreateStack", STACK | {"Parameters": [{"ParameterKey": "a", "ParameterValue": "x" * 4097}]}, "4,096"),
    ("cloudformation:CreateStack", STACK | {"TemplateBody": "RoleName: a"}, "CAPABILITY_NAMED_IAM"),
    ("cloudformation:CreateStack", STACK | {"StackName": "1a"}, "a letter, then"),
    ("cloudformation:CreateStack", STACK | {"Tags": [{"Key": "aws:a", "Value": "b"}]}, "never aws:"),
    ("iam:CreateRole", {"RoleName": "a" * 65, "AssumeRolePolicyDocument": "{}"}, "64 characters"),
    ("iam:CreateInstanceProfile", {"InstanceProfileName": "a b"}, "128 characters"),
    ("servicediscovery:CreateService", SERVICE | {"HealthCheckCustomConfig": {"FailureThreshold": 2}}, "threshold of 1"),
    ("rds:ModifyDBInstance", {"DBInstanceIdentifier": "a--b"}, "single hyphens"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "given", "said"), WRONG, ids=lambda one: one if isinstance(one, str) else ""
)
def test_a_rule_refuses(call: str, given: dict[str, Any], said: str) -> None:
    assert any(said in one for one in wrong(model_of(*call.split(":")), given)), wrong(
        model_of(*call.split(":")), given
    )


def test_each_rule_is_tried() -> None:
    tried = {
        one.says
        for one in RULES
        for call, given, _ in WRONG
        if _is_of(one.calls, call) and not one.holds(given)
    }
    assert {one.says for one in RULES} == tried


def _is_of(rule: str, call: str) -> bool:
    return rule in ("*", call, f"{call.partition(':')[0]}:*")


def test_what_the_steps_call_is_asked(account: Account) -> None:
    account.variables["INSTANCE_ROLE"] = "a" * 64
    role.bring(account.aws(), account.config)
    assert any(name == "iam:CreateRole" for name, _ in account.asked)
    account.asked.append(("ecs:DescribeServices", {"services": ["a"] * 11}))
    assert len(account.complaints()) == 1
    account.asked.clear()
