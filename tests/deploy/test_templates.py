"""What the templates say, where moto shows nothing of it: roles, strategy, alarms, commands."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import click
import pytest
from dagster._cli import cli as dagster
from dagster._daemon.cli import cli as dagster_daemon
from typer.core import TyperGroup
from typer.main import get_command

from deploy.kit.config import ConfigError, load
from deploy.kit.render import HERE, RUN_TAG, template_body
from deploy.kit.variables import AWS
from stats_assets.cli.main import app
from stats_assets.local import dagster_plain
from stats_assets.monitoring import cloudwatch
from stats_assets.monitoring.stream_status import Status, StreamStatus
from stats_assets.streams import STREAMS
from tests.deploy.templates import resources
from tests.deploy.test_config import GOOD


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
    names = set()
    for one in found.values():
        if one["Type"] == "AWS::CloudWatch::Alarm":
            properties = one["Properties"]
            names.add(properties["AlarmName"].removeprefix("Sub ${ClusterName}-"))
            if properties["Namespace"] != cloudwatch.NAMESPACE:  # of AWS's own: the test below
                continue
            dimensions = {each["Name"]: each["Value"] for each in properties["Dimensions"]}
            looked_at.add((properties["Namespace"], properties["MetricName"], dimensions.get("Stream")))
            assert (properties["TreatMissingData"], properties["AlarmActions"]) == (
                "breaching",
                ["Ref Topic"],
            )
    assert {metric for _, metric, _ in looked_at} == {
        *("Lag", "FeedAge", "SinceCommit", "SinceTick", "SinceHeartbeat", "FailedRuns", "Differences"),
        *("GivenUp", "Flagged"),
    }
    assert {stream for _, _, stream in looked_at} == {*STREAMS, None}
    body = json.loads(found["Dashboard"]["Properties"]["DashboardBody"].removeprefix("Sub "))
    shown = [metric for widget in body["widgets"] for metric in widget["properties"].get("metrics", [])]
    looked_at |= {(one[0], one[1], one[5] if len(one) > 4 else None) for one in shown}
    assert looked_at == said
    text = (HERE / "README.md").read_text()
    for name in names:
        plain = name.removeprefix("augmented-diffs").removeprefix("changesets")
        assert f"`…{plain}`" in text or f"`{name}`" in text, f"{name} is not in the README's table"


def test_alarms_of_aws_own_metrics_and_events() -> None:
    """Where there are no machines, or no database of the kit's, a missing metric is no alarm."""
    found = resources("alarms")
    alarms = {name: one["Properties"] for name, one in found.items() if "Alarm" in one["Type"]}
    own = {
        one["Namespace"]: (name, one) for name, one in alarms.items() if one["Namespace"].startswith("AWS/")
    }
    name, full = own["AWS/ECS/ManagedScaling"]
    assert (found[name]["Condition"], full["TreatMissingData"]) == ("HasMachines", "notBreaching")
    assert {one["Name"] for one in full["Dimensions"]} == {"ClusterName", "CapacityProviderName"}
    assert (full["Threshold"], full["ComparisonOperator"]) == (100, "GreaterThanThreshold")
    name, storage = own["AWS/RDS"]
    assert (found[name]["Condition"], storage["ComparisonOperator"]) == ("HasDatabase", "LessThanThreshold")
    rule = found["Deployments"]["Properties"]
    services = {one.rpartition("/")[2] for one in rule["EventPattern"]["resources"]}
    assert services == {*load(AWS, environment=GOOD | {"READ_ONLY_CIDR": "10.0.0.0/8"}).services, "pages"}
    [statement] = found["TopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    wanted = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    assert statement["Principal"]["Service"] == wanted, "or the alarms are told to nobody"


def watched() -> list[dict[str, Any]]:
    """What `stats-assets watch` prints when nothing is unknown."""
    now = datetime.now(UTC)
    known: dict[str, Any] = {one.name: [] for one in fields(StreamStatus)}
    known |= {"requests": {"day": {"heads": 1, "bodies": 1, "bytes": 1}}}
    stream = StreamStatus(**known | {"lag_seconds": 1.0, "rate": 1.0, "committed_at": now, "ticked_at": now})
    status = Status(dict.fromkeys(STREAMS, stream), 0)
    return [json.loads(line) for line in cloudwatch.lines("here", status, cloudwatch.Dagster(1.0, 0), now)]


def test_fargate_takes_the_sizes() -> None:
    """It has pairs of CPU and memory; the task's, which moto drops, are its container's."""
    sizes = {
        "256": {"512", "1024", "2048"},
        "512": {"1024", "2048", "3072"},
        "1024": {str(1024 * n) for n in range(2, 9)},
        "2048": {str(1024 * n) for n in range(4, 17)},
        "4096": {str(1024 * n) for n in range(8, 31)},
    }
    for name, one in resources("tasks").items():
        task = one["Properties"]
        [container] = task["ContainerDefinitions"]
        assert str(container["Memory"]) == task["Memory"]
        if name != "CodeTask":
            assert task["Memory"] in sizes[task["Cpu"]], name
    for runs in ("mixed", "tasks", "processes"):
        for most in range(1, 17):
            given = load(AWS, environment=GOOD | {"RUNS": runs, "MAX_RUNS": str(most)}).code_size
            assert str(given["CodeMemory"]) in sizes[str(given["CodeCpu"])], (runs, most)


def test_processes_of_the_code_server_are_few() -> None:
    with pytest.raises(ConfigError, match="RUNS processes: MAX_RUNS is 16 at most"):
        load(AWS, environment=GOOD | {"RUNS": "processes", "MAX_RUNS": "17"})


def test_what_moto_drops_is_in_the_templates() -> None:
    """Roles of tasks; strategy, network and registry of services; one daemon, never two."""
    roles = {
        "CodeTask": "RunRole",
        "DaemonTask": "DaemonRole",
        "WebserverTask": "WebserverRole",
        "RunTask": "RunRole",
        "ReadOnlyTask": "ReadOnlyRole",
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
    for name, service in found.items():
        provider = "Ref CodeProvider" if name == "CodeService" else "Ref Provider"
        assert service["CapacityProviderStrategy"] == [{"CapacityProvider": provider, "Weight": 1}]
        assert "LaunchType" not in service
        assert "AssignPublicIp" not in service["NetworkConfiguration"]["AwsvpcConfiguration"]
        if "LoadBalancers" not in service:
            rolling = service["DeploymentConfiguration"]
            assert (rolling["MaximumPercent"], rolling["MinimumHealthyPercent"]) == (100, 0)
    assert found["CodeService"]["ServiceRegistries"] == [{"RegistryArn": "Ref Registry"}]


def environment(task: str, part: str = "tasks") -> dict[str, str]:
    """Of its container, secrets too."""
    [container] = resources(part)[task]["Properties"]["ContainerDefinitions"]
    secrets = {one["Name"]: one["ValueFrom"] for one in container["Secrets"]}
    return secrets | {one["Name"]: one["Value"] for one in container["Environment"]}


def test_who_launches_runs_launches_those_of_its_own_deployment() -> None:
    """By the revision's ARN; so other runs are another daemon, too. moto does not replace by a Ref."""
    told = {name: environment(name).get("RUN_TASK_DEFINITION") for name in resources("tasks")}
    launch = ("DaemonTask", "WebserverTask", "ReadOnlyTask")
    assert told == dict.fromkeys(told) | dict.fromkeys(launch, "Ref RunTask")


def test_the_uis_do_not_know_the_statistics_database() -> None:
    without = {name for name in resources("tasks") if "DATABASE_URL" not in environment(name)}
    assert without == {"WebserverTask", "ReadOnlyTask"}


def test_who_may_end_tasks_may_end_runs_alone() -> None:
    """Other tasks of the cluster, others' among them, are not ended by what a person types into the UI."""
    ends = []
    for role in ("DaemonRole", "WebserverRole", "ReadOnlyRole", "RunRole"):
        for policy in resources("cluster")[role]["Properties"].get("Policies", []):
            for one in policy["PolicyDocument"]["Statement"]:
                if one["Action"] == "ecs:StopTask":
                    assert one["Condition"] == {
                        "StringEquals": {f"aws:ResourceTag/{RUN_TAG}": "Ref ClusterName"}
                    }
                    ends.append(role)
                elif one["Action"] == "ecs:TagResource":
                    assert one["Condition"] == {"StringEquals": {"ecs:CreateAction": "RunTask"}}
                else:
                    assert "ecs:StopTask" not in one["Action"]
    assert ends == ["DaemonRole", "WebserverRole"]


def test_the_webserver_is_never_open() -> None:
    found = resources("services")
    assert found["Balancer"]["Properties"]["Scheme"] == "internal"
    [ingress] = found["BalancerGroup"]["Properties"]["SecurityGroupIngress"]
    assert ingress["CidrIp"] == "Ref ClientCidr"
    assert resources("read-only")["Ingress"]["Properties"]["CidrIp"] == "Ref ClientCidr"
    for part in ("services", "read-only"):
        for header in ("x_frame_options", "x_content_type_options", "strict_transport_security"):
            assert f"routing.http.response.{header}.header_value" in template_body(part)


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
    from dagster_webserver.cli import dagster_webserver  # half a second, which no other worker need take

    programs = {
        "dagster": dagster,
        "dagster-daemon": dagster_daemon,
        "dagster-webserver": dagster_webserver,
        "stats-assets": get_command(app),
    }
    checked = []
    for task in (*resources("tasks").values(), resources("pages")["Task"]):
        [container] = task["Properties"]["ContainerDefinitions"]
        health = container.get("HealthCheck", {}).get("Command", ["CMD"])
        for program, *words in filter(None, (container.get("Command"), health[1:])):
            if (program, *words[:2]) == ("python", "-m", dagster_plain.__name__):
                program, *words = words[2:]
            if program != "python":
                parse(programs[program], program, words)
                checked.append(program)
    assert len(checked) == 8


def parse(command: click.Command, name: str, words: list[str]) -> None:
    """Raises click.UsageError when it does not take them."""
    if isinstance(command, TyperGroup):  # typer has a click of its own
        command.commands[words[0]].make_context(words[0], words[1:])
    elif isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        found, inner, rest = command.resolve_command(context, words)
        assert inner is not None
        parse(inner, found or name, rest)
    else:
        command.make_context(name, words)
