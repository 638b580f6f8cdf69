"""INSTANCE_ROLE: what machines may do, and the instance profile by which they take it. Tasks' roles are in a stack."""

from deploy.kit.aws import OURS, Aws, is_ours, look, partition, trusts
from deploy.kit.config import Config

MACHINE_POLICY = "service-role/AmazonEC2ContainerServiceforEC2Role"


def bring(aws: Aws, config: Config) -> None:
    """INSTANCE_ROLE with the machines' policy, and an instance profile of its name, by which machines take it."""
    name = config["INSTANCE_ROLE"]
    role = look(aws, "iam", "get_role", RoleName=name)
    if not role:
        about = {"RoleName": name, "AssumeRolePolicyDocument": trusts("ec2.amazonaws.com"), "Tags": OURS}
        aws.change(f"create role {name}", "iam", "create_role", **about)
    attached = role and aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    if not any(one["PolicyArn"].endswith(MACHINE_POLICY) for one in attached or ()):
        arn = f"arn:{partition(aws)}:iam::aws:policy/{MACHINE_POLICY}"
        aws.change(f"attach {MACHINE_POLICY}", "iam", "attach_role_policy", RoleName=name, PolicyArn=arn)
    profile = look(aws, "iam", "get_instance_profile", InstanceProfileName=name)
    if not profile:
        aws.change(
            f"create instance profile {name}",
            "iam",
            "create_instance_profile",
            InstanceProfileName=name,
            Tags=OURS,
        )
    if not profile or not profile["InstanceProfile"]["Roles"]:
        arguments = {"InstanceProfileName": name, "RoleName": name}
        aws.change(
            f"put the role into the profile {name}", "iam", "add_role_to_instance_profile", **arguments
        )
    aws.say(f"role and instance profile {name}: ready")


def remove(aws: Aws, config: Config) -> None:
    """Both, if the kit made them."""
    name = config["INSTANCE_ROLE"]
    profile = look(aws, "iam", "get_instance_profile", InstanceProfileName=name)
    if profile and is_ours(profile["InstanceProfile"].get("Tags", [])):
        for role in profile["InstanceProfile"]["Roles"]:
            arguments = {"InstanceProfileName": name, "RoleName": role["RoleName"]}
            aws.change(
                "take the role from its profile", "iam", "remove_role_from_instance_profile", **arguments
            )
        aws.change(
            f"delete instance profile {name}", "iam", "delete_instance_profile", InstanceProfileName=name
        )
    role = look(aws, "iam", "get_role", RoleName=name)
    if role and is_ours(role["Role"].get("Tags", [])):
        for one in aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name):
            arguments = {"RoleName": name, "PolicyArn": one["PolicyArn"]}
            aws.change(f"detach {one['PolicyName']}", "iam", "detach_role_policy", **arguments)
        aws.change(f"delete role {name}", "iam", "delete_role", RoleName=name)
