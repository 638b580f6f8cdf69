"""Whose a thing is. All that is kept carries the tags of the deployment that made it; nothing else is touched.

A deployment is a CLUSTER_NAME in a region. Kits of before wrote only who made it: that is enough where the thing's own
name says the deployment, and too little for roles and repositories, which deployments could share.
"""

from collections.abc import Mapping, Sequence
from enum import Enum

from deploy.kit.aws import Aws
from deploy.kit.config import Config

MADE_BY = {"Key": "made-by", "Value": "stats-assets"}
DEPLOYMENT = "stats-assets-deployment"


class Owner(Enum):
    """Who made a thing, by its tags."""

    OURS = "this deployment"
    OLDER = "an older kit, which did not write by which deployment"
    ANOTHER = "another deployment"
    OTHERS = "others"


def deployment(config: Config) -> str:
    """What the tag says: a region's deployment of that name."""
    return f"{config['CLUSTER_NAME']}/{config['AWS_REGION']}"


def tags(config: Config) -> list[dict[str, str]]:
    """On all that the kit makes."""
    return [MADE_BY, {"Key": DEPLOYMENT, "Value": deployment(config)}]


def ecs_tags(config: Config) -> list[dict[str, str]]:
    """The same in ECS's spelling."""
    return [{"key": one["Key"], "value": one["Value"]} for one in tags(config)]


def owner(config: Config, found: Sequence[Mapping[str, str]]) -> Owner:
    """Of a thing with these tags, in either spelling."""
    told = {one.get("Key", one.get("key")): one.get("Value", one.get("value")) for one in found}
    if told.get(MADE_BY["Key"]) != MADE_BY["Value"]:
        return Owner.OTHERS
    if DEPLOYMENT not in told:
        return Owner.OLDER
    return Owner.OURS if told[DEPLOYMENT] == deployment(config) else Owner.ANOTHER


def is_ours(config: Config, found: Sequence[Mapping[str, str]], *, named: bool) -> bool:
    """Whether this deployment made it. named: the thing's name is made of CLUSTER_NAME alone, in this region."""
    found_owner = owner(config, found)
    return found_owner is Owner.OURS or (named and found_owner is Owner.OLDER)


def leave(aws: Aws, config: Config, what: str, found: Sequence[Mapping[str, str]]) -> None:
    """Say that it stays, and why."""
    whose = owner(config, found)
    more = " Is it yours, and of no more use? Remove it by hand." if whose is Owner.OLDER else ""
    aws.say(f"{what}: left, as {whose.value} made it.{more}")
