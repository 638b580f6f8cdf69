"""Stacks that are at work, have failed, or are another's: waited for, removed or named, and never "up to date"."""

from typing import Any

import pytest

from deploy.kit import alarms, stacks
from deploy.kit.aws import Refused
from tests.deploy.conftest import Account, changes

NAME = "stats-assets-alarms"


@pytest.fixture
def stack(account: Account) -> Any:
    """The alarms' stack as moto holds it."""
    alarms.bring(account.aws(), account.config)
    account.calls.clear()
    account.said.clear()
    return kept()


def kept() -> Any:
    from moto.cloudformation.models import cloudformation_backends

    [found] = [
        one
        for one in cloudformation_backends["123456789012"]["us-east-1"].stacks.values()
        if one.name == NAME and one.status != "DELETE_COMPLETE"
    ]
    return found


def test_every_state_of_a_stack(account: Account, stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    find = stacks.find

    def settles(aws: Any, name: str) -> Any:
        """The next look finds it done."""
        found = find(aws, name)
        if found is None:
            return None
        one = kept()
        if one.status.endswith("IN_PROGRESS") and one.status != "REVIEW_IN_PROGRESS":
            one.status = "UPDATE_COMPLETE"
        return found

    monkeypatch.setattr(stacks, "find", settles)
    anew = ["cloudformation:DeleteStack", "cloudformation:CreateStack"]
    wanted = {
        "UPDATE_COMPLETE": [],
        "UPDATE_IN_PROGRESS": [],
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": [],
        "UPDATE_ROLLBACK_COMPLETE": ["cloudformation:UpdateStack"],
        "UPDATE_FAILED": ["cloudformation:UpdateStack"],
        "ROLLBACK_COMPLETE": anew,
        "ROLLBACK_FAILED": anew,
        "CREATE_FAILED": anew,
        "DELETE_FAILED": anew,
        "REVIEW_IN_PROGRESS": anew,
    }
    for status, calls in wanted.items():
        kept().status = status
        account.calls.clear()
        account.said.clear()
        alarms.bring(account.aws(), account.config)
        assert changes(account) == calls, status
        named = status.endswith("IN_PROGRESS") or calls == anew
        assert any(status in line for line in account.said) is named, status
        up_to_date = any(line.endswith("up to date") for line in account.said)
        assert up_to_date is (calls == []), status
    kept().status = "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(Refused, match="continue-update-rollback"):
        alarms.bring(account.aws(), account.config)


def test_anothers_stack_is_not_changed(account: Account, stack: Any) -> None:
    stack.tags = {}
    with pytest.raises(Refused, match="others made"):
        alarms.bring(account.aws(), account.config)
    stack.tags = {"made-by": "stats-assets", "stats-assets-deployment": "other/us-east-1"}
    stacks.remove(account.aws(), account.config, "alarms")
    assert account.said == [f"stack {NAME}: left, as another deployment made it."]
    assert changes(account) == []


@pytest.mark.parametrize(
    ("reason", "again"), [("resource sg-1 has a dependent object", True), ("Access denied", False)]
)
def test_a_deletion_that_fails(
    account: Account, stack: Any, reason: str, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS still detaches: again. Anything else ends at once, with the events."""
    states = iter(["DELETE_FAILED", None])
    found = dict(stacks.find(account.aws(), NAME) or {})
    account.calls.clear()

    def looked(_: Any, name: str) -> Any:
        if name == NAME:
            return found
        status = next(states)
        return found | {"StackStatus": status} if status else None

    monkeypatch.setattr(stacks, "find", looked)
    events = [{"LogicalResourceId": "TaskGroup", "ResourceStatus": "DELETE_FAILED"}]
    monkeypatch.setattr(stacks, "failures", lambda *_: f"{events[0]['LogicalResourceId']}: {reason}")
    if again:
        stacks.remove(account.aws(), account.config, "alarms")
        assert changes(account) == ["cloudformation:DeleteStack"] * 2
    else:
        with pytest.raises(Refused, match=r"can't be deleted\. TaskGroup: Access denied"):
            stacks.remove(account.aws(), account.config, "alarms")
        assert changes(account) == ["cloudformation:DeleteStack"]


def test_only_the_last_operations_failures_are_told(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def event(status: str, reason: str = "", physical: str = "x") -> dict[str, str]:
        return {
            "LogicalResourceId": "Topic",
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "PhysicalResourceId": physical,
        }

    told = [
        event("UPDATE_FAILED", "Resource update cancelled"),
        event("UPDATE_FAILED", "second"),
        event("CREATE_FAILED", "first"),
        event("UPDATE_IN_PROGRESS", physical="the-stack"),
        event("CREATE_FAILED", "long ago"),
    ]
    aws = account.aws()
    monkeypatch.setattr(aws, "read", lambda *_, **__: {"StackEvents": told})
    assert stacks.failures(aws, {"StackId": "the-stack"}) == "Topic: first; Topic: second"
