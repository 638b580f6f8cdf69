"""What can be undone, and what says that it can't: migrations, rollback, password, version and size, restore."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.kit import (
    cluster,
    database,
    deployed,
    image,
    repository,
    rest,
    restore,
    rollback,
    rotate,
    secrets,
    services,
    stacks,
)
from deploy.kit.aws import Aws, Refused
from tests.deploy.conftest import IMAGE, Account, changes, own_database, register_a_machine
from tests.deploy.templates import resources

NEWER = IMAGE.replace("test", "newer")


@pytest.fixture
def own(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Services that run on a database of the kit's, in an account that says of each task what `ends` says."""
    own_database(account)
    monkeypatch.setattr(image, "is_pushed", lambda *_: True)
    repository.uri(account.aws(), account.config)
    database.bring(account.aws(), account.config)
    cluster.configure(account.aws(), account.config)
    register_a_machine(account)
    secrets.put(account.aws(), account.config)
    services.start(account.aws(), account.config, IMAGE)
    account.calls.clear()
    account.said.clear()
    yield account


def parameter(account: Account, name: str, part: str = "services") -> str:
    stack = stacks.find(account.aws(), f"stats-assets-{part}")
    assert stack is not None
    return next(str(one["ParameterValue"]) for one in stack["Parameters"] if one["ParameterKey"] == name)


def order(account: Account, *wanted: str) -> list[str]:
    return [call for call in account.calls if call in wanted]


def a_run(account: Account) -> str:
    """At work: its task's ARN."""
    made = account.client("ecs").run_task(cluster="stats-assets", taskDefinition="stats-assets-run", count=1)
    return str(made["tasks"][0]["taskArn"])


def desired(account: Account) -> dict[str, int]:
    found = cluster.services(account.aws(), account.config)
    return {one["serviceName"]: one["desiredCount"] for one in found}


def url(account: Account, name: str = "database-url") -> str:
    kept = account.client("secretsmanager").get_secret_value(SecretId=f"stats-assets/{name}")
    return str(kept["SecretString"])


def exits(monkeypatch: pytest.MonkeyPatch, *codes: int) -> None:
    """So do the next tasks of the kit's end."""
    left = iter(codes)
    now: list[int] = []

    def ended(*_: Any) -> dict[str, Any]:
        if not now:
            now.append(next(left))
        code = now[0] if len(now) == 1 else now.pop()
        return {"lastStatus": "STOPPED", "containers": [{"exitCode": code}], "stoppedReason": "its own end"}

    def run(*arguments: Any) -> Any:
        now.clear()
        return original(*arguments)

    original = services._one_task
    monkeypatch.setattr(services, "_one_task", run)
    monkeypatch.setattr(services, "_task", ended)


def test_a_forward_only_revision_says_so_ends_the_runs_and_keeps_a_copy(
    own: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    exits(monkeypatch, services.FORWARD_ONLY, 1)
    with pytest.raises(Refused, match="services stay as they are"):
        services.start(own.aws(), own.config, NEWER)
    assert deployed.image(own.aws(), own.config) == IMAGE
    assert set(desired(own).values()) == {1}, "the daemon goes on with the old code"
    rds = own.client("rds")
    [kept] = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    rds.delete_db_snapshot(
        DBSnapshotIdentifier=kept["DBSnapshotIdentifier"]
    )  # a second later it has another name
    own.calls.clear()
    exits(monkeypatch, services.FORWARD_ONLY, 0)
    services.start(own.aws(), own.config, NEWER)
    assert any("make rollback will be refused" in line for line in own.said)
    steps = order(
        own, "ecs:RunTask", "ecs:UpdateService", "rds:CreateDBSnapshot", "cloudformation:UpdateStack"
    )
    assert steps == [
        *("ecs:RunTask", "ecs:UpdateService", "rds:CreateDBSnapshot"),
        *("ecs:RunTask", "cloudformation:UpdateStack"),
    ]
    assert (parameter(own, "Rollback"), set(desired(own).values())) == ("false", {1})
    own.calls.clear()
    services.start(own.aws(), own.config, NEWER)
    assert changes(own) == []
    exits(monkeypatch, 0)
    services.start(own.aws(), own.config, IMAGE.replace("test", "newest"))
    assert parameter(own, "Rollback") == "true"


def test_at_rest_there_is_no_daemon_and_no_run(own: Account) -> None:
    run = a_run(own)
    with rest.at_rest(own.aws(), own.config, end_runs=True):
        assert desired(own)["daemon"] == 0
        [task] = own.client("ecs").describe_tasks(cluster="stats-assets", tasks=[run])["tasks"]
        assert task["desiredStatus"] == "STOPPED"
    assert set(desired(own).values()) == {1}


def test_rollback_goes_one_image_back_or_says_why_not(own: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="nothing to go back to"):
        rollback.roll_back(own.aws(), own.config)
    services.start(own.aws(dry_run=True), own.config, NEWER)
    assert [line for line in own.said if line.startswith("would ")] == [
        "would update stack stats-assets-tasks",
        "would run the migrations, as one task",
        "would update stack stats-assets-services",
    ]
    services.start(own.aws(), own.config, NEWER)
    exits(monkeypatch, 1)
    with pytest.raises(Refused, match="refuses what it can't work with"):
        rollback.roll_back(own.aws(), own.config)
    assert deployed.image(own.aws(), own.config) == NEWER, "refused: all stays as it is"
    exits(monkeypatch, 0)
    own.calls.clear()
    rollback.roll_back(own.aws(), own.config)
    assert deployed.image(own.aws(), own.config) == IMAGE
    assert {*ran(own)} == {services.MIGRATION[-1]}, "an old image may not know the option"
    with pytest.raises(Refused, match="nothing to go back to"):
        rollback.roll_back(own.aws(), own.config)
    monkeypatch.setattr(image, "is_pushed", lambda *_: False)
    with pytest.raises(Refused, match=r"not in the repository.* deployed before, the newest first: "):
        rollback.roll_back(own.aws(), own.config, "0.1.0-gone")


def ran(account: Account) -> list[str]:
    """The last words of the kit's own tasks' commands; moto lists those of active task definitions alone."""
    ecs = account.client("ecs")
    arns = ecs.list_tasks(cluster="stats-assets", family="stats-assets-daemon")["taskArns"]
    arns += ecs.list_tasks(cluster="stats-assets", family="stats-assets-daemon", desiredStatus="STOPPED")[
        "taskArns"
    ]
    found = ecs.describe_tasks(cluster="stats-assets", tasks=arns)["tasks"]
    return [one["overrides"]["containerOverrides"][0]["command"][-1] for one in found]


def test_another_password_waits_for_the_runs(own: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    before, dagster = url(own), url(own, "dagster-database-url")
    run = a_run(own)
    monkeypatch.setattr(rest, "tasks", lambda *about: [{"taskArn": run}] if len(about) == 2 else [])
    with pytest.raises(Refused, match="Nothing was changed"):
        rotate.password(own.aws(), own.config, patience=0.1)
    assert (url(own), desired(own)["daemon"]) == (before, 1)
    monkeypatch.setattr(rest, "tasks", lambda *_: [])
    own.said.clear()
    rotate.password(own.aws(dry_run=True), own.config)
    assert own.said[-1].startswith("would then put it into the secrets, and start the services")
    assert not any("up to date" in line for line in own.said)
    with monkeypatch.context() as broken:  # between the server and the secrets
        broken.setattr(secrets, "put", lambda *_: (_ for _ in ()).throw(Refused("gone")))
        with pytest.raises(Refused, match="gone"):
            rotate.password(own.aws(), own.config)
    rotate.password(own.aws(), own.config)
    about: dict[str, Any] = {"SecretId": "stats-assets/database-password"}
    stages = own.client("secretsmanager").describe_secret(**about)["VersionIdsToStages"].values()
    assert sorted(one for version in stages for one in version) == ["AWSCURRENT", "AWSPREVIOUS"]
    kept = own.client("secretsmanager").get_secret_value(**about, VersionStage="AWSCURRENT")
    for old, new in ((before, url(own)), (dagster, url(own, "dagster-database-url"))):
        assert new != old
        assert kept["SecretString"] in new
    assert (deployed.image(own.aws(), own.config), set(desired(own).values())) == (IMAGE, {1})
    assert not any(kept["SecretString"] in line for line in own.said)
    own.variables |= {
        "DB_URI": before,
        "DAGSTER_DB_URI": before.replace("/stats", "/d"),
        "DB_INSTANCE_CLASS": "",
    }
    with pytest.raises(Refused, match="not the kit's"):
        rotate.password(own.aws(), own.config)


def test_another_size_and_the_next_version(own: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the stack is told; moto does not change a database by its stack."""
    told: list[dict[str, Any]] = []

    def bring(aws: Any, config: Any, part: str, values: dict[str, Any], as_it_is: dict[str, Any]) -> None:
        told.append({**values, **as_it_is, "part": part, "daemon": desired(own)["daemon"]})

    monkeypatch.setattr(stacks, "bring", bring)
    own.variables |= {"DB_INSTANCE_CLASS": "db.r6g.large", "DB_STORAGE": "200"}
    own.client("rds").modify_db_instance(
        DBInstanceIdentifier="stats-assets-database", AllocatedStorage=300, ApplyImmediately=True
    )
    database.bring(own.aws(), own.config)
    assert told[-1]["Storage"] == 300, "it has grown by itself, and does not shrink"
    assert (told[-1]["InstanceClass"], told[-1]["EngineVersion"]) == ("db.r6g.large", database.ENGINE)
    assert told[-1]["daemon"] == 1
    own.variables["DB_ENGINE_VERSION"] = "17.6"
    database.bring(own.aws(), own.config)
    assert (told[-1]["EngineVersion"], told[-1]["daemon"]) == ("17.6", 0)
    assert desired(own)["daemon"] == 1
    own.variables["DB_ENGINE_VERSION"] = "15.9"
    with pytest.raises(Refused, match="goes forward only"):
        database.bring(own.aws(), own.config)
    version = resources("database")["Database"]["Properties"]
    assert (version["EngineVersion"], version["AllowMajorVersionUpgrade"]) == ("Ref EngineVersion", True)


def test_the_database_as_it_was(own: Account) -> None:
    rds = own.client("rds")
    for time, why in {
        "": "TIME can't be ''",
        "yesterday": "An example",
        "2026-01-31T12:00:00": "has no zone",
        "2999-01-31T12:00:00Z": "in the future",
    }.items():
        with pytest.raises(Refused, match=why):
            restore.bring_back(own.aws(), own.config, time)
    assert changes(own) == []
    at = datetime.now(UTC) - timedelta(days=1)
    for step in (lambda aws: restore.bring_back(aws, own.config, at.isoformat()), rotate_of(own)):
        own.said.clear()
        step(own.aws(dry_run=True))
        assert changes(own) == []
        assert all(
            "would" in line for line in own.said if line.startswith(("restore", "stop", "start", "give"))
        )
        assert any(line.startswith("would ") for line in own.said)
    own.client("rds").add_tags_to_resource(
        ResourceName=rds.describe_db_instances()["DBInstances"][0]["DBInstanceArn"],
        Tags=[{"Key": "which", "Value": "the one of before"}],
    )
    restore.bring_back(own.aws(), own.config, at.isoformat())
    found = {one["DBInstanceIdentifier"]: one for one in rds.describe_db_instances()["DBInstances"]}
    old = f"stats-assets-database-until-{at:%Y%m%d%H%M%S}"
    assert set(found) == {"stats-assets-database", old}
    assert "ecs:RunTask" in own.calls, "it may be of an older version, and is migrated"
    assert order(own, "rds:RestoreDBInstanceToPointInTime") == ["rds:RestoreDBInstanceToPointInTime"]
    assert set(desired(own).values()) == {1}
    password = own.client("secretsmanager").get_secret_value(SecretId="stats-assets/database-password")
    assert password["SecretString"] in url(own)
    own.calls.clear()
    restore.bring_back(own.aws(), own.config, at.isoformat())
    assert "rds:RestoreDBInstanceToPointInTime" not in own.calls, (
        "the same time again only starts the services"
    )


def rotate_of(account: Account) -> Callable[[Aws], None]:
    return lambda aws: rotate.password(aws, account.config)


def test_secrets_of_ones_own_are_given_to_the_tasks(account: Account) -> None:
    kept = account.client("secretsmanager")
    arns = {
        name: kept.create_secret(Name=f"theirs/{name}", SecretString="postgresql://…")["ARN"]
        for name in ("DB_SECRET_ARN", "DAGSTER_DB_SECRET_ARN")
    }
    account.variables |= arns | {"DB_URI": "", "DAGSTER_DB_URI": ""}
    cluster.configure(account.aws(), account.config)
    role = stacks.outputs(account.aws(), account.config.named("cluster"))["ExecutionRole"].rpartition("/")[2]
    about = {"RoleName": role, "PolicyName": "secrets"}
    policy = str(account.client("iam").get_role_policy(**about)["PolicyDocument"])
    assert all(arn in policy for arn in arns.values())
    register_a_machine(account)
    secrets.put(account.aws(), account.config)
    services.start(account.aws(), account.config, IMAGE)
    task = account.client("ecs").describe_task_definition(taskDefinition="stats-assets-run")["taskDefinition"]
    given = {one["name"]: one["valueFrom"] for one in task["containerDefinitions"][0]["secrets"]}
    assert given["DATABASE_URL"].startswith(f"{arns['DB_SECRET_ARN']}:::")
    assert given["DAGSTER_DB_URI"].startswith(f"{arns['DAGSTER_DB_SECRET_ARN']}:::")
    assert [one["Name"] for one in kept.list_secrets()["SecretList"]] == [
        "theirs/DB_SECRET_ARN",
        "theirs/DAGSTER_DB_SECRET_ARN",
    ]
    assert "GetSecretValue" not in "".join(account.calls), "the kit itself never reads them"
