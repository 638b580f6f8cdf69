"""`make backfill`: room in the queue and machines for so many tasks, and all as before when it has ended, however."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.kit import backfill, cluster, machines, task
from deploy.kit.aws import Refused
from deploy.kit.backfill import Wanted, wanted
from tests.deploy.conftest import Account, changes

GOOD = {"STREAM": "augmented_diffs", "START": "7464000", "END": "7468999", "TASKS": "20"}
MANY = Wanted("augmented_diffs", 7464000, 7468999, 20)
WRONG = {
    "STREAM": {"": "STREAM can't be ''", "notes": "There are: augmented_diffs, changesets"},
    "START": {"": "START can't be ''", "-1": "START can't be '-1'", "7469000": "END 7468999 is before START"},
    "END": {"x": "END can't be 'x'", "9999999999": "up to 999999999"},
    "TASKS": {
        "": "TASKS can't be ''",
        "0": "TASKS can't be '0'",
        "201": "up to 200",
        "²": "TASKS can't be '²'",
    },
}


def test_the_variables() -> None:
    assert wanted(GOOD) == MANY
    assert task.words_of(" ".join(MANY.words)) == MANY.words, "the program takes them"
    for name, values in WRONG.items():
        for value, said in values.items():
            with pytest.raises(Refused) as refused:
                wanted(GOOD | {name: value})
            assert said in str(refused.value)
            assert "An example: make backfill" in str(refused.value) or "before" in said


def group(account: Account) -> tuple[int, list[Any]]:
    found = account.client("autoscaling")
    [one] = found.describe_auto_scaling_groups()["AutoScalingGroups"]
    return one["MaxSize"], found.describe_scheduled_actions()["ScheduledUpdateGroupActions"]


@pytest.fixture
def seen(running: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The group as it is while the task is followed; what `follow` answers is the list's first element."""
    found: list[Any] = [0]

    def follow(*_: object) -> int:
        found.append(group(running))
        if isinstance(found[0], BaseException):
            raise found[0]
        return int(found[0])

    monkeypatch.setattr(task, "follow", follow)
    yield found


def test_machines_for_so_long_and_all_as_before(running: Account, seen: list[Any]) -> None:
    config = running.config
    usual: tuple[int, list[Any]] = (4, [])
    assert backfill.run(running.aws(), config, MANY) == 0
    # 4 services, 3 live runs, 20 of the backfill, the command: 28 tasks, 3 on each m5.xlarge
    most, [action] = seen[1]
    assert (most, action["MaxSize"]) == (10, 4)
    assert group(running) == usual
    running.calls.clear()
    assert backfill.run(running.aws(), config, MANY._replace(end=7464099, tasks=2)) == 0
    assert changes(running) == ["ecs:RunTask"], "these have room"
    for trouble in (RuntimeError("lost"), KeyboardInterrupt()):
        seen[0] = trouble
        with pytest.raises(type(trouble)):
            backfill.run(running.aws(), config, MANY)
        assert group(running) == usual
    seen[0] = task.INTERRUPTED
    running.calls.clear()
    assert backfill.run(running.aws(), config, MANY) == task.INTERRUPTED
    assert "ecs:StopTask" in running.calls
    assert group(running) == usual
    assert changes(running)[0] == "autoscaling:PutScheduledUpdateGroupAction", (
        "before anything is to be paid for"
    )
    backfill.end(running.aws(), config)
    seen[0] = 0
    what_a_killed_one_has_left(running, seen)
    where_there_are_no_tasks_or_no_machines(running)


def what_a_killed_one_has_left(running: Account, seen: list[Any]) -> None:
    """Its task goes on: the same command follows it, and backfill-end ends it; the machines go back by themselves."""
    config = running.config
    killed = backfill._Machines(running.aws(), config, 10)
    killed.__enter__()
    identity = task.begin(running.aws(), config, MANY.words).rpartition("/")[2]
    task.begin(running.aws(), config, ["stats-assets", "status"])
    assert backfill.at_work(running.aws(), config, MANY._replace(tasks=5)) == identity
    assert backfill.at_work(running.aws(), config, MANY._replace(end=7469000)) == ""
    running.calls.clear()
    assert backfill.run(running.aws(), config, MANY) == 0
    assert "ecs:RunTask" not in running.calls
    assert seen[-1][0] == 10
    again = backfill._Machines(running.aws(), config, 10)
    again.__enter__()
    assert group(running)[0] == 10
    running.calls.clear()
    backfill.end(running.aws(), config)
    assert running.calls.count("ecs:StopTask") == 1, "the other task is no backfill"
    assert group(running) == (4, [])
    for one in (killed, again):
        one._over.set()


def where_there_are_no_tasks_or_no_machines(running: Account) -> None:
    running.variables["RUNS"] = "processes"
    with pytest.raises(Refused, match="RUNS is processes"):
        backfill.run(running.aws(), running.config, MANY)
    running.variables["RUNS"] = "mixed"
    running.calls.clear()
    assert backfill.run(running.aws(dry_run=True), running.config, MANY) == 0
    assert changes(running) == []
    assert any(line.startswith("would have 10 machines at most") for line in running.said)
    assert any("would run stats-assets backfill" in line for line in running.said)


def test_trunking_counts_where_the_account_has_it(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.variables["INSTANCE_TYPE"] = "m5.4xlarge"
    aws, config = account.aws(), account.config
    assert machines.tasks_each(aws, config) == 7
    monkeypatch.setattr(machines, "is_trunked", lambda _: True)
    assert machines.tasks_each(aws, config) == 16, "by size, as the interfaces are enough now"
    assert "16 tasks a machine" in cluster.room(aws, config)
    account.variables["INSTANCE_TYPE"] = "t3.2xlarge"  # a family that has no trunks
    assert machines.tasks_each(aws, account.config) == 3
