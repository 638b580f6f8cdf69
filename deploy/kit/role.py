"""INSTANCE_ROLE: what machines may do, and the instance profile by which they take it. Tasks' roles are in a stack.

One that others made is used if it can be, and never changed.
"""

import json
from typing import Any

from deploy.kit import ownership
from deploy.kit.aws import Aws, Refused, look, partition
from deploy.kit.config import Config

MACHINE_POLICY = "service-role/AmazonEC2ContainerServiceforEC2Role"


def bring(aws: Aws, config: Config) -> None:
    """INSTANCE_ROLE with the machines' policy, and an instance profile of its name, by which machines take it.

    Raises Refused when another's role, or profile, can't be used as it is.
    """
    name = config["INSTANCE_ROLE"]
    role = look(aws, "iam", "get_role", RoleName=name)
    if not role:
        about = {"RoleName": name, "AssumeRolePolicyDocument": _trust(config), "Tags": ownership.tags(config)}
        aws.change(f"create role {name}", "iam", "create_role", **about)
    elif not _is_ours(config, role["Role"]):
        whose = ownership.owner(config, role["Role"].get("Tags", [])).value
        aws.say(f"role {name}: {whose} made it. It is used as it is")
        if wrong := complaints(aws, config):
            raise Refused("\n".join(wrong))
    if not (role and _has_policy(aws, name)):
        arn = f"arn:{partition(aws)}:iam::aws:policy/{MACHINE_POLICY}"
        aws.change(f"attach {MACHINE_POLICY}", "iam", "attach_role_policy", RoleName=name, PolicyArn=arn)
    _profile(aws, config)
    aws.done(f"role and instance profile {name}: ready")


def _profile(aws: Aws, config: Config) -> None:
    name = config["INSTANCE_ROLE"]
    found = look(aws, "iam", "get_instance_profile", InstanceProfileName=name)
    if not found:
        about = {"InstanceProfileName": name, "Tags": ownership.tags(config)}
        aws.change(f"create instance profile {name}", "iam", "create_instance_profile", **about)
    roles = [one["RoleName"] for one in found["InstanceProfile"]["Roles"]] if found else []
    if roles == [name]:
        return
    if roles or (found and not _is_ours(config, found["InstanceProfile"])):
        holds = f"holds the role {roles[0]}" if roles else "holds no role, and is not this deployment's"
        raise Refused(
            f"The instance profile {name} {holds}: machines would not take INSTANCE_ROLE by it. Take another name."
        )
    arguments = {"InstanceProfileName": name, "RoleName": name}
    aws.change(f"put the role into the profile {name}", "iam", "add_role_to_instance_profile", **arguments)


def complaints(aws: Aws, config: Config) -> list[str]:
    """What keeps machines from taking INSTANCE_ROLE as it is, or from working with it; a sentence each."""
    name = config["INSTANCE_ROLE"]
    role = look(aws, "iam", "get_role", RoleName=name)
    if role is None:
        return [f"INSTANCE_ROLE {name} is not there. First: make instance-role"]
    wrong = []
    if not _trusts_machines(role["Role"]["AssumeRolePolicyDocument"]):
        wrong.append(
            f"INSTANCE_ROLE {name} can't be taken by machines: its trust does not name ec2.amazonaws.com."
            " Add that to the role's trust, or take another name, and make instance-role makes one."
        )
    if not _has_policy(aws, name):
        wrong.append(
            f"INSTANCE_ROLE {name} lacks the policy {MACHINE_POLICY}: attach it, or take another name."
        )
    return wrong


def _has_policy(aws: Aws, name: str) -> bool:
    attached = aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    return any(one["PolicyArn"].endswith(MACHINE_POLICY) for one in attached)


def _trust(config: Config) -> str:
    suffix = "amazonaws.com.cn" if config["AWS_REGION"].startswith("cn-") else "amazonaws.com"
    statement = {"Effect": "Allow", "Principal": {"Service": f"ec2.{suffix}"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _trusts_machines(document: Any) -> bool:
    told = json.loads(document) if isinstance(document, str) else document
    statements = told.get("Statement", [])
    for one in statements if isinstance(statements, list) else [statements]:
        who = one.get("Principal", {})
        services = who.get("Service", []) if isinstance(who, dict) else []
        names = [services] if isinstance(services, str) else services
        if one.get("Effect") == "Allow" and any(name.startswith("ec2.amazonaws.com") for name in names):
            return True
    return False


def _is_ours(config: Config, found: dict[str, Any]) -> bool:
    return ownership.is_ours(config, found.get("Tags", []), named=False)


def remove(aws: Aws, config: Config) -> None:
    """Both, if this deployment made them: others may have machines with a role of the same name."""
    name = config["INSTANCE_ROLE"]
    profile = look(aws, "iam", "get_instance_profile", InstanceProfileName=name)
    if profile and _is_ours(config, profile["InstanceProfile"]):
        for role in profile["InstanceProfile"]["Roles"]:
            arguments = {"InstanceProfileName": name, "RoleName": role["RoleName"]}
            what = "take the role from its profile"
            aws.change(what, "iam", "remove_role_from_instance_profile", **arguments)
        what = f"delete instance profile {name}"
        aws.insist(what, "iam", "delete_instance_profile", InstanceProfileName=name)
    elif profile:
        ownership.leave(aws, config, f"instance profile {name}", profile["InstanceProfile"].get("Tags", []))
    role = look(aws, "iam", "get_role", RoleName=name)
    if role and _is_ours(config, role["Role"]):
        for one in aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name):
            arguments = {"RoleName": name, "PolicyArn": one["PolicyArn"]}
            aws.change(f"detach {one['PolicyName']}", "iam", "detach_role_policy", **arguments)
        aws.insist(f"delete role {name}", "iam", "delete_role", RoleName=name)
    elif role:
        ownership.leave(aws, config, f"role {name}", role["Role"].get("Tags", []))
