"""Each step against moto's server, twice: the second time nothing is made or changed. The calls are recorded, as moto
accepts a second Create that AWS refuses.
"""

import re
from typing import Any

import click
import pytest
import yaml
from dagster._cli import cli as dagster
from dagster._daemon.cli import cli as dagster_daemon
from dagster_webserver.cli import dagster_webserver
from moto.ecs.models import ecs_backends

from deploy.kit import cluster, image, secrets, services, stacks
from deploy.kit.__main__ import STEPS
from deploy.kit.aws import Refused
from deploy.kit.render import HERE, RENDERED, rendered, values_of
from tests.deploy.conftest import Account, register_a_machine
from tests.deploy.templates import resources

CHANGES = re.compile(
    r"^[\w-]+:(Create|Register|Put|Update|Delete|Run|Attach|Add|Set|Start|Stop|Tag|Modify|Terminate)"
)
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/stats-assets:0.1.0-test"


def changes(account: Account) -> list[str]:
    return [call for call in account.calls if CHANGES.match(call)]


def twice(account: Account, step: Any) -> None:
    step(account.aws())
    assert changes(account), "the first time something is made"
    account.calls.clear()
    step(account.aws())
    assert changes(account) == []


def test_the_role_and_its_profile(account: Account) -> None:
    twice(account, lambda aws: cluster.instance_role(aws, account.config))
    iam = account.client("iam")
    name = account.config["INSTANCE_ROLE"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [one["PolicyName"] for one in attached] == ["AmazonEC2ContainerServiceforEC2Role"]
    profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [one["RoleName"] for one in profile["Roles"]] == [name]


def test_a_role_that_exists_gets_what_it_lacks(account: Account) -> None:
    name = account.config["INSTANCE_ROLE"]
    account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    cluster.instance_role(account.aws(), account.config)
    assert "iam:CreateRole" not in account.calls
    assert "iam:AddRoleToInstanceProfile" in account.calls


def test_the_repository(account: Account) -> None:
    twice(account, lambda aws: cluster.repository(aws, account.config))
    [made] = account.client("ecr").describe_repositories()["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE"
    account.variables["ECR_REPO"] = made["repositoryUri"]
    account.calls.clear()
    assert cluster.repository(account.aws(), account.config) == made["repositoryUri"]
    assert account.calls == []


def test_the_secrets(account: Account) -> None:
    twice(account, lambda aws: secrets.put(aws, account.config))
    kept = account.client("secretsmanager").get_secret_value(SecretId="stats-assets/dagster-database-url")
    assert kept["SecretString"].startswith(secrets.DRIVER)
    account.variables["DB_URI"] = "postgresql://user:another@host:5432/stats"
    secrets.put(account.aws(), account.config)
    assert changes(account) == ["secretsmanager:PutSecretValue"]
    assert not any("another" in line or "password" in line for line in account.said)


def test_the_cluster_is_made(account: Account) -> None:
    twice(account, lambda aws: cluster.configure(aws, account.config))
    [found] = account.client("ecs").describe_clusters(clusters=["stats-assets"])["clusters"]
    assert found["capacityProviders"] == ["stats-assets-ec2"]
    assert [one["capacityProvider"] for one in found["defaultCapacityProviderStrategy"]] == [
        "stats-assets-ec2"
    ]
    [provider] = account.client("ecs").describe_capacity_providers(capacityProviders=["stats-assets-ec2"])[
        "capacityProviders"
    ]
    assert provider["autoScalingGroupProvider"]["managedScaling"]["status"] == "ENABLED"
    [group] = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (group["MinSize"], group["MaxSize"]) == (0, 4)


def test_a_cluster_that_exists_keeps_what_it_has(account: Account) -> None:
    ecs = account.client("ecs")
    theirs = [{"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0}]
    ecs.create_cluster(
        clusterName="stats-assets", capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=theirs
    )
    cluster.configure(account.aws(), account.config)
    assert "ecs:CreateCluster" not in account.calls
    [found] = ecs.describe_clusters(clusters=["stats-assets"])["clusters"]
    assert found["capacityProviders"] == ["FARGATE_SPOT", "stats-assets-ec2"]
    assert found["defaultCapacityProviderStrategy"] == theirs


def test_too_small_machines_are_refused_with_what_to_do(account: Account) -> None:
    account.variables |= {"INSTANCE_TYPE": "t3.small", "MAX_INSTANCES": "1"}
    with pytest.raises(Refused, match="MAX_INSTANCES"):
        cluster.configure(account.aws(), account.config)
    account.variables["INSTANCE_TYPE"] = "m5.nonsense"
    with pytest.raises(Refused, match="is not offered"):
        cluster.configure(account.aws(), account.config)
    assert changes(account) == []


def test_up_waits_for_a_machine_and_says_the_usual_causes(account: Account) -> None:
    with pytest.raises(Refused, match="make configure-cluster"):
        cluster.up(account.aws(), account.config)
    cluster.configure(account.aws(), account.config)
    with pytest.raises(Refused, match="NAT"):
        cluster.up(account.aws(), account.config, patience=0.2)
    register_a_machine(account)
    account.calls.clear()
    cluster.up(account.aws(), account.config)
    assert changes(account) == []
    [group] = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (group["MinSize"], group["DesiredCapacity"]) == (1, 1)


@pytest.fixture
def running(account: Account) -> Account:
    """Services that were started; their migration's task has ended well."""
    cluster.configure(account.aws(), account.config)
    register_a_machine(account)
    secrets.put(account.aws(), account.config)
    services.start(account.aws(), account.config, IMAGE)
    return account


def test_the_services_are_started_once_after_the_migrations(running: Account) -> None:
    order = [call for call in running.calls if call in ("ecs:RunTask", "cloudformation:CreateStack")]
    assert order == [
        "cloudformation:CreateStack",
        "cloudformation:CreateStack",
        "ecs:RunTask",
        "cloudformation:CreateStack",
    ]
    running.calls.clear()
    services.start(running.aws(), running.config, IMAGE)
    assert changes(running) == []
    services.start(running.aws(), running.config, IMAGE.replace("test", "newer"))
    assert changes(running) == ["cloudformation:UpdateStack", "ecs:RunTask", "cloudformation:UpdateStack"]


def test_a_migration_that_fails_leaves_the_services(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.configure(account.aws(), account.config)
    register_a_machine(account)
    secrets.put(account.aws(), account.config)
    ended = {"lastStatus": "STOPPED", "containers": [{"exitCode": 1}], "stoppedReason": "its container ended"}
    monkeypatch.setattr(services, "_task", lambda *_: ended)
    with pytest.raises(Refused, match="services stay as they are"):
        services.start(account.aws(), account.config, IMAGE)
    assert stacks.find(account.aws(), "stats-assets-services") is None


def test_stop_status_down_start_again_and_destroy(running: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    config = running.config
    with pytest.raises(Refused, match="make stop-service"):
        cluster.down(running.aws(), config)
    running.said.clear()
    services.status(running.aws(), config)
    assert [line.split(":")[0] for line in running.said[:3]] == list(services.NAMES)
    services.stop(running.aws(), config)
    assert {one["desiredCount"] for one in cluster.services(running.aws(), config)} == {0}
    running.calls.clear()
    services.stop(running.aws(), config)
    assert changes(running) == []
    for service in ecs_backends["123456789012"]["us-east-1"].services.values():
        service.running_count = 0  # moto starts no tasks, and counts them as running all the same
    cluster.down(running.aws(), config)
    services.start(running.aws(), config, IMAGE)
    assert {one["desiredCount"] for one in cluster.services(running.aws(), config)} == {1}
    destroy = STEPS["destroy"][0]
    with pytest.raises(Refused, match="CONFIRM=stats-assets"):
        destroy(running.aws(), config)
    monkeypatch.setenv("CONFIRM", "stats-assets")
    for service in ecs_backends["123456789012"]["us-east-1"].services.values():
        service.running_count = 0
    destroy(running.aws(), config)
    done = ["CREATE_COMPLETE", "UPDATE_COMPLETE"]
    assert running.client("cloudformation").list_stacks(StackStatusFilter=done)["StackSummaries"] == []
    assert len(running.client("secretsmanager").list_secrets()["SecretList"]) == 2


def test_stacks_compose_file_and_instance_are_what_the_templates_say(running: Account) -> None:
    for part in ("cluster", "tasks", "services"):
        wanted = {name: one["Type"] for name, one in resources(part).items()}
        found = running.client("cloudformation").list_stack_resources(StackName=f"stats-assets-{part}")
        made = {one["LogicalResourceId"] for one in found["StackResourceSummaries"]}
        assert {kind for name, kind in wanted.items() if name not in made} == set()
    compose_agrees(running)
    image.render_instance(running.aws(), running.config)
    instance = yaml.safe_load((RENDERED / "dagster.yaml").read_text())
    kwargs = instance["run_launcher"]["config"]["run_task_kwargs"]
    assert kwargs["capacityProviderStrategy"] == running.config.strategy
    assert "password" not in (RENDERED / "dagster.yaml").read_text()


def compose_agrees(running: Account) -> None:
    text = rendered(HERE / "docker-compose.deploy.yml.tpl", values_of(running.config, IMAGE))
    composed = yaml.safe_load(text)["services"]
    ecs = running.client("ecs")
    for name, service in composed.items():
        task = ecs.describe_task_definition(taskDefinition=f"stats-assets-{name}")["taskDefinition"]
        [container] = task["containerDefinitions"]
        assert container["image"] == service["image"]
        assert container["command"] == service["command"]
        ports = {str(one["containerPort"]) for one in container.get("portMappings", [])}
        assert ports == {
            str(one).rpartition(":")[2] for one in service.get("ports", service.get("expose", []))
        }
        given = {one["name"] for one in container["environment"]} | {
            one["name"] for one in container["secrets"]
        }
        assert set(service["environment"]) <= given
        assert all(one["valueFrom"].startswith("arn:") for one in container["secrets"])
        assert container["readonlyRootFilesystem"]


def test_dry_runs_change_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = account.aws(dry_run=True)
    for step in (cluster.instance_role, cluster.repository, secrets.put, cluster.configure, image.build):
        step(aws, account.config)
    assert changes(account) == []
    assert all(
        f"would {what}" in "\n".join(account.said)
        for what in ("create role", "create stack", "create cluster")
    )


def test_a_dry_run_of_the_first_start(account: Account) -> None:
    cluster.configure(account.aws(), account.config)
    secrets.put(account.aws(), account.config)
    account.calls.clear()
    services.start(account.aws(dry_run=True), account.config, IMAGE)
    assert changes(account) == []
    assert "would then run the migrations" in account.said[-1]


def test_a_missing_permission_is_named(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    from botocore.exceptions import ClientError

    from deploy.kit.aws import in_words

    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "CreateCluster")
    with pytest.raises(Refused, match="ecs:CreateCluster"), in_words("ecs", "create_cluster"):
        raise denied


def test_what_moto_drops_is_in_the_templates() -> None:
    """Roles of tasks; strategy, network and registry of services; one daemon, never two."""
    roles = {
        "CodeTask": "RunRole",
        "DaemonTask": "DaemonRole",
        "WebserverTask": "WebserverRole",
        "RunTask": "RunRole",
    }
    tasks = {name: one["Properties"] for name, one in resources("tasks").items()}
    assert {name: one["TaskRoleArn"] for name, one in tasks.items()} == {
        k: f"Ref {v}" for k, v in roles.items()
    }
    assert {one["ExecutionRoleArn"] for one in tasks.values()} == {"Ref ExecutionRole"}
    found = {
        name: one["Properties"] for name, one in resources("services").items() if name.endswith("Service")
    }
    for name, service in found.items():
        assert service["CapacityProviderStrategy"] == [{"CapacityProvider": "Ref Provider", "Weight": 1}]
        assert "LaunchType" not in service
        assert "AssignPublicIp" not in service["NetworkConfiguration"]["AwsvpcConfiguration"]
        if name != "WebserverService":
            rolling = service["DeploymentConfiguration"]
            assert rolling == {"MaximumPercent": 100, "MinimumHealthyPercent": 0}
    assert found["CodeService"]["ServiceRegistries"] == [{"RegistryArn": "Ref Registry"}]


def test_the_webserver_is_never_open() -> None:
    found = resources("services")
    assert found["Balancer"]["Properties"]["Scheme"] == "internal"
    [ingress] = found["BalancerGroup"]["Properties"]["SecurityGroupIngress"]
    assert ingress["CidrIp"] == "Ref ClientCidr"


def test_roles_may_do_no_more_than_they_must() -> None:
    roles = {
        k: one["Properties"] for k, one in resources("cluster").items() if one["Type"] == "AWS::IAM::Role"
    }
    for role in roles.values():
        for one in role.get("Policies", []):
            for statement in one.get("PolicyDocument", {}).get("Statement", []):
                actions = (
                    statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                )
                assert not any("*" in action for action in actions)
                if "iam:PassRole" in actions:
                    assert statement["Resource"] == ["GetAtt RunRole.Arn", "GetAtt ExecutionRole.Arn"]


def test_commands_and_health_checks_are_taken_by_the_programs() -> None:
    """A health check with an option that does not exist ends its service for ever, every two minutes."""
    programs = {
        "dagster": dagster,
        "dagster-daemon": dagster_daemon,
        "dagster-webserver": dagster_webserver,
    }
    checked = []
    for task in resources("tasks").values():
        [container] = task["Properties"]["ContainerDefinitions"]
        health = container.get("HealthCheck", {}).get("Command", ["CMD"])
        for program, *words in filter(None, (container.get("Command"), health[1:])):
            if program != "python":
                parse(programs[program], program, words)
                checked.append(program)
    assert len(checked) == 5


def parse(command: click.Command, name: str, words: list[str]) -> None:
    """Raises click.UsageError when it does not take them."""
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        found, inner, rest = command.resolve_command(context, words)
        assert inner is not None
        parse(inner, found or name, rest)
    else:
        command.make_context(name, words)
