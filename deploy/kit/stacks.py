"""A CloudFormation stack brought to what its template and parameters say; one that is there costs a look alone."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from deploy.kit.aws import OURS, Aws, Refused
from deploy.kit.config import Config
from deploy.kit.render import parameters, template_body

MARK = "stats-assets-hash"
PATIENCE = 1800.0
CAPABILITIES = ["CAPABILITY_NAMED_IAM"]


def find(aws: Aws, name: str) -> dict[str, Any] | None:
    """The stack; None: there is none."""
    try:
        found: dict[str, Any] = aws.read("cloudformation", "describe_stacks", StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return found


def outputs(aws: Aws, name: str) -> dict[str, str]:
    """What the stack gives to others. Raises Refused when it is not there."""
    stack = find(aws, name)
    if stack is None:
        raise Refused(
            f"The stack {name} is not there yet. Make it first: see deploy/README.md for the order."
        )
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}


def bring(
    aws: Aws,
    config: Config,
    part: str,
    values: Mapping[str, Any],
    as_it_is: Mapping[str, Any] | None = None,
    *,
    stays: bool = False,
) -> dict[str, str]:
    """Create the stack of that template, or update it if template or values are others now; its outputs.

    as_it_is: parameters that others set meanwhile; an update must say them, and they are no reason for one.
    stays: an update that fails stays where it is, as what was there before would not work any more.
    """
    name, body = config.named(part), template_body(part)
    mark = _mark(body, parameters(values))
    stack = find(aws, name)
    if (
        stack is not None
        and stack["StackStatus"].endswith("ROLLBACK_COMPLETE")
        and "UPDATE" not in stack["StackStatus"]
    ):
        raise Refused(
            f"The stack {name} failed when it was made. Look at its events, then delete it and do this again."
        )
    if stack is not None and _marked(stack) == mark:
        aws.say(f"stack {name}: up to date")
    else:
        arguments: dict[str, Any] = {
            "StackName": name,
            "TemplateBody": body,
            "Parameters": parameters({**values, **(as_it_is or {})}),
            "Capabilities": CAPABILITIES,
            "Tags": [{"Key": MARK, "Value": mark}, *OURS],
        }
        verb = "create" if stack is None else "update"
        arguments |= {"DisableRollback": True} if stays and stack is not None else {}
        aws.change(f"{verb} stack {name}", "cloudformation", f"{verb}_stack", **arguments)
        aws.until(f"stack {name}", lambda: _is_complete(aws, name), PATIENCE, "Its events say why.")
        if not aws.dry_run:
            aws.say(f"stack {name}: ready")
    return {} if aws.dry_run and stack is None else outputs(aws, name)


def is_up_to_date(aws: Aws, config: Config, part: str, values: Mapping[str, Any]) -> bool:
    """Whether `bring` would change nothing."""
    stack = find(aws, config.named(part))
    return stack is not None and _marked(stack) == _mark(template_body(part), parameters(values))


def _mark(body: str, given: list[dict[str, str]]) -> str:
    return hashlib.sha256(json.dumps([body, given]).encode()).hexdigest()


def _marked(stack: Mapping[str, Any]) -> str | None:
    return next((one["Value"] for one in stack.get("Tags", []) if one["Key"] == MARK), None)


def _is_complete(aws: Aws, name: str) -> bool:
    status = (find(aws, name) or {"StackStatus": "gone"})["StackStatus"]
    if "ROLLBACK" in status or status.endswith("FAILED") or status == "gone":
        events = aws.read("cloudformation", "describe_stack_events", StackName=name)["StackEvents"]
        reasons = [
            f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', '')}"
            for one in events
            if one["ResourceStatus"].endswith("FAILED")
        ]
        raise Refused(f"The stack {name} is {status}. " + "; ".join(reasons[-3:]))
    return bool(status.endswith("_COMPLETE"))


def remove(aws: Aws, name: str) -> None:
    """Delete the stack and wait; nothing where there is none."""
    if find(aws, name) is None:
        aws.say(f"stack {name}: not there")
        return
    aws.change(f"delete stack {name}", "cloudformation", "delete_stack", StackName=name)
    aws.until(f"stack {name} to go", lambda: find(aws, name) is None, PATIENCE, "Its events say why.")
