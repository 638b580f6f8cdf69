"""Each step against moto's server, twice: the second time nothing is made or changed. The calls are recorded, as moto
accepts a second Create that AWS refuses.
"""

import json
import re
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import click
import pytest
import yaml
from dagster._cli import cli as dagster
from dagster._daemon.cli import cli as dagster_daemon
from dagster_webserver.cli import dagster_webserver
from moto.ecs.models import ecs_backends
from typer.main import get_command

from deploy.kit import alarms, cluster, database, destroy, image, secrets, services, stacks
from deploy.kit.aws import Refused
from deploy.kit.render import HERE, RENDERED, rendered, values_of
from stats_assets import metrics
from stats_assets.cli import app
from stats_assets.database.streams import STREAMS
from stats_assets.status import Status, StreamStatus
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


def test_the_database(account: Account) -> None:
    with pytest.raises(Refused, match="there is nothing to make"):
        database.bring(account.aws(), account.config)
    own_database(account)
    with pytest.raises(Refused, match="First: make database"):
        secrets.put(account.aws(), account.config)
    twice(account, lambda aws: database.bring(aws, account.config))
    [made] = account.client("rds").describe_db_instances()["DBInstances"]
    assert (made["StorageEncrypted"], made["PubliclyAccessible"]) == (True, False)
    assert made["BackupRetentionPeriod"] == 14
    secrets.put(account.aws(), account.config)
    kept = account.client("secretsmanager")
    url, dagster, password = (
        kept.get_secret_value(SecretId=f"stats-assets/{name}")["SecretString"]
        for name in ("database-url", "dagster-database-url", "database-password")
    )
    where = f"{made['Endpoint']['Address']}:{made['Endpoint']['Port']}"
    assert url == f"postgresql://stats:{password}@{where}/stats?sslmode=require"
    assert dagster == url.replace("/stats?", "/postgres?").replace("postgresql://", secrets.DRIVER)
    assert not any(password in line for line in account.said)


def own_database(account: Account) -> None:
    account.variables |= {"DB_URI": "", "DAGSTER_DB_URI": "", "DB_INSTANCE_CLASS": "db.t4g.large"}


def test_the_alarms(account: Account) -> None:
    account.variables["ALARM_EMAIL"] = "stats@example.org"
    twice(account, lambda aws: alarms.bring(aws, account.config))
    [topic] = account.client("sns").list_topics()["Topics"]
    assert topic["TopicArn"].endswith(":stats-assets-alarms")
    [kept] = account.client("cloudwatch").list_dashboards()["DashboardEntries"]
    body = account.client("cloudwatch").get_dashboard(DashboardName=kept["DashboardName"])["DashboardBody"]
    assert len(json.loads(body)["widgets"]) == 5


def test_alarms_and_dashboard_name_metrics_that_watch_says() -> None:
    said = set()
    for line in watched():
        directive = line["_aws"]["CloudWatchMetrics"][0]
        [names] = directive["Dimensions"]
        stream = line.get("Stream")
        assert names == ["Cluster", "Stream"] if stream else ["Cluster"]
        said |= {(directive["Namespace"], one["Name"], stream) for one in directive["Metrics"]}
    found = resources("alarms")
    looked_at = set()
    for one in found.values():
        if one["Type"] == "AWS::CloudWatch::Alarm":
            properties = one["Properties"]
            dimensions = {each["Name"]: each["Value"] for each in properties["Dimensions"]}
            looked_at.add((properties["Namespace"], properties["MetricName"], dimensions.get("Stream")))
            assert (properties["TreatMissingData"], properties["AlarmActions"]) == (
                "breaching",
                ["Ref Topic"],
            )
    assert {metric for _, metric, _ in looked_at} == {
        *("Lag", "SinceCommit", "SinceTick", "SinceHeartbeat", "FailedRuns")
    }
    assert {stream for _, _, stream in looked_at} == {*STREAMS, None}
    body = json.loads(found["Dashboard"]["Properties"]["DashboardBody"].removeprefix("Sub "))
    shown = [metric for widget in body["widgets"] for metric in widget["properties"].get("metrics", [])]
    looked_at |= {(one[0], one[1], one[5] if len(one) > 4 else None) for one in shown}
    assert looked_at == said


def watched() -> list[dict[str, Any]]:
    """What `stats-assets watch` prints when nothing is unknown."""
    now = datetime.now(UTC)
    known: dict[str, Any] = {one.name: [] for one in fields(StreamStatus)}
    stream = StreamStatus(**known | {"lag_seconds": 1.0, "rate": 1.0, "committed_at": now, "ticked_at": now})
    status = Status(dict.fromkeys(STREAMS, stream), 0)
    return [json.loads(line) for line in metrics.lines("here", status, metrics.Dagster(1.0, 0), now)]


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


def test_stop_status_down_and_start_again(running: Account) -> None:
    config = running.config
    with pytest.raises(Refused, match="make stop-service"):
        cluster.down(running.aws(), config)
    running.said.clear()
    services.status(running.aws(), config)
    assert [line.split(":")[0] for line in running.said[:3]] == ["code", "daemon", "webserver"]
    services.stop(running.aws(), config)
    assert {one["desiredCount"] for one in cluster.services(running.aws(), config)} == {0}
    running.calls.clear()
    services.stop(running.aws(), config)
    assert changes(running) == []
    none_runs()
    cluster.down(running.aws(), config)
    services.start(running.aws(), config, IMAGE)
    assert {one["desiredCount"] for one in cluster.services(running.aws(), config)} == {1}


@pytest.mark.parametrize("adopted", [False, True])
def test_destroy_removes_what_the_kit_made(account: Account, adopted: bool) -> None:
    own_database(account)
    config, ecs = account.config, account.client("ecs")
    if adopted:
        ecs.create_cluster(clusterName="stats-assets", capacityProviders=["FARGATE_SPOT"])
        account.client("iam").create_role(RoleName=config["INSTANCE_ROLE"], AssumeRolePolicyDocument="{}")
    for step in (cluster.instance_role, cluster.repository, database.bring, secrets.put, cluster.configure):
        step(account.aws(), config)
    machine = register_a_machine(account)
    services.start(account.aws(), config, IMAGE)
    alarms.bring(account.aws(), config)
    with pytest.raises(Refused, match="CONFIRM=stats-assets"):
        destroy.everything(account.aws(), config, {})
    none_runs()
    account.client("ecs").deregister_container_instance(
        cluster="stats-assets", containerInstance=machine, force=True
    )
    destroy.everything(account.aws(), config, {"CONFIRM": "stats-assets"})
    assert stacks_of(account) == ["stats-assets-database"]
    assert secrets_of(account) == ["stats-assets/database-password"]
    assert account.client("ecr").describe_repositories()["repositories"] == []
    assert account.client("servicediscovery").list_namespaces()["Namespaces"] == []
    [left] = ecs.describe_clusters(clusters=["stats-assets"])["clusters"] or [{"status": "INACTIVE"}]
    roles = [one["RoleName"] for one in account.client("iam").list_roles()["Roles"]]
    if adopted:
        assert (left["status"], left["capacityProviders"]) == ("ACTIVE", ["FARGATE_SPOT"])
        assert roles == [config["INSTANCE_ROLE"]]
    else:
        assert left["status"] == "INACTIVE"
        assert roles == []
    destroy.everything(account.aws(), config, {"CONFIRM": "stats-assets", "DESTROY_DATABASE": "stats-assets"})
    assert (stacks_of(account), secrets_of(account)) == ([], [])
    account.calls.clear()
    destroy.everything(account.aws(), config, {"CONFIRM": "stats-assets"})
    assert changes(account) == []


def none_runs() -> None:
    """moto starts no tasks, and counts those of services as running all the same."""
    for service in ecs_backends["123456789012"]["us-east-1"].services.values():
        service.running_count = 0


def stacks_of(account: Account) -> list[str]:
    done = ["CREATE_COMPLETE", "UPDATE_COMPLETE"]
    found = account.client("cloudformation").list_stacks(StackStatusFilter=done)["StackSummaries"]
    return [one["StackName"] for one in found]


def secrets_of(account: Account) -> list[str]:
    return [one["Name"] for one in account.client("secretsmanager").list_secrets()["SecretList"]]


DROPPED = {
    "cluster": {"SourcePolicy"},  # no source in S3 is configured here
    "alarms": {
        "Subscription",
        *(name for name, one in resources("alarms").items() if "Alarm" in one["Type"]),
    },
}
"""What moto does not make: asserted on the templates."""


def test_stacks_compose_file_and_instance_are_what_the_templates_say(running: Account) -> None:
    running.variables["READ_ONLY_CIDR"] = "10.0.0.0/8"
    services.start(running.aws(), running.config, IMAGE)
    alarms.bring(running.aws(), running.config)
    for part in ("cluster", "tasks", "services", "read-only", "alarms"):
        wanted = {name: one["Type"] for name, one in resources(part).items()}
        found = running.client("cloudformation").list_stack_resources(StackName=f"stats-assets-{part}")
        made = {one["LogicalResourceId"] for one in found["StackResourceSummaries"]}
        lacking = {name for name in wanted if name not in made}
        assert lacking == DROPPED.get(part, set())
    compose_agrees(running)
    image.render_instance(running.aws(), running.config)
    instance = yaml.safe_load((RENDERED / "dagster.yaml").read_text())
    kwargs = instance["run_launcher"]["config"]["run_task_kwargs"]
    assert kwargs["capacityProviderStrategy"] == running.config.strategy
    assert "password" not in (RENDERED / "dagster.yaml").read_text()


def test_fargate_needs_no_machines(account: Account) -> None:
    account.variables["LAUNCH_TYPE"] = "FARGATE"
    twice(account, lambda aws: cluster.configure(aws, account.config))
    assert account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
    cluster.up(account.aws(), account.config)
    secrets.put(account.aws(), account.config)
    register_a_machine(account)  # moto knows no other place for the migrations' task
    twice(account, lambda aws: services.start(aws, account.config, IMAGE))


def test_fargate_takes_the_sizes() -> None:
    """It has pairs of CPU and memory; the task's, which moto drops, are its container's."""
    sizes = {
        "256": {"512", "1024", "2048"},
        "512": {"1024", "2048", "3072"},
        "1024": {"2048", "4096", "8192"},
    }
    for name, one in resources("tasks").items():
        task = one["Properties"]
        [container] = task["ContainerDefinitions"]
        assert task["Memory"] in sizes[task["Cpu"]], name
        assert str(container["Memory"]) == task["Memory"]


def test_other_settings_are_another_image(account: Account) -> None:
    """A pushed tag never changes; the instance's settings are in the image."""
    with pytest.raises(Refused, match="stats-assets-cluster is not there"):
        image.address(account.aws(), account.config)
    cluster.repository(account.aws(), account.config)
    cluster.configure(account.aws(), account.config)
    before = image.address(account.aws(), account.config)
    assert before == image.address(account.aws(), account.config)
    account.variables["MAX_RUNS"] = "3"
    assert before != image.address(account.aws(), account.config)
    with pytest.raises(Refused, match="make build-container push-image"):
        image.pushed(account.aws(), account.config)


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
        "ReadOnlyTask": "RunRole",
        "WatchTask": "RunRole",
    }
    tasks = {name: one["Properties"] for name, one in resources("tasks").items()}
    assert {name: one["TaskRoleArn"] for name, one in tasks.items()} == {
        k: f"Ref {v}" for k, v in roles.items()
    }
    assert {one["ExecutionRoleArn"] for one in tasks.values()} == {"Ref ExecutionRole"}
    assert all(one["RequiresCompatibilities"] == ["Ref LaunchType"] for one in tasks.values())
    found = {
        name: one["Properties"] for name, one in resources("services").items() if name.endswith("Service")
    }
    found |= {"ReadOnlyService": resources("read-only")["Service"]["Properties"]}
    for service in found.values():
        assert service["CapacityProviderStrategy"] == [{"CapacityProvider": "Ref Provider", "Weight": 1}]
        assert "LaunchType" not in service
        assert "AssignPublicIp" not in service["NetworkConfiguration"]["AwsvpcConfiguration"]
        if "LoadBalancers" not in service:
            rolling = service["DeploymentConfiguration"]
            assert rolling == {"MaximumPercent": 100, "MinimumHealthyPercent": 0}
    assert found["CodeService"]["ServiceRegistries"] == [{"RegistryArn": "Ref Registry"}]


def test_the_webserver_is_never_open() -> None:
    found = resources("services")
    assert found["Balancer"]["Properties"]["Scheme"] == "internal"
    [ingress] = found["BalancerGroup"]["Properties"]["SecurityGroupIngress"]
    assert ingress["CidrIp"] == "Ref ClientCidr"
    assert resources("read-only")["Ingress"]["Properties"]["CidrIp"] == "Ref ClientCidr"


def test_a_second_webserver_changes_nothing_and_goes_again(running: Account) -> None:
    running.variables["READ_ONLY_CIDR"] = "10.0.0.0/8"
    twice(running, lambda aws: services.start(aws, running.config, IMAGE))
    task = running.client("ecs").describe_task_definition(taskDefinition="stats-assets-read-only")[
        "taskDefinition"
    ]
    [container] = task["containerDefinitions"]
    assert container["command"] == ["dagster-webserver", "--host", "0.0.0.0", "--port", "3000", "--read-only"]  # noqa: S104
    found = running.client("elbv2").describe_target_groups()["TargetGroups"]
    assert len(found) == 2
    running.variables["READ_ONLY_CIDR"] = ""
    services.start(running.aws(), running.config, IMAGE)
    assert stacks.find(running.aws(), "stats-assets-read-only") is None


def test_the_database_is_kept_until_its_protection_is_taken_off() -> None:
    found = resources("database")["Database"]
    assert (found["DeletionPolicy"], found["Properties"]["DeletionProtection"]) == (
        "Snapshot",
        True,
    )
    assert found["Properties"]["Port"] == "5432"


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
        "stats-assets": get_command(app),
    }
    checked = []
    for task in resources("tasks").values():
        [container] = task["Properties"]["ContainerDefinitions"]
        health = container.get("HealthCheck", {}).get("Command", ["CMD"])
        for program, *words in filter(None, (container.get("Command"), health[1:])):
            if program != "python":
                parse(programs[program], program, words)
                checked.append(program)
    assert len(checked) == 7


def parse(command: click.Command, name: str, words: list[str]) -> None:
    """Raises click.UsageError when it does not take them."""
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        found, inner, rest = command.resolve_command(context, words)
        assert inner is not None
        parse(inner, found or name, rest)
    else:
        command.make_context(name, words)
