"""A CloudFormation stack brought to what its template and parameters say; one that is there costs a look alone.

A stack at work is waited for, a failed one is named and never "up to date". The stacks' own lists say what is ours.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from deploy.kit import ownership
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config
from deploy.kit.render import parameters, template_body

MARK = "stats-assets-hash"
PATIENCE = 1800.0
MAKERS = {
    "database": "database",
    "cluster": "configure-cluster",
    "tasks": "start-service",
    "services": "start-service",
    "pages": "start-service",
    "alarms": "alarms",
}
"""The step that makes a stack."""
REVISED = "tasks"
"""The stack whose outputs are others with each change: revisions."""
CAPABILITIES = ["CAPABILITY_NAMED_IAM"]
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
BROKEN = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS")
"""It can't be updated: it holds nothing that is used, or what could not be removed."""
DETACHING = re.compile(
    r"DependencyViolation|dependent object|ResourceInUse|in use|has active|still (has|being)|being (used|deleted)"
    r"|UpdateInProgress|DeleteConflict|network interface|Rate exceeded|Throttl",
    re.IGNORECASE,
)
"""Reasons for which a deletion is tried again."""


class Expected(dict[str, str]):
    """The outputs, under dry_run, of a stack that an earlier step would have made."""

    def __init__(self, name: str, found: Mapping[str, str] | None = None) -> None:
        super().__init__(found or {})
        self._name = name

    def __missing__(self, key: str) -> str:
        return f"({key} of the stack {self._name})"


def find(aws: Aws, name: str) -> dict[str, Any] | None:
    """The stack; None: there is none."""
    try:
        found: dict[str, Any] = aws.read("cloudformation", "describe_stacks", StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def outputs(aws: Aws, name: str) -> dict[str, str]:
    """What the stack gives to others. Raises Refused when it is not there; under dry_run its names, in brackets."""
    stack = find(aws, name)
    if stack is None:
        if aws.dry_run:
            return Expected(name)
        raise Refused(
            f"The stack {name} is not there yet. First: make {MAKERS.get(name.rpartition('-')[2], 'preflight')}"
        )
    found = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    if aws.dry_run:
        return Expected(name, found)
    if not found and stack["StackStatus"] not in GOOD:
        raise Refused(f"The stack {name} is {stack['StackStatus']}. Do the step that makes it again.")
    return found


def made(aws: Aws, config: Config, part: str, kind: str) -> list[str]:
    """The physical ids of what this deployment's stack has of a type; empty where there is no such stack of ours."""
    stack = find(aws, config.named(part))
    if stack is None or not _is_ours(config, stack):
        return []
    listed = aws.pages(
        "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack["StackName"]
    )
    return [
        one["PhysicalResourceId"]
        for one in listed
        if one["ResourceType"] == kind
        and one.get("PhysicalResourceId")
        and one["ResourceStatus"] != "DELETE_COMPLETE"
    ]


def bring(
    aws: Aws,
    config: Config,
    part: str,
    values: Mapping[str, Any],
    as_it_is: Mapping[str, Any] | None = None,
    notes: Mapping[str, str] | None = None,
    *,
    stays: bool = False,
) -> dict[str, str]:
    """Create the stack of that template, or update it if template or values are others now; its outputs.

    as_it_is: parameters that others set meanwhile; an update must say them, and they are no reason for one. notes:
    tags, no reason either. stays: an update that fails stays where it is, as what was there before would not work any
    more. Raises Refused when the stack is another's, or fails.
    """
    name, body = config.named(part), template_body(part)
    mark = _mark(body, parameters(values))
    stack = _settled(aws, config, part)
    if stack is not None and _is_up_to_date(stack, mark):
        aws.say(f"stack {name}: up to date")
        return outputs(aws, name)
    more = [{"Key": key, "Value": value} for key, value in (notes or {}).items()]
    arguments: dict[str, Any] = {
        "StackName": name,
        "TemplateBody": body,
        "Parameters": parameters({**values, **(as_it_is or {})}),
        "Capabilities": CAPABILITIES,
        "Tags": [{"Key": MARK, "Value": mark}, *ownership.tags(config), *more],
    }
    verb = "create" if stack is None else "update"
    arguments |= {"DisableRollback": True} if stays and stack is not None else {}
    try:
        aws.change(f"{verb} stack {name}", "cloudformation", f"{verb}_stack", **arguments)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise
        aws.say(f"stack {name}: has what it should have, though its last change failed")
        return outputs(aws, name)
    aws.until(f"stack {name}", lambda: _is_complete(aws, name), PATIENCE, "Its events say why.")
    aws.done(f"stack {name}: ready")
    another = stack is None or part == REVISED
    return Expected(name) if aws.dry_run and another else outputs(aws, name)


def is_up_to_date(aws: Aws, config: Config, part: str, values: Mapping[str, Any]) -> bool:
    """Whether `bring` would change nothing; a stack at work is waited for first."""
    stack = _settled(aws, config, part)
    return stack is not None and _is_up_to_date(stack, _mark(template_body(part), parameters(values)))


def note(stack: Mapping[str, Any] | None, key: str) -> str | None:
    """What a tag of the stack says."""
    return next((one["Value"] for one in (stack or {}).get("Tags", []) if one["Key"] == key), None)


def _mark(body: str, given: list[dict[str, str]]) -> str:
    return hashlib.sha256(json.dumps([body, given]).encode()).hexdigest()


def _is_up_to_date(stack: Mapping[str, Any], mark: str) -> bool:
    return stack["StackStatus"] in GOOD and note(stack, MARK) == mark


def _is_ours(config: Config, stack: Mapping[str, Any]) -> bool:
    return ownership.is_ours(config, stack.get("Tags", []), named=True)


def _at_work(stack: Mapping[str, Any] | None) -> bool:
    status = stack["StackStatus"] if stack else ""
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def _wait(aws: Aws, name: str, status: str) -> None:
    aws.say(f"stack {name} is {status}: {'would wait' if aws.dry_run else 'waiting'} for it")
    aws.until(f"stack {name}", lambda: not _at_work(find(aws, name)), PATIENCE, "Its events say why.")


def _settled(aws: Aws, config: Config, part: str) -> dict[str, Any] | None:
    """The stack when nothing is at work in it; None: there is none, or a failed one was removed. Raises Refused."""
    name = config.named(part)
    stack = find(aws, name)
    if stack is None:
        return None
    if not _is_ours(config, stack):
        raise Refused(
            f"There is a stack {name} that {ownership.owner(config, stack.get('Tags', [])).value} made."
            " It is not changed: take another CLUSTER_NAME."
        )
    if _at_work(stack):
        _wait(aws, name, stack["StackStatus"])
        stack = find(aws, name)
        if stack is None:
            return None
    status = stack["StackStatus"]
    if status == "UPDATE_ROLLBACK_FAILED":
        raise Refused(
            f"The stack {name} is {status}: {failures(aws, stack)}. Mend that, then:"
            f" aws cloudformation continue-update-rollback --stack-name {name}"
        )
    if status in BROKEN:
        aws.say(f"stack {name} is {status}, and made anew. {failures(aws, stack)}".rstrip())
        remove(aws, config, part)
        return None
    return stack


def failures(aws: Aws, stack: Mapping[str, Any], most: int = 3) -> str:
    """What went wrong in the stack's last operation, its cause first."""
    events = aws.read("cloudformation", "describe_stack_events", StackName=stack["StackId"])["StackEvents"]
    found = []
    for one in events:  # the newest first
        status = one["ResourceStatus"]
        if status.endswith("FAILED") and "cancelled" not in one.get("ResourceStatusReason", ""):
            found.append(f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', status)}")
        begins = status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
        if begins and one.get("PhysicalResourceId") == stack["StackId"]:
            break
    return "; ".join(reversed(found[-most:]))


def _is_complete(aws: Aws, name: str) -> bool:
    stack = find(aws, name)
    if stack is None:
        raise Refused(f"The stack {name} was removed while it was made.")
    status = str(stack["StackStatus"])
    if "ROLLBACK" in status or status.endswith("FAILED"):
        raise Refused(f"The stack {name} is {status}. {failures(aws, stack)}")
    return status in GOOD


def remove(aws: Aws, config: Config, part: str) -> None:
    """Delete the stack and wait; nothing where there is none, or another's. Raises Refused with its events.

    Tried again while AWS is still detaching what the stack holds.
    """
    name = config.named(part)
    stack = find(aws, name)
    if stack is None:
        aws.say(f"stack {name}: not there")
        return
    if not _is_ours(config, stack):
        ownership.leave(aws, config, f"stack {name}", stack.get("Tags", []))
        return
    if _at_work(stack) and stack["StackStatus"] != "DELETE_IN_PROGRESS":
        _wait(aws, name, stack["StackStatus"])
    identity = stack["StackId"]
    if stack["StackStatus"] != "DELETE_IN_PROGRESS" or aws.dry_run:
        aws.change(f"delete stack {name}", "cloudformation", "delete_stack", StackName=identity)

    def is_gone() -> bool:
        found = find(aws, identity)
        if found is None:
            return True
        if found["StackStatus"] == "DELETE_FAILED":
            why = failures(aws, found)
            if not DETACHING.search(why):
                raise Refused(f"The stack {name} can't be deleted. {why}")
            what = f"delete stack {name} again, as AWS was still at it: {why}"
            aws.change(what, "cloudformation", "delete_stack", StackName=identity)
        return False

    aws.until(f"stack {name} to go", is_gone, PATIENCE, "Its events say why.")
