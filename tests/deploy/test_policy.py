"""The policy of the person who deploys: all that the steps call, and nothing else, on what is the deployment's own
where AWS can tell it apart. That the recorded calls are among these is test_neighbours.py's.
"""

import json
import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from deploy.kit import account
from deploy.kit.render import HERE
from tests.deploy.permissions import BY_CALL, BY_TYPE, CALLED, EVERYWHERE, NEEDS_NONE
from tests.deploy.templates import resources

PAIR = re.compile(r'"([a-z0-9-]+)",\s*"([a-z_0-9]+)"|_found\(\s*aws,\s*"([a-z_0-9]+)"')
READS = re.compile(r":(Describe|List|Get)")
MOST = 6144
"""Characters of a managed policy, white space apart."""


def policies() -> list[list[dict[str, Any]]]:
    return [json.loads(file.read_text())["Statement"] for file in (HERE / "deployer-policy").glob("*.json")]


def policy() -> list[dict[str, Any]]:
    return [statement for statements in policies() for statement in statements]


@cache
def written() -> frozenset[str]:
    """service:Operation of every call in the kit's code."""
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
    known = set(session.get_available_services())
    found = {"cloudformation:UpdateStack", "cloudformation:CreateStack"}  # by a word that is put together
    for file in Path(account.__file__).parent.glob("*.py"):
        for service, operation, of_ec2 in PAIR.findall(file.read_text()):
            name = service or "ec2"
            if name in known:
                api = _client(session, name).meta.method_to_api_mapping.get(operation or of_ec2)
                found |= {f"{name}:{api}"} if api else set()
    return frozenset(found)


@cache
def _client(session: boto3.Session, name: str) -> Any:
    return session.client(name)


def action(call: str) -> str:
    """As IAM calls it."""
    service, _, operation = call.partition(":")
    return f"{CALLED.get(service, service)}:{operation}"


def needed() -> set[str]:
    """By the calls, and by what AWS does for them."""
    found = {action(call) for call in written()} - set(NEEDS_NONE)
    # store.yaml is made by hand, by whoever may make roles.
    parts = [file.stem for file in (HERE / "cloudformation").glob("*.yaml") if file.stem != "store"]
    kinds = {one["Type"] for part in parts for one in resources(part).values()}
    assert kinds == set(BY_TYPE), "each type of resource has its row, and no other"
    for kind in kinds:
        found |= {*BY_TYPE[kind]}
    for call, more in BY_CALL.items():
        assert call in found, "no row without its call"
        found |= {*more}
    return found


def actions(statement: dict[str, Any]) -> list[str]:
    given = statement["Action"]
    return [given] if isinstance(given, str) else list(given)


def test_all_that_is_needed_is_allowed_and_nothing_else() -> None:
    allowed = [one for statement in policy() for one in actions(statement)]
    wanted = needed()
    assert [one for one in sorted(wanted) if not any(fnmatchcase(one, a) for a in allowed)] == []
    assert [a for a in allowed if not any(fnmatchcase(one, a) for one in wanted)] == []
    assert [a for a in allowed if "*" in a and not READS.search(a)] == [], "only looks are taken together"
    assert max(len(re.sub(r"\s", "", json.dumps(statements))) for statements in policies()) < MOST


def test_what_changes_is_of_the_deployment_where_aws_can_tell() -> None:
    unused = set(EVERYWHERE)
    for statement in policy():
        assert statement["Effect"] == "Allow"
        places = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        changing = [one for one in actions(statement) if not READS.search(one)]
        if "*" in places:
            for one in changing + [a for a in actions(statement) if "Get" in a and a in EVERYWHERE]:
                reason = {one, one.partition(":")[0]} & set(EVERYWHERE)
                assert reason, one
                unused -= reason
        elif changing != ["iam:CreateServiceLinkedRole"]:
            own = [one for one in places if "stats-assets" in one]
            assert own or "ssm" in places[0]
            assert {one for one in places if one not in own} <= {
                "arn:aws:rds:*:*:og:*",
                "arn:aws:rds:*:*:pg:*",
                "arn:aws:ssm:*::parameter/aws/service/ecs/optimized-ami/*",
            }
    assert unused == set(), "no reason without its action"


def test_others_services_in_an_adopted_cluster_are_out_of_reach() -> None:
    ecs = [place for one in policy() if "ecs:UpdateService" in actions(one) for place in one["Resource"]]
    for name, within in (("daemon", True), ("pages", True), ("theirs", False)):
        arn = f"arn:aws:ecs:us-east-1:123456789012:service/stats-assets/{name}"
        assert any(fnmatchcase(arn, one) for one in ecs) is within


def test_roles_are_passed_and_made_for_our_services_alone() -> None:
    found = {one["Action"]: one for one in policy() if isinstance(one["Action"], str)}
    assert set(found["iam:PassRole"]["Condition"]["StringEquals"]["iam:PassedToService"]) == {
        "ec2.amazonaws.com",
        "ecs-tasks.amazonaws.com",
    }
    made = found["iam:CreateServiceLinkedRole"]["Condition"]["StringEquals"]["iam:AWSServiceName"]
    assert set(made) == {*account.SERVICES, *account.MACHINES, *account.DATABASE, *account.SCALING}


NAMED_ALIKE = {
    "arn:aws:cloudwatch:*:*:alarm:stats-assets-*": "a name each",
    "arn:aws:ecs:*:*:task-definition/stats-assets-*": "a name each",
    "arn:aws:events:*:*:rule/stats-assets-*": "CloudFormation draws its end",
    "arn:aws:iam::*:role/stats-assets-*": "the region is in it, or, of an older kit's, is not",
    "arn:aws:iam::*:instance-profile/stats-assets-*": "likewise",
}
"""What may also be of a deployment whose name begins with ours, and a hyphen; why it is no narrower."""


def test_a_deployment_whose_name_begins_with_ours_is_out_of_reach() -> None:
    """`stats-assets-staging` beside `stats-assets`: its stacks, databases, logs, services, secrets, images."""
    found = set()
    for statement in policy():
        if all(READS.search(one) for one in actions(statement)):
            continue
        places = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        ours = [one for one in places if "stats-assets" in one]
        theirs = [one.replace("stats-assets", "stats-assets-staging").replace("*", "x") for one in ours]
        found |= {one for one in ours for another in theirs if fnmatchcase(another, one)}
    assert found == {*NAMED_ALIKE}
