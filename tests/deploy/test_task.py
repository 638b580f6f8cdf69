"""A command as a task: its words arrive as they are, it is followed, its exit code comes back; and the logs."""

import os
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from deploy.kit import __main__ as kit
from deploy.kit import cluster, logs, secrets, services, stacks, task
from deploy.kit.aws import Refused
from tests.deploy.conftest import Account, register_a_machine
from tests.deploy.templates import resources

QUERY = """SELECT tag, '$1 `ls` $(rm) "x"' AS "a b" FROM t; -- || &"""
WORDS = {
    "status": ["status"],
    "stats-assets status --json": ["status", "--json"],
    "backfill --stream changesets --start 1 --end 2": [
        *("backfill", "--stream", "changesets", "--start", "1", "--end", "2")
    ],
    "retry --stream 'changesets'": ["retry", "--stream", "changesets"],
    "sql 'SELECT 1'": ["sql", "SELECT 1"],
    "sql \"SELECT 'a b'\"": ["sql", "SELECT 'a b'"],
    "sql 'SELECT 1; rm -rf / && echo $HOME `id` > x'": ["sql", "SELECT 1; rm -rf / && echo $HOME `id` > x"],
    "streams off": ["streams", "off"],
}
WRONG = {
    "": "COMMAND is empty. An example: make task",
    "stats-assets": "COMMAND is empty",
    "stautus": "There are: status, watch",
    "dev": "COMMAND can't be 'dev'",
    "sh -c 'id'": "COMMAND can't be",
    "backfill --stream changesets --start 1": "Missing option '--end'",
    "backfill --stream notes --start 1 --end 2": "'notes' is not one of",
    "status --jsn": "No such option",
    "sql 'SELECT 1": "No closing quotation",
}


@pytest.mark.parametrize("text", WORDS)
def test_words_are_split_and_no_shell_reads_them(text: str) -> None:
    assert task.words_of(text) == ["stats-assets", *WORDS[text]]


@pytest.mark.parametrize("text", WRONG)
def test_what_the_program_would_not_take_is_refused_before_a_task_begins(text: str) -> None:
    with pytest.raises(Refused) as refused:
        task.words_of(text)
    assert WRONG[text] in str(refused.value)


def test_make_hands_them_on_as_they_are(tmp_path: Path) -> None:
    """make takes `$` for a variable, and a recipe is read by a shell."""
    makefile = (Path(kit.__file__).parents[1] / "Makefile").read_text()
    python = tmp_path / "venv" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\nprintf %s "$COMMAND"\n')
    python.chmod(0o755)
    here = tmp_path / "deploy"
    here.mkdir()
    (here / "config-aws.mk").touch()
    changed = makefile.replace("../.venv/.installed", "config-aws.mk").replace(
        ".venv/bin/python", "venv/python"
    )
    (here / "Makefile").write_text(changed)
    given = f"sql {shlex.quote(QUERY)}"
    for words, environment in (([f"COMMAND={given}"], {}), ([], {"COMMAND": given})):
        done = subprocess.run(  # noqa: S603
            ["make", "-s", "task", *words],  # noqa: S607
            cwd=here,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == given


def say_as(account: Account, stream: str, *lines: str) -> None:
    """What the awslogs driver does for a container."""
    kept, where = account.client("logs"), {"logGroupName": "stats-assets", "logStreamName": stream}
    if not kept.describe_log_streams(logGroupName="stats-assets", logStreamNamePrefix=stream)["logStreams"]:
        kept.create_log_stream(**where)
    now = int(time.time() * 1000)
    events = [{"timestamp": now + n, "message": line} for n, line in enumerate(lines)]
    kept.put_log_events(**where, logEvents=events)


def test_a_task_is_followed_to_its_end_and_can_be_left(
    running: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    aws, config = running.aws(), running.config
    aws.client("ecs").meta.events.register(
        "provide-client-params.ecs.RunTask", lambda params, **_: asked.append(params), unique_id="task"
    )
    words = task.words_of(f"sql {shlex.quote(QUERY)}")
    arn = task.begin(aws, config, words)
    [given] = asked
    assert given["overrides"]["containerOverrides"] == [{"name": "run", "command": words}]
    assert ":task-definition/stats-assets-run:" in given["taskDefinition"]
    assert given["capacityProviderStrategy"] == config.strategy
    identity = arn.rpartition("/")[2]
    say_as(running, f"run/run/{identity}", "one", "two")
    running.said.clear()
    assert task.follow(aws, config, identity) == 0
    said = [line.rpartition(" ")[2] for line in running.said]
    assert (said.count("one"), said.count("two")) == (1, 1)
    assert running.said[-1] == "ended with exit code 0"

    ended = {"lastStatus": "STOPPED", "containers": [{"name": "run", "exitCode": 3}]}
    with monkeypatch.context() as patched:
        patched.setattr(task, "look", lambda *_: ended)
        assert task.follow(aws, config, identity) == 3
        ended |= {"stoppedReason": "CannotPullContainerError: no", "containers": [{"name": "run"}]}
        with pytest.raises(Refused, match="without an exit code: CannotPullContainerError"):
            task.follow(aws, config, identity)
        patched.setattr(task, "look", lambda *_: ended | {"lastStatus": "RUNNING"})
        patched.setattr("time.sleep", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        assert task.follow(aws, config, identity) == 130
        assert running.said[-1].endswith(f"To end it: make task-stop TASK={identity}")
    with pytest.raises(Refused, match="ECS knows no task 0a1b"):
        task.follow(aws, config, "0a1b")
    task.stop(aws, config, identity)
    assert "ecs:StopTask" in running.calls
    aws.client("ecs").meta.events.unregister("provide-client-params.ecs.RunTask", unique_id="task")
    a_task_without_a_place_is_named(running)
    a_step_hands_the_exit_code_on(running, monkeypatch)


def a_step_hands_the_exit_code_on(running: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in running.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(task, "follow", lambda *_: 7)
    monkeypatch.setenv("COMMAND", "status --json")
    assert kit.main(["task"]) == 7
    assert kit.main(["streams-on"]) == 7
    monkeypatch.setenv("COMMAND", "nonsense")
    assert kit.main(["task"]) == 1
    assert kit.main(["task-stop"]) == 1
    monkeypatch.setenv("DRY_RUN", "1")
    monkeypatch.setenv("COMMAND", "status")
    assert kit.main(["task"]) == 0


def a_task_without_a_place_is_named(running: Account) -> None:
    aws = running.aws()
    aws.change = lambda *_, **__: {"tasks": [], "failures": [{"reason": "RESOURCE:ENI"}]}  # type: ignore[method-assign]
    with pytest.raises(Refused, match=r"RESOURCE:ENI.*make cluster-up"):
        task.begin(aws, running.config, ["stats-assets", "status"])
    with pytest.raises(Refused, match="COMMAND is too long"):
        task.begin(aws, running.config, ["stats-assets", "sql", "x" * 9000])


def test_the_logs(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.show(account.aws(), account.config, "daemon", follow=True)
    assert account.said[-1].startswith("There is no log group stats-assets yet: make configure-cluster")
    cluster.configure(account.aws(), account.config)
    logs.show(account.aws(), account.config, "daemon")
    assert account.said[-1] == "daemon has said nothing in 30 minutes"
    say_as(account, "daemon/daemon/1", "at work\n")
    for service in ("daemon", "migration"):
        logs.show(account.aws(), account.config, service, "120")
        assert account.said[-1].endswith(" at work")
    for service, minutes, said in (
        ("deamon", "", "SERVICE can't be 'deamon'. There are: code, daemon, webserver"),
        ("daemon", "soon", "MINUTES can't be 'soon'"),
        ("daemon", "0", "MINUTES can't be '0'"),
    ):
        with pytest.raises(Refused) as refused:
            logs.show(account.aws(), account.config, service, minutes)
        assert said in str(refused.value)
    looks = []

    def later(_: float) -> None:
        looks.append(1)
        if len(looks) > 2:
            raise KeyboardInterrupt
        say_as(account, "daemon/daemon/1", f"look {len(looks)}")

    monkeypatch.setattr("time.sleep", later)
    account.said.clear()
    logs.show(account.aws(), account.config, "daemon", follow=True)
    assert [line.partition(" ")[2] for line in account.said[:-1]] == ["at work", "look 1", "look 2"]


def test_the_code_server_is_where_the_store_is(account: Account) -> None:
    account.variables["STORE"] = "yes"
    cluster.configure(account.aws(), account.config)
    register_a_machine(account)
    secrets.put(account.aws(), account.config)
    services.start(account.aws(), account.config, "stats:1")
    ecs = account.client("ecs")
    for name in ("code", "daemon", "webserver", "watch", "run"):
        found = ecs.describe_task_definition(taskDefinition=f"stats-assets-{name}")["taskDefinition"]
        places = {one.get("host", {}).get("sourcePath") for one in found["volumes"]} - {None}
        mounted = {one["containerPath"] for one in found["containerDefinitions"][0]["mountPoints"]}
        assert places == ({"/store"} if name == "code" else set()), name
        assert mounted == ({"/tmp", "/store"} if name == "code" else {"/tmp"}), name  # noqa: S108
    told = account.client("cloudformation").describe_stacks(StackName="stats-assets-services")["Stacks"][0]
    given = {one["ParameterKey"]: one["ParameterValue"] for one in told["Parameters"]}
    assert (given["CodeProvider"], given["Provider"]) == ("stats-assets-store", "stats-assets-ec2")


def test_a_shell_is_had_only_where_it_is_asked_for(account: Account) -> None:
    account.variables["EXEC"] = "yes"
    cluster.configure(account.aws(), account.config)
    register_a_machine(account)
    secrets.put(account.aws(), account.config)
    services.start(account.aws(), account.config, "stats:1")
    made = stacks.outputs(account.aws(), account.config.named("cluster"))
    for role in ("RunRole", "DaemonRole", "WebserverRole"):
        name = made[role].rpartition("/")[2]
        assert "exec" in account.client("iam").list_role_policies(RoleName=name)["PolicyNames"]
    ecs = account.client("ecs")
    for name in ("code", "daemon", "webserver", "watch", "run"):
        found = ecs.describe_task_definition(taskDefinition=f"stats-assets-{name}")["taskDefinition"]
        assert found["containerDefinitions"][0]["readonlyRootFilesystem"] in (False, "false")
    for part in ("services", "read-only"):
        for one in resources(part).values():
            if one["Type"] == "AWS::ECS::Service":
                assert one["Properties"]["EnableExecuteCommand"] == "If"
