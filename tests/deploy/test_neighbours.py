"""The kit beside others: every step, twice, and the end, in a cluster and an account that are not its own. Nothing that
others have is other afterwards.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy.kit import __main__ as kit
from deploy.kit import cluster, destroy, image
from deploy.kit.render import HERE
from deploy.kit.variables import AWS
from tests.deploy.conftest import (
    PAGES,
    Account,
    changes,
    new_account,
    none_runs,
    own_database,
    public_subnets,
)
from tests.deploy.neighbours import FAR, deploy_another, move_in, move_out, state
from tests.deploy.test_policy import written

ORDER = (
    *(
        "preflight",
        "check-config",
        "instance-role",
        "ecr-repository",
        "database",
        "secrets",
        "configure-cluster",
        "render",
    ),
    *("build-container", "push-image", "cluster-up", "start-service", "alarms", "status", "logs"),
)
"""README's."""
VERBS = {
    *(
        "add",
        "attach",
        "build",
        "call",
        "create",
        "delete",
        "deregister",
        "detach",
        "draw",
        "give",
        "have",
        "keep",
    ),
    *(
        "log",
        "make",
        "push",
        "put",
        "restore",
        "run",
        "start",
        "stop",
        "take",
        "then",
        "update",
        "wait",
        "write",
    ),
}
"""Each "would" is followed by one."""
ENDS = ("stop-service", "cluster-down", "destroy")
RUNS = (
    "task",
    "streams-on",
    "streams-off",
    "backfill",
    "backfill-end",
    "rotate",
    "restore",
)
"""Done in test_task.py, test_backfill.py and test_upgrades.py, here only said."""
ELSEWHERE = ("task-stop", "rollback", "patch-machines", "docker-compose.deploy.yml")
"""They refuse in this story, as there is no such task and no earlier image; moto has no instance refresh."""
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}


@dataclass
class Story:
    """What the account held before and after, the changing calls of each step's second time, and all calls."""

    account: Account
    before: dict[str, Any] = field(default_factory=dict)
    again: dict[str, list[str]] = field(default_factory=dict)
    stopped: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    alone: dict[str, Any] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)
    dry: dict[str, list[str]] = field(default_factory=dict)
    machines: set[str] = field(default_factory=set)
    said_dry: dict[str, list[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story(moto: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("neighbours")
    with pytest.MonkeyPatch.context() as patch:
        account = new_account(moto, patch)
        _containers(folder, patch)
        try:
            yield told(account)
        finally:
            shutil.rmtree(HERE / "rendered" / folder.name, ignore_errors=True)


def told(account: Account) -> Story:
    found = Story(account)
    move_in(account)
    # Production shares role and repository with the test deployment, as the templates of before had it.
    shared = {"INSTANCE_ROLE": "shared", "ECR_REPO": "shared"}
    deploy_another(account, account.variables["AWS_REGION"], CLUSTER_NAME="production", **shared)
    far = deploy_another(account, FAR)
    account.variables |= shared | {"READ_ONLY_CIDR": "10.0.0.0/8", "AWS_LOG_GROUP": "stats-assets"}
    account.variables |= PAGES | {
        "PAGES_SUBNETS": public_subnets(account),
        "PAGES_DB_URI": "",
        "MAX_INSTANCES": "6",
    }
    account.variables["PAGES_CERTIFICATE_ARN"] = account.variables["CERTIFICATE_ARN"]
    own_database(account)
    found.calls |= {*account.calls}
    account.calls.clear()
    found.before = state(account)
    _dry(found, "empty", ORDER)
    for step in ORDER:
        _step(found, step)
        found.calls |= {*account.calls}
        account.calls.clear()
        _step(found, step)
        found.again[step] = changes(account)
        found.calls |= {*account.calls}
    _dry(found, "full", (*RUNS, *ENDS))
    none_runs()
    for step in ENDS[:2]:
        _step(found, step)
    found.stopped = state(account)
    found.calls |= {*account.calls}
    _our_machine_leaves(found)
    own = {"CONFIRM": "stats-assets", "DESTROY_DATABASE": "stats-assets"}
    account.calls.clear()
    destroy.everything(account.aws(), account.config, own)
    found.calls |= {*account.calls}
    found.after = state(account)
    account.calls.clear()
    destroy.everything(account.aws(), account.config, own)
    found.again["destroy"] = changes(account)
    account.calls.clear()
    move_out(account, far)
    found.calls |= {*account.calls}
    found.alone = state(account)
    return found


def _step(found: Story, name: str) -> None:
    account = found.account
    if name == "cluster-up":
        _our_machine(found)
    kit.STEPS[name][0](account.aws(), account.config)
    if name == "push-image":
        _is_pushed(account)


def _dry(found: Story, when: str, steps: tuple[str, ...]) -> None:
    """Each step under DRY_RUN, without what the earlier ones would have made."""
    account = found.account
    for step in steps:
        account.calls.clear()
        account.said.clear()
        kit.STEPS[step][0](account.aws(dry_run=True), account.config)
        found.dry[f"{when} {step}"] = changes(account)
        found.said_dry[f"{when} {step}"] = list(account.said)
        found.calls |= {*account.calls}


def _containers(folder: Path, patch: pytest.MonkeyPatch) -> None:
    program = folder / "containers"
    program.write_text("#!/bin/sh\n[ $1 != login ] || cat > /dev/null\n")
    program.chmod(0o755)
    patch.setenv("CONTAINERS", str(program))
    asked = {
        "COMMAND": "status",
        "TIME": "2026-01-31T12:00:00Z",
        "STREAM": "changesets",
        "START": "1",
        "END": "200",
        "TASKS": "2",
    }
    for name, value in asked.items():
        patch.setenv(name, value)
    patch.setattr(image, "commit", lambda: "abc")
    place = HERE / "rendered" / folder.name  # another process of tests has the usual one
    for module in ("image", "instance"):
        patch.setattr(f"deploy.kit.{module}.RENDERED", place)


def _our_machine(found: Story) -> None:
    """One of our group starts and registers."""
    account = found.account
    [group] = cluster.machines(account.aws(), account.config)
    if group["Instances"]:
        return
    account.client("autoscaling").set_desired_capacity(
        AutoScalingGroupName=group["AutoScalingGroupName"], DesiredCapacity=1
    )
    [group] = cluster.machines(account.aws(), account.config)
    found.machines = {one["InstanceId"] for one in group["Instances"]}
    document = {"instanceId": next(iter(found.machines)), "region": account.variables["AWS_REGION"]}
    account.client("ecs").register_container_instance(
        cluster="stats-assets", instanceIdentityDocument=json.dumps(document)
    )


def _our_machine_leaves(found: Story) -> None:
    """moto's stay registered."""
    ecs = found.account.client("ecs")
    arns = ecs.list_container_instances(cluster="stats-assets")["containerInstanceArns"]
    told = ecs.describe_container_instances(cluster="stats-assets", containerInstances=arns)
    [ours] = [
        one["containerInstanceArn"]
        for one in told["containerInstances"]
        if one["ec2InstanceId"] in found.machines
    ]
    ecs.deregister_container_instance(cluster="stats-assets", containerInstance=ours, force=True)


def _is_pushed(account: Account) -> None:
    full = image.address(account.aws(), account.config)
    if not image.is_pushed(account.aws(), full):
        about = {"config": {"digest": f"sha256:{'a' * 64}"}, "layers": []}
        account.client("ecr").put_image(
            repositoryName="shared",
            imageManifest=json.dumps(MANIFEST | about),
            imageTag=full.rpartition(":")[2],
        )


def differences(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What is other, or gone, of what was there."""
    return {key: (value, now.get(key)) for key, value in before.items() if now.get(key) != value}


def test_others_keep_all_that_they_had(story: Story) -> None:
    arn = next(key for key in story.before if key.endswith(":cluster/stats-assets") and "us-east-1" in key)
    adopted = story.before[arn]
    assert adopted["defaultCapacityProviderStrategy"] == []
    while_deployed = differences(story.before, story.stopped)
    assert [*while_deployed] == [arn], "the list of providers, and no more"
    assert story.stopped[arn]["capacityProviders"] == ["FARGATE_SPOT", "theirs", "stats-assets-ec2"]
    assert story.stopped[arn]["defaultCapacityProviderStrategy"] == []
    assert [*differences(story.before, story.after)] == []


def test_another_region_goes_by_itself(story: Story) -> None:
    gone = [key for key in differences(story.after, story.alone) if not key.startswith(FAR)]
    assert {key.partition(" ")[2] for key in gone} == {
        f"stats-assets-{FAR}-{part}"
        for part in ("instance", "execution", "run", "daemon", "webserver", "read-only", "pages")
    }
    assert not any(f"{FAR} cloudformation" in key or f"{FAR} ecr" in key for key in story.alone)


def test_nothing_of_ours_is_left_but_the_logs(story: Story) -> None:
    left = [key for key in story.after if key not in story.before]
    # moto leaves a deleted stack's services, ended tasks and machines; service-linked roles are the account's.
    explained = (":service/", ":task/", " Reservations ", "role AWSServiceRoleFor")
    unexplained = [key for key in left if not any(one in key for one in explained)]
    assert unexplained == ["us-east-1 logs logGroups stats-assets"]


def test_each_step_does_nothing_the_second_time(story: Story) -> None:
    built = {name: calls for name, calls in story.again.items() if calls}
    assert built == {}


def test_a_dry_run_says_would_to_the_end(story: Story) -> None:
    assert {name: calls for name, calls in story.dry.items() if calls} == {}
    assert any(line.startswith("would push") for line in story.said_dry["empty push-image"])
    ended = story.said_dry["full destroy"]
    for what in (
        "stop daemon",
        "delete stack stats-assets-cluster",
        "delete capacity provider",
        "delete secret",
    ):
        assert any(line.startswith(f"would {what}") for line in ended), what
    started = story.said_dry["empty start-service"]
    for what in (
        "create stack stats-assets-tasks",
        "run the migrations",
        "create stack stats-assets-services",
    ):
        assert any(line.startswith(f"would {what}") for line in started), what
    done = re.compile(
        r": ready$|^services: stopped|^a machine is registered|^no machines|^wrote |has left a snapshot"
        r"|^\d+ old revisions|AWS has sent"
    )
    said = [line for lines in story.said_dry.values() for line in lines]
    assert [line for line in said if done.search(line)] == []
    assert {line.split()[1] for line in said if line.startswith("would ")} <= VERBS


def test_each_call_is_among_those_that_the_policy_is_made_of(story: Story) -> None:
    assert story.calls - written() == set()
    steps = {name for name, (_, tables) in kit.STEPS.items() if AWS in tables}
    assert steps - {*ORDER, *RUNS, *ENDS, *ELSEWHERE} == set(), "each step is tried beside others"
