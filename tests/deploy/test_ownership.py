"""Whose a thing is, and what becomes of things that are not this deployment's: named, and left."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy.kit import (
    cluster,
    destroy,
    discovery,
    ownership,
    providers,
    repository,
    role,
    secrets,
    services,
    stacks,
)
from deploy.kit.aws import Aws, Refused, StillBusy
from deploy.kit.ownership import DEPLOYMENT, MADE_BY, Owner
from tests.deploy.conftest import REGION, Account, changes

OLDER = [MADE_BY]
TASK = [{"name": "theirs", "image": "theirs", "memory": 64}]


def another(name: str) -> list[dict[str, str]]:
    return [MADE_BY, {"Key": DEPLOYMENT, "Value": name}]


def test_the_tags_say_whose_it_is(account: Account) -> None:
    config = account.config
    cases = {
        Owner.OURS: [ownership.tags(config), ownership.ecs_tags(config)],
        Owner.OLDER: [OLDER],
        Owner.ANOTHER: [
            another("other/us-east-1"),
            another("stats-assets/eu-west-1"),
            another("stats-assets"),
        ],
        Owner.OTHERS: [[], [{"Key": "made-by", "Value": "them"}], another("stats-assets/us-east-1")[1:]],
    }
    for whose, found in cases.items():
        for tags in found:
            assert ownership.owner(config, tags) is whose, tags
            assert ownership.is_ours(config, tags, named=False) is (whose is Owner.OURS)
            assert ownership.is_ours(config, tags, named=True) is (whose in (Owner.OURS, Owner.OLDER))


def test_what_deployments_could_share_stays_without_the_tag(account: Account) -> None:
    """An older kit's role and repository; another's secret of our name is not overwritten."""
    config, iam, ecr = account.config, account.client("iam"), account.client("ecr")
    name = config["INSTANCE_ROLE"]
    iam.untag_role(RoleName=name, TagKeys=[DEPLOYMENT])
    iam.untag_instance_profile(InstanceProfileName=name, TagKeys=[DEPLOYMENT])
    ecr.create_repository(repositoryName=config["ECR_REPO"], tags=OLDER)
    role.remove(account.aws(), config)
    repository.remove(account.aws(), config)
    kept = account.client("secretsmanager")
    kept.create_secret(Name="stats-assets/database-url", SecretString="theirs")
    with pytest.raises(Refused, match=r"others made\. It is not changed: take another CLUSTER_NAME"):
        secrets.put(account.aws(), config)
    destroy._secret(account.aws(), config, "stats-assets/database-url")
    assert changes(account) == []
    assert sum("older kit" in line for line in account.said) == 3
    kept.tag_resource(SecretId="stats-assets/database-url", Tags=OLDER)
    destroy._secret(account.aws(), config, "stats-assets/database-url")
    assert changes(account) == ["secretsmanager:DeleteSecret"], "its name says whose it is"


def test_a_secret_that_waits_for_its_deletion_is_named(account: Account) -> None:
    kept = account.client("secretsmanager")
    kept.create_secret(Name="stats-assets/database-url", SecretString="x")
    kept.delete_secret(SecretId="stats-assets/database-url")
    with pytest.raises(Refused, match="restore-secret"):
        secrets.put(account.aws(), account.config)


def test_others_in_our_cluster(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    config, ecs = account.config, account.client("ecs")
    cluster._cluster(account.aws(), config)
    task = ecs.register_task_definition(family="theirs", containerDefinitions=TASK)["taskDefinition"]
    about = {"cluster": "stats-assets", "taskDefinition": task["taskDefinitionArn"]}
    ecs.create_service(serviceName="daemon", desiredCount=3, **about)
    with pytest.raises(Refused, match="services of others by our names: daemon"):
        services._names_are_free(account.aws(), config)
    services.stop(account.aws(), config)
    destroy._cluster(account.aws(), config)
    assert "something of others in it: service daemon" in account.said[-1]

    machine = account.client("ec2").run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)
    identity = machine["Instances"][0]["InstanceId"]
    document = json.dumps({"instanceId": identity, "region": REGION})
    ecs.register_container_instance(cluster="stats-assets", instanceIdentityDocument=document)
    ran = ecs.run_task(launchType="EC2", **about)["tasks"][0]["taskArn"]
    ours: list[dict[str, Any]] = [
        {
            "AutoScalingGroupName": "x",
            "MinSize": 0,
            "DesiredCapacity": 0,
            "Instances": [{"InstanceId": identity}],
        }
    ]
    monkeypatch.setattr(cluster, "machines", lambda *_: ours)
    with pytest.raises(Refused, match="Tasks of others run on our machines: theirs"):
        cluster.down(account.aws(), config)
    ecs.stop_task(cluster="stats-assets", task=ran)
    cluster.down(account.aws(), config)
    ecs.delete_service(cluster="stats-assets", service="daemon", force=True)
    assert changes(account) == ["ecs:CreateCluster"]
    destroy._cluster(account.aws(), config)
    assert changes(account)[-1] == "ecs:DeleteCluster"


def test_a_provider_of_our_name_that_others_made_is_used(account: Account) -> None:
    scaling = {"autoScalingGroupArn": "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:x:theirs"}
    account.client("ecs").create_capacity_provider(name="stats-assets-ec2", autoScalingGroupProvider=scaling)
    providers.bring(account.aws(), account.config)
    providers.remove(account.aws(), account.config)
    assert changes(account) == []
    assert "left, as others made it" in account.said[-1]


def test_fargate_is_taken_from_an_adopted_cluster_again(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where the kit has put it there, which its stack remembers."""
    account.variables["LAUNCH_TYPE"] = "FARGATE"
    config, ecs, stack = account.config, account.client("ecs"), dict[str, Any]()
    monkeypatch.setattr(stacks, "find", lambda *_: stack)
    for before in (["FARGATE_SPOT"], ["FARGATE_SPOT", "FARGATE"]):
        ecs.create_cluster(clusterName="stats-assets", capacityProviders=before)
        stack.clear()
        for _ in range(2):
            notes = providers.added(account.aws(), config)
            stack["Tags"] = [{"Key": key, "Value": value} for key, value in notes.items()]
            providers.attach(account.aws(), config)
        providers.remove(account.aws(), config)
        [left] = ecs.describe_clusters(clusters=["stats-assets"])["clusters"]
        assert left["capacityProviders"] == before
        assert not left.get("defaultCapacityProviderStrategy")
        ecs.delete_cluster(cluster="stats-assets")


def test_the_tasks_roles_of_an_older_kit_keep_their_names(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster._role_prefix(account.aws(), account.config) == "stats-assets-us-east-1"
    monkeypatch.setattr(stacks, "find", lambda *_: {})
    for arn, prefix in (("stats-assets-daemon", "stats-assets"), ("stats-assets-us-east-1-daemon", None)):
        told = {"DaemonRole": f"arn:aws:iam::123456789012:role/{arn}"}
        monkeypatch.setattr(stacks, "outputs", lambda *_, told=told: told)
        wanted = prefix or "stats-assets-us-east-1"
        assert cluster._role_prefix(account.aws(), account.config) == wanted


def test_what_is_still_in_use_is_tried_again(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is refused for another reason is not."""
    aws = account.aws()
    answers: list[Any] = []

    def call(*_: Any) -> Any:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": "not yet"}}, "DeleteCluster")
        return answer

    monkeypatch.setattr(Aws, "_call", call)
    answers += ["ResourceInUse", "DependencyViolation", "UpdateInProgressException", {"cluster": "gone"}]
    assert aws.insist("delete it", "ecs", "delete_cluster", cluster="x") == {"cluster": "gone"}
    answers[:] = ["InvalidParameterException"]
    with pytest.raises(ClientError):
        aws.insist("delete it", "ecs", "delete_cluster", cluster="x")
    aws.patience = 0.1
    answers[:] = ["ClusterContainsTasksException"]
    with pytest.raises(StillBusy, match=r"in vain for AWS to delete it\. AWS says: .*not yet"):
        aws.insist("delete it", "ecs", "delete_cluster", cluster="x")
    assert account.said.count("delete it") == 3, "said once each"


def test_a_namespace_that_can_not_go_says_why(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    discovery.registry(account.aws(), account.config)
    read = Aws.read
    told = {"Operation": {"Status": "FAIL", "ErrorMessage": "the zone has records"}}
    monkeypatch.setattr(
        Aws, "read", lambda self, s, o, /, **a: told if o == "get_operation" else read(self, s, o, **a)
    )
    with pytest.raises(Refused, match="can't be deleted: the zone has records"):
        discovery.remove(account.aws(), account.config)
