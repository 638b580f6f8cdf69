"""The steps before the services, against moto's server, twice: the second time nothing is made or changed. The calls
are recorded, as moto accepts a second Create that AWS refuses.
"""

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from deploy.kit import __main__ as kit
from deploy.kit import alarms, certificates, cluster, database, image, repository, role, rules, secrets
from deploy.kit.aws import Refused, in_words
from tests.deploy.conftest import (
    Account,
    changes,
    own_database,
    register_a_machine,
    twice,
)


def test_the_role_and_its_profile(account: Account) -> None:
    role.remove(account.aws(), account.config)
    account.calls.clear()
    twice(account, lambda aws: role.bring(aws, account.config))
    iam = account.client("iam")
    name = account.config["INSTANCE_ROLE"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [one["PolicyName"] for one in attached] == ["AmazonEC2ContainerServiceforEC2Role"]
    profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [one["RoleName"] for one in profile["Roles"]] == [name]


def test_a_role_of_others_is_used_and_never_changed(account: Account) -> None:
    iam, name = account.client("iam"), "theirs"
    account.variables["INSTANCE_ROLE"] = name
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    with pytest.raises(Refused, match=r"does not name ec2\.amazonaws\.com") as refused:
        role.bring(account.aws(), account.config)
    assert "lacks the policy" in str(refused.value)
    assert changes(account) == []
    trust = {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(
        RoleName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    policy = f"arn:aws:iam::aws:policy/{role.MACHINE_POLICY}"
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    role.bring(account.aws(), account.config)
    assert changes(account) == ["iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile"]
    role.remove(account.aws(), account.config)
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]


def test_the_repository(account: Account) -> None:
    twice(account, lambda aws: repository.uri(aws, account.config))
    [made] = account.client("ecr").describe_repositories()["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE"
    account.variables["ECR_REPO"] = made["repositoryUri"]
    account.calls.clear()
    assert repository.uri(account.aws(), account.config) == made["repositoryUri"]
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
    assert (
        url
        == f"postgresql://stats:{password}@{where}/stats?sslmode=verify-full&sslrootcert={certificates.RDS}"
    )
    assert dagster == url.replace("/stats?", "/postgres?").replace("postgresql://", secrets.DRIVER)
    assert not any(password in line for line in account.said)


def test_the_alarms(account: Account) -> None:
    account.variables["ALARM_EMAIL"] = "stats@example.org"
    twice(account, lambda aws: alarms.bring(aws, account.config))
    [topic] = account.client("sns").list_topics()["Topics"]
    assert topic["TopicArn"].endswith(":stats-assets-alarms")
    [kept] = account.client("cloudwatch").list_dashboards()["DashboardEntries"]
    body = account.client("cloudwatch").get_dashboard(DashboardName=kept["DashboardName"])["DashboardBody"]
    assert len(json.loads(body)["widgets"]) == 7


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
    with pytest.raises(Refused, match=r"no task .* take a larger one"):
        cluster.configure(account.aws(), account.config)
    account.variables["INSTANCE_TYPE"] = "m5.large"
    with pytest.raises(Refused, match="raise MAX_INSTANCES to 4"):
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


def test_a_changed_variable_takes_no_machine_away(account: Account) -> None:
    """A stack's update sends all that the template says of the group."""
    cluster.configure(account.aws(), account.config)
    register_a_machine(account)
    cluster.up(account.aws(), account.config)
    account.variables["MAX_INSTANCES"] = "5"
    twice(account, lambda aws: cluster.configure(aws, account.config))
    [group] = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (group["MinSize"], group["DesiredCapacity"], group["MaxSize"]) == (1, 1, 5)


def test_other_settings_are_another_image(account: Account) -> None:
    """A pushed tag never changes; the instance's settings are in the image."""
    with pytest.raises(Refused, match="stats-assets-cluster is not there"):
        image.address(account.aws(), account.config)
    repository.uri(account.aws(), account.config)
    cluster.configure(account.aws(), account.config)
    before = image.address(account.aws(), account.config)
    assert before == image.address(account.aws(), account.config)
    account.variables["MAX_RUNS"] = "3"
    assert before != image.address(account.aws(), account.config)
    with pytest.raises(Refused, match="make build-container push-image"):
        image.pushed(account.aws(), account.config)


def test_a_step_as_make_calls_it(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in account.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DRY_RUN", "1")
    assert kit.main(["ecr-repository"]) == 0
    monkeypatch.setenv("DRY_RUN", "0")
    for step in ("start-service", "docker-compose.deploy.yml"):
        monkeypatch.setenv("LOCAL_PORT", "3000")
        assert kit.main([step]) in (1, 2)
    assert "First: make ecr-repository" in capsys.readouterr().err
    assert account.client("ecr").describe_repositories()["repositories"] == [], "only its own step makes it"
    assert kit.main(["ecr-repository"]) == 0
    [made] = account.client("ecr").describe_repositories()["repositories"]
    assert capsys.readouterr().out.endswith(f"{made['repositoryUri']}\n")
    for step, words in {
        "start-service": "The stack stats-assets-cluster is not there yet. First: make configure-cluster",
        "streams-on": "The stack stats-assets-tasks is not there yet. First: make start-service",
        "patch-machines": "There is no group stats-assets-machines. First: make configure-cluster",
    }.items():
        assert kit.main([step]) == 1
        assert words in capsys.readouterr().err
    assert kit.main(["stop-service"]) == 0
    assert capsys.readouterr().out == "services: stats-assets has none\n"
    with monkeypatch.context() as own:
        for name, value in {"DB_URI": "", "DAGSTER_DB_URI": "", "DB_INSTANCE_CLASS": "db.t4g.large"}.items():
            own.setenv(name, value)
        own.setenv("CONFIRM", "stats-assets")
        assert kit.main(["destroy"]) == 0
    assert "The database is still there" not in capsys.readouterr().out, "it was never made"
    assert kit.main(["ecr-repository"]) == 0
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "many")
    assert kit.main(["status"]) == 1
    assert "AWS_MAX_ATTEMPTS can't be 'many'" in capsys.readouterr().err
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{account.url}/a-login-page")
    assert kit.main(["status"]) == 1
    assert "What answers in AWS's place (ecs) says HTTP 404" in capsys.readouterr().err


def test_a_profile_that_is_not_there_is_named(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The regions that there are need no profile; the first call says what is wrong with it."""
    for name, value in account.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    rules.regions.cache_clear()
    assert kit.main(["check-config"]) == 0
    for step in ("status", "preflight"):
        assert kit.main([step]) == 1
        told = "".join(capsys.readouterr())
        assert told.count("The config profile (nobody) could not be found. Say who you are") == 1
    assert "A month costs" not in told


def test_dry_runs_change_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = account.aws(dry_run=True)
    for step in (repository.uri, secrets.put, cluster.configure, image.build):
        step(aws, account.config)
    assert changes(account) == []
    assert all(f"would {what}" in "\n".join(account.said) for what in ("create stack", "create cluster"))
    account.said.clear()
    monkeypatch.setattr(image, "commit", lambda: "abc")
    image.push(aws, account.config)
    registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    assert any(line.startswith(f"would log in to {registry}: ") for line in account.said)
    assert any(line.startswith(f"would push {registry}/stats-assets:") for line in account.said)


def test_a_missing_permission_is_named() -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "CreateCluster")
    with pytest.raises(Refused, match="ecs:CreateCluster"), in_words("ecs", "create_cluster"):
        raise denied


def test_the_push(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Log in without the password in sight, build the last layer, push; what is there is not pushed again."""
    done = tmp_path / "done"
    program = tmp_path / "containers"
    program.write_text(f'#!/bin/sh\necho "$@" >> {done}; [ $1 != login ] || cat > {tmp_path}/password\n')
    program.chmod(0o755)
    monkeypatch.setenv("CONTAINERS", str(program))
    monkeypatch.setattr(image, "commit", lambda: "abc-dirty")
    repository.uri(account.aws(), account.config)
    cluster.configure(account.aws(), account.config)
    with pytest.raises(Refused, match="commit them first"):
        image.push(account.aws(), account.config)
    monkeypatch.setattr(image, "commit", lambda: "abc")
    image.push(account.aws(), account.config)
    full = image.address(account.aws(), account.config)
    login, build, push = done.read_text().splitlines()
    assert login == "login -u AWS --password-stdin 123456789012.dkr.ecr.us-east-1.amazonaws.com"
    assert (tmp_path / "password").read_text() == "123456789012-auth-token"
    assert build == f"build --platform=linux/amd64 --build-arg=IMAGE=stats-assets:{image.tag()} -t {full} ."
    assert push == f"push {full}"
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
    about = {"config": {"digest": f"sha256:{'a' * 64}"}, "layers": []}
    account.client("ecr").put_image(
        repositoryName="stats-assets",
        imageManifest=json.dumps(manifest | about),
        imageTag=full.rpartition(":")[2],
    )
    image.push(account.aws(), account.config)
    assert len(done.read_text().splitlines()) == 3
    assert image.pushed(account.aws(), account.config) == full
