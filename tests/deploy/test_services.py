"""The services' steps against moto's server, twice, and the end of all; the stacks hold what the templates say."""

import pytest
import yaml

from deploy.kit import (
    alarms,
    cluster,
    database,
    destroy,
    instance,
    repository,
    role,
    secrets,
    services,
    stacks,
)
from deploy.kit.aws import Refused
from deploy.kit.render import HERE, rendered, values_of
from deploy.kit.variables import OIDC
from tests.deploy.conftest import IMAGE, Account, changes, none_runs, own_database, register_a_machine, twice
from tests.deploy.templates import resources
from tests.telling import drill


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
    new = ["cloudformation:UpdateStack", "ecs:RunTask", "cloudformation:UpdateStack"]
    services.start(running.aws(), running.config, IMAGE.replace("test", "newer"))
    assert changes(running) == new
    running.variables["DB_URI"] = "postgresql://user:another@host:5432/stats"
    secrets.put(running.aws(), running.config)
    running.calls.clear()
    services.start(running.aws(), running.config, IMAGE.replace("test", "newer"))
    assert changes(running) == new, "another password arrives"


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


def test_https_and_the_login_as_configured(running: Account) -> None:
    [balancer] = running.client("elbv2").describe_load_balancers()["LoadBalancers"]
    arn, address = balancer["LoadBalancerArn"], balancer["DNSName"]
    [listener] = running.client("elbv2").describe_listeners(LoadBalancerArn=arn)["Listeners"]
    assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
    assert "Dagster's UI, inside the VPC: https://stats.example.org" in running.said
    assert f"stats.example.org is to be a CNAME (or an alias) of {address} in your DNS" in running.said
    running.said.clear()
    running.variables |= dict.fromkeys(("CERTIFICATE_ARN", "UI_HOST", *OIDC), "")
    running.variables |= {"PLAIN_HTTP": "yes", "NO_LOGIN": "yes"}
    services.start(running.aws(), running.config, IMAGE)
    assert f"Dagster's UI, inside the VPC: http://{address}" in running.said
    assert "NO_LOGIN: nobody has to log in" in running.said


def test_a_dry_run_of_the_first_start(account: Account) -> None:
    cluster.configure(account.aws(), account.config)
    secrets.put(account.aws(), account.config)
    account.calls.clear()
    services.start(account.aws(dry_run=True), account.config, IMAGE)
    assert changes(account) == []
    assert "would run the migrations, as one task" in account.said


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


def test_fargate_needs_no_machines(account: Account) -> None:
    account.variables["LAUNCH_TYPE"] = "FARGATE"
    twice(account, lambda aws: cluster.configure(aws, account.config))
    assert account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
    cluster.up(account.aws(), account.config)
    secrets.put(account.aws(), account.config)
    register_a_machine(account)  # moto knows no other place for the migrations' task
    twice(account, lambda aws: services.start(aws, account.config, IMAGE))


DROPPED = {
    "cluster": {"SourcePolicy", "ExecPolicy"},  # neither a source in S3 nor a shell is configured here
    "alarms": {
        *("Subscription", "TopicPolicy"),
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
    text = instance.files(running.aws(), running.config)["dagster.yaml"].decode()
    told = yaml.safe_load(text)
    kwargs = told["run_launcher"]["config"]["run_task_kwargs"]
    assert kwargs["capacityProviderStrategy"] == running.config.strategy
    assert "password" not in text


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


@pytest.mark.parametrize("adopted", [drill(False), True])
def test_destroy_removes_what_the_kit_made(account: Account, adopted: bool) -> None:
    own_database(account)
    config, ecs = account.config, account.client("ecs")
    if adopted:
        ecs.create_cluster(clusterName="stats-assets", capacityProviders=["FARGATE_SPOT"])
    for step in (role.bring, repository.uri, database.bring, secrets.put, cluster.configure):
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
    found = account.client("iam").list_roles()["Roles"]
    roles = [one["RoleName"] for one in found if not one["Path"].startswith("/aws-service-role/")]
    assert roles == []
    if adopted:
        assert (left["status"], left["capacityProviders"]) == ("ACTIVE", ["FARGATE_SPOT"])
    else:
        assert left["status"] == "INACTIVE"
    destroy.everything(account.aws(), config, {"CONFIRM": "stats-assets", "DESTROY_DATABASE": "stats-assets"})
    assert (stacks_of(account), secrets_of(account)) == ([], [])
    account.calls.clear()
    destroy.everything(account.aws(), config, {"CONFIRM": "stats-assets"})
    assert changes(account) == []
    role.bring(account.aws(), config)
    cluster.configure(account.aws(), config)
    assert "logs:CreateLogGroup" not in account.calls, "the logs are still there"


def stacks_of(account: Account) -> list[str]:
    done = ["CREATE_COMPLETE", "UPDATE_COMPLETE"]
    found = account.client("cloudformation").list_stacks(StackStatusFilter=done)["StackSummaries"]
    return [one["StackName"] for one in found]


def secrets_of(account: Account) -> list[str]:
    return [one["Name"] for one in account.client("secretsmanager").list_secrets()["SecretList"]]


def test_a_migration_that_is_at_work_is_waited_for(running: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a start which was ended: two at a time would change the same tables."""
    at_work = ["RUNNING", "RUNNING", "STOPPED"]
    monkeypatch.setattr(services, "STARTED_BY", "earlier")
    running.client("ecs").run_task(
        cluster="stats-assets",
        taskDefinition="stats-assets-daemon",
        startedBy="earlier",
    )
    aws = running.aws()
    read = aws.read

    def told(service: str, operation: str, /, **arguments: object) -> object:
        answer = read(service, operation, **arguments)
        if operation == "describe_tasks" and len(at_work) > 1:
            assert "ecs:RunTask" not in running.calls
            answer["tasks"][0]["lastStatus"] = at_work.pop(0)
        return answer

    monkeypatch.setattr(aws, "read", told)
    running.calls.clear()
    services.start(aws, running.config, IMAGE.replace("test", "newer"))
    assert len(at_work) == 1
    assert "ecs:RunTask" in running.calls
