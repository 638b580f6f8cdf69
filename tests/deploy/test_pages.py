"""Pages for people on AWS: what the variables must say, a stack of its own, stopped, removed; who may reach what."""

from pathlib import Path
from typing import Any

import pytest

from deploy.kit import alarms, cluster, cost, database, instance, preflight, secrets, services, stacks
from deploy.kit.aws import Refused
from deploy.kit.config import ConfigError, load
from deploy.kit.render import template_body
from deploy.kit.variables import AWS
from stats_assets.cli.migrate import PAGES_READER
from stats_assets.settings import Settings
from tests.deploy.conftest import IMAGE, PAGES, Account, changes, own_database, public_subnets, twice
from tests.deploy.templates import resources
from tests.deploy.test_config import GOOD
from tests.deploy.test_templates import environment

NAME = "stats-assets/pages-database-url"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        *(
            ({name: ""}, f"{name} is not set, and PAGES is yes. An example: ")
            for name in ("PEOPLE", "CONTACT", "PAGES_SUBNETS", "PAGES_HOST", "PAGES_CERTIFICATE_ARN")
        ),
        ({"PAGES_PLAIN_HTTP": "yes"}, "PAGES_PLAIN_HTTP and PAGES_CERTIFICATE_ARN can't both be set"),
        ({"PAGES_MIN": "7"}, "PAGES_MIN is 7, and PAGES_MAX 6"),
        ({"PAGES_DB_URI": ""}, "PAGES_DB_URI is not set, and neither is PAGES_DB_SECRET_ARN"),
        (
            {"PAGES_DB_SECRET_ARN": AWS["PAGES_DB_SECRET_ARN"].example},
            "PAGES_DB_URI and PAGES_DB_SECRET_ARN can't",
        ),
        ({"PAGES_DB_URI": GOOD["DB_URI"]}, "PAGES_DB_URI is DB_URI, whose login may write"),
        (
            {"PAGES_CERTIFICATE_ARN": PAGES["PAGES_CERTIFICATE_ARN"].replace("us-east-1", "eu-west-1")},
            "of eu-west-1",
        ),
        ({"PAGES_CIDR": "10.1.2.3/8"}, "The network that it is in is 10.0.0.0/8"),
        ({"PAGES_CIDR": "0.0.0.0/1"}, "That is too much of the world"),
        ({"CONTACT": "somebody"}, "CONTACT can't be"),
        ({"PEOPLE": "some"}, "It is full or names or none"),
    ],
)
def test_what_is_lacking_or_contradicts_itself_is_said(given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(AWS, environment=GOOD | PAGES | given)
    assert said in str(caught.value)


def test_none_are_made_unasked_and_all_of_the_world_may_come() -> None:
    without = load(AWS, environment=GOOD)
    assert (without.pages, "pages" in without.services) == (False, False)
    config = load(AWS, environment=GOOD | PAGES)
    assert (config["PAGES_CIDR"], config.services[-1]) == ("0.0.0.0/0", "pages")
    assert (config.all_tasks(), config.all_tasks(most=True)) == (6, 10)
    plain = GOOD | PAGES | {"PAGES_HOST": "", "PAGES_CERTIFICATE_ARN": "", "PAGES_PLAIN_HTTP": "yes"}
    assert load(AWS, environment=plain).pages
    has, lacks = ({line.what for line in cost.of(one, 3)[1]} for one in (config, without))
    assert has - lacks == {"load balancer of the pages"}


def test_they_have_a_stack_of_their_own(running: Account) -> None:
    running.variables |= PAGES | {"PAGES_CERTIFICATE_ARN": running.variables["CERTIFICATE_ARN"]}
    running.variables |= {"PAGES_SUBNETS": running.variables["SUBNETS"], "MAX_INSTANCES": "6"}
    with pytest.raises(Refused, match=r"PAGES_SUBNETS: subnet-.* has no route to an internet gateway"):
        services.start(running.aws(), running.config, IMAGE)
    running.variables["PAGES_SUBNETS"] = public_subnets(running)
    cluster.configure(running.aws(), running.config)
    secrets.put(running.aws(), running.config)
    running.said.clear()
    newer = IMAGE.replace("test", "newer")
    services.start(running.aws(dry_run=True), running.config, newer)
    assert "would create stack stats-assets-pages" in running.said
    twice(running, lambda aws: services.start(aws, running.config, newer))
    alarms.bring(running.aws(), running.config)
    assert "pages and API, for 0.0.0.0/0: https://maps.example.org" in running.said
    assert stacks.outputs(running.aws(), "stats-assets-pages")["PagesBalancer"].startswith("app/")
    ecs, elb = running.client("ecs"), running.client("elbv2")
    task = ecs.describe_task_definition(taskDefinition="stats-assets-pages")["taskDefinition"]
    [container] = task["containerDefinitions"]
    told = {one["name"]: one["value"] for one in container["environment"]}
    assert told["TRUSTED_PROXIES"] == "10.0.100.0/24,10.0.101.0/24"
    assert [one["name"] for one in container["secrets"]] == ["READ_DATABASE_URL"]
    assert f":secret:{NAME}-" in container["secrets"][0]["valueFrom"]
    [balancer] = [
        one for one in elb.describe_load_balancers()["LoadBalancers"] if one["Scheme"] == "internet-facing"
    ]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert {(one["Port"], one["DefaultActions"][0]["Type"]) for one in listeners} == {
        (443, "forward"),
        (80, "redirect"),
    }
    services.stop(running.aws(), running.config)
    assert {one["desiredCount"] for one in cluster.services(running.aws(), running.config)} == {0}
    services.start(running.aws(), running.config, newer)
    assert {
        one["serviceName"]: one["desiredCount"] for one in cluster.services(running.aws(), running.config)
    } == {"code": 1, "daemon": 1, "webserver": 1, "watch": 1, "pages": 2}
    running.variables["PAGES"] = "no"
    services.start(running.aws(), running.config, IMAGE)
    assert stacks.find(running.aws(), "stats-assets-pages") is None


def test_on_the_kits_own_database_their_login_is_made(account: Account) -> None:
    own_database(account)
    account.variables |= PAGES | {"PAGES_DB_URI": ""}
    database.bring(account.aws(), account.config)
    twice(account, lambda aws: secrets.put(aws, account.config))
    value = account.client("secretsmanager").get_secret_value(SecretId=NAME)["SecretString"]
    assert value.startswith(f"postgresql://{database.PAGES}:")
    assert "/stats?" in value
    account.calls.clear()
    account.variables["PAGES_SUBNETS"] = account.variables["SUBNETS"]
    said = preflight.balancer_of_pages
    with pytest.raises(Refused, match="no route to an internet gateway"):
        said(account.aws(), account.config)
    assert changes(account) == []


def statement(role: str) -> Any:
    return resources("cluster")[role]["Properties"].get("Policies")


@pytest.mark.parametrize("name", ["PEOPLE", "CONTACT", "TRUSTED_PROXIES"])
def test_what_the_kit_tells_them_is_not_told_beside(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "FOLDER", tmp_path)
    example = {"PEOPLE": "full", "CONTACT": "a@example.org", "TRUSTED_PROXIES": "10.0.0.0/8"}[name]
    (tmp_path / instance.SETTINGS).write_text(f"{name}={example}\n")
    with pytest.raises(Refused, match=f"{name} is not set here"):
        instance.check(image=True)


def test_who_is_asked_by_the_world_knows_nothing_else() -> None:
    given = environment("Task", "pages")
    assert not {"DATABASE_URL", "DAGSTER_DB_URI", "RUN_TASK_DEFINITION"} & {*given}
    assert {one.lower() for one in given} - {"aws_default_region"} <= {
        *Settings.model_fields,
        *("start_limit_seconds", "dagster_daemon_heartbeat_tolerance"),
    }
    assert statement("PagesRole") is None
    assert "PagesRole" not in resources("cluster")["ExecPolicy"]["Properties"]["Roles"]
    has = {
        (task, name)
        for task in resources("tasks")
        for name, one in environment(task).items()
        if one == "Ref PagesSecret"
    }
    assert (has, given["READ_DATABASE_URL"]) == ({("DaemonTask", PAGES_READER)}, "Ref Secret")
    found = resources("pages")
    assert found["Task"]["Properties"]["TaskRoleArn"] == "Ref Role"
    service = found["Service"]["Properties"]
    network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["SecurityGroups"] == ["Ref SecurityGroup", "Ref Group"], (
        "that of the others reaches the code server"
    )
    assert "DesiredCount" not in service, "a deployment would undo what the scaling has done"
    assert "EnableExecuteCommand" not in service
    assert found["Targets"]["Properties"]["HealthCheckPath"] == "/ready"
    assert "strict_transport_security.header_value, Value: max-age=31536000" in template_body("pages")
    assert "x_frame_options" not in template_body("pages"), "cards are shown within others' pages"
