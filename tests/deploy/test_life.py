"""What would pile up over years is bounded, and nothing that is used, or another's, is touched."""

import json

import boto3
from botocore.stub import Stubber

from deploy.kit import cluster, life, logs, machines, repository
from tests.deploy.conftest import Account, changes, model_of, twice
from tests.deploy.rules import wrong


def test_images(account: Account) -> None:
    ecr = account.client("ecr")
    repository.uri(account.aws(), account.config)
    twice(account, lambda aws: life.images(aws, account.config))
    kept = json.loads(ecr.get_lifecycle_policy(repositoryName="stats-assets")["lifecyclePolicyText"])
    assert kept == life.POLICY
    ecr.create_repository(repositoryName="theirs")
    ecr.create_repository(repositoryName="changed", tags=[{"Key": "made-by", "Value": "stats-assets"}])
    own = json.dumps({"rules": [{**life.POLICY["rules"][1], "rulePriority": 1}]})
    ecr.put_lifecycle_policy(repositoryName="changed", lifecyclePolicyText=own)
    account.calls.clear()
    for name in (
        "theirs",
        "changed",
        "none",
        "1".zfill(12) + ".dkr.ecr.us-east-1.amazonaws.com/stats-assets",
    ):
        account.variables["ECR_REPO"] = name
        life.images(account.aws(), account.config)
    assert changes(account) == []


def test_log_events(account: Account) -> None:
    """A step that was ended between its two calls left a group that keeps all for ever."""
    kept = account.client("logs")
    twice(account, lambda aws: logs.keep(aws, account.config))
    kept.delete_retention_policy(logGroupName="stats-assets")
    logs.keep(account.aws(), account.config)
    [group] = kept.describe_log_groups(logGroupNamePrefix="stats-assets")["logGroups"]
    assert group["retentionInDays"] == logs.KEEP_LOGS
    kept.put_retention_policy(logGroupName="stats-assets", retentionInDays=365)
    kept.create_log_group(logGroupName="theirs")
    kept.create_log_group(logGroupName="theirs-too")
    account.calls.clear()
    for name in ("stats-assets", "theirs"):
        account.variables["AWS_LOG_GROUP"] = name
        logs.keep(account.aws(), account.config)
    assert changes(account) == []
    assert account.said[-1].startswith("log group theirs is another's")


def test_machines_are_replaced_once_at_a_time(account: Account) -> None:
    """moto has no instance refreshes: the calls are held to their models by the stub."""
    aws, config = account.aws(), account.config
    client = boto3.client("autoscaling", region_name="us-east-1")
    aws.client = lambda service: client  # type: ignore[method-assign]
    asked = {"AutoScalingGroupName": "stats-assets-machines"}
    wanted = {"MinHealthyPercentage": 50, "ScaleInProtectedInstances": "Refresh", "SkipMatching": True}
    with Stubber(client) as stub:
        stub.add_response(
            "describe_instance_refreshes", {"InstanceRefreshes": [{"Status": "Successful"}]}, asked
        )
        stub.add_response(
            "start_instance_refresh", {"InstanceRefreshId": "1"}, asked | {"Preferences": wanted}
        )
        machines.refresh(aws, config)
        at_work = {"InstanceRefreshes": [{"Status": "InProgress", "PercentageComplete": 50}]}
        stub.add_response("describe_instance_refreshes", at_work, asked)
        machines.refresh(aws, config)
        stub.assert_no_pending_responses()
    assert account.said[-1] == "machines are replaced already: 50 % done"
    account.variables["LAUNCH_TYPE"] = "FARGATE"
    machines.refresh(aws, account.config)
    given = asked | {"Preferences": wanted}
    assert wrong(model_of("autoscaling", "StartInstanceRefresh"), given) == []


def test_revisions(running: Account) -> None:
    ecs, config = running.client("ecs"), running.config

    def register(family: str) -> str:
        container = {"name": "run", "image": "stats:1", "memory": 128}
        made = ecs.register_task_definition(family=family, containerDefinitions=[container])
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def known(family: str) -> list[str]:
        found: list[str] = ecs.list_task_definitions(familyPrefix=family, status="ACTIVE")[
            "taskDefinitionArns"
        ]
        return [arn for arn in found if arn.rpartition("/")[2].startswith(f"{family}:")]

    for _ in range(14):
        register("stats-assets-run")
        register("stats-assets-daemon")
    foreign = [register("stats-assets-run-of-theirs") for _ in range(14)]
    [used] = {
        one["taskDefinition"]
        for one in cluster.services(running.aws(), config)
        if one["serviceName"] == "daemon"
    }
    twice(running, lambda aws: life.revisions(aws, config))
    assert [arn.rpartition(":")[2] for arn in known("stats-assets-run")] == [str(n) for n in range(6, 16)]
    assert used in known("stats-assets-daemon")
    assert len(known("stats-assets-daemon")) == 11
    assert known("stats-assets-run-of-theirs") == foreign
    life.revisions(running.aws(), config, keep=0)
    assert known("stats-assets-run") == known("stats-assets-daemon") == []
