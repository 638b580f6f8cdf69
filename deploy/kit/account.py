"""What the account must have before anything is made: service-linked roles (made), a network, a role, an offer, quotas
(looked at). Each thing that would fail later is a sentence with what to do.
"""

from collections import Counter
from typing import Any

from botocore.exceptions import ClientError

from deploy.kit import role
from deploy.kit.aws import Aws, Refused, code_of, look
from deploy.kit.config import Config

DATABASE = ("rds.amazonaws.com",)
SERVICES = ("ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com")
MACHINES = ("autoscaling.amazonaws.com",)
SCALING = ("ecs.application-autoscaling.amazonaws.com",)
STANDARD = "acdhimrtz"
"""First letters of the instance types that share the quota of *standard* ones."""
EC2_QUOTA, FARGATE_QUOTA = ("ec2", "L-1216C47A"), ("fargate", "L-3032A538")
FREE_ADDRESSES = 8  # of a subnet: what a balancer wants to have


def bring_roles(aws: Aws, config: Config, services: tuple[str, ...] = ()) -> None:
    """The roles that AWS's services take themselves: an account has them after the first use, by the console or so."""
    wanted = (*SERVICES, *(MACHINES if config.on_ec2 else ()), *(SCALING if config.pages else ()))
    for service in services or wanted:
        path = f"/aws-service-role/{service}/"
        if aws.pages("iam", "list_roles", "Roles", PathPrefix=path):
            continue
        try:
            what = f"create the service-linked role of {service}"
            aws.change(what, "iam", "create_service_linked_role", AWSServiceName=service)
        except ClientError as error:
            if code_of(error) not in ("InvalidInput", "EntityAlreadyExists") or "taken" not in str(error):
                raise


def check(aws: Aws, config: Config, *, before_all: bool = False) -> None:
    """Raises Refused with every sentence of `problems`."""
    if wrong := problems(aws, config, before_all=before_all):
        raise Refused("\n".join(wrong))


def check_network(aws: Aws, config: Config) -> None:
    """Raises Refused with every sentence of `network`."""
    if wrong := network(aws, config):
        raise Refused("\n".join(wrong))


def problems(aws: Aws, config: Config, *, before_all: bool = False) -> list[str]:
    """All that can be seen beforehand, and would fail; empty: nothing. before_all: no step was done yet."""
    wrong = network(aws, config)
    if config.on_ec2:
        # Under dry_run the step that makes the role was not done, and before preflight it need not be.
        later = (aws.dry_run or before_all) and not role_is_there(aws, config)
        wrong += [] if later else role.complaints(aws, config)
        wrong += _key(aws, config) + _offer(aws, config)
    return wrong + _quota(aws, config)


def network(aws: Aws, config: Config) -> list[str]:
    """VPC, SUBNETS and SECURITY_GROUP: there, of one VPC, in two zones, with names by DNS."""
    vpc = config["VPC"]
    if _found(aws, "describe_vpcs", "Vpcs", VpcIds=[vpc]) is None:
        return [f"VPC {vpc} is not there in {aws.region}. Is AWS_REGION right, and the account?"]
    wrong = []
    for attribute, name in (
        ("enableDnsSupport", "EnableDnsSupport"),
        ("enableDnsHostnames", "EnableDnsHostnames"),
    ):
        told = aws.read("ec2", "describe_vpc_attribute", VpcId=vpc, Attribute=attribute)[name]["Value"]
        if not told:
            option = "--" + "".join(f"-{c.lower()}" if c.isupper() else c for c in attribute)
            wrong.append(
                f"VPC {vpc} has {attribute} off: the code server would not be found by its name. Whoever owns the VPC:"
                f" aws ec2 modify-vpc-attribute --vpc-id {vpc} {option}"
            )
    wrong += subnets(aws, config)
    group = config["SECURITY_GROUP"]
    groups = _found(aws, "describe_security_groups", "SecurityGroups", GroupIds=[group])
    if groups is None:
        wrong.append(f"SECURITY_GROUP {group} is not there in {aws.region}.")
    elif groups[0]["VpcId"] != vpc:
        wrong.append(
            f"SECURITY_GROUP {group} is of {groups[0]['VpcId']}, not of VPC {vpc}: take one of this VPC."
        )
    return wrong


def subnets(aws: Aws, config: Config, variable: str = "SUBNETS") -> list[str]:
    """What is wrong with those that a variable names: there, of the VPC, in two zones, with room for a balancer."""
    wrong, zones = [], []
    for name in config[variable].split(","):
        found = _found(aws, "describe_subnets", "Subnets", SubnetIds=[name])
        if found is None:
            wrong.append(f"{variable}: {name} is not there in {aws.region}.")
            continue
        [one] = found
        zones.append(one["AvailabilityZone"])
        if one["VpcId"] != config["VPC"]:
            wrong.append(f"{variable}: {name} is of {one['VpcId']}, not of VPC {config['VPC']}.")
        if one["AvailableIpAddressCount"] < FREE_ADDRESSES:
            wrong.append(
                f"{variable}: {name} has {one['AvailableIpAddressCount']} free addresses, and the balancer alone wants"
                f" {FREE_ADDRESSES}: take a larger one."
            )
    twice = [zone for zone, times in Counter(zones).items() if times > 1]
    if twice:
        wrong.append(
            f"{variable}: two are in {twice[0]}, and the balancer takes one of each zone. Name subnets of two zones."
        )
    return wrong


def role_is_there(aws: Aws, config: Config) -> bool:
    return look(aws, "iam", "get_role", RoleName=config["INSTANCE_ROLE"]) is not None


def _key(aws: Aws, config: Config) -> list[str]:
    name = config["KEYPAIR"]
    if name and _found(aws, "describe_key_pairs", "KeyPairs", KeyNames=[name]) is None:
        return [f"KEYPAIR {name} is not there in {aws.region}. Leave it empty, or: aws ec2 create-key-pair"]
    return []


def _offer(aws: Aws, config: Config) -> list[str]:
    """A type that no zone has is `cluster.room`'s to say."""
    kind = config["INSTANCE_TYPE"]
    filters = [{"Name": "instance-type", "Values": [kind]}]
    told = aws.read(
        "ec2", "describe_instance_type_offerings", LocationType="availability-zone", Filters=filters
    )
    offered = {one["Location"] for one in told["InstanceTypeOfferings"]}
    subnets = _found(aws, "describe_subnets", "Subnets", SubnetIds=config.subnets) or []
    lacking = sorted({one["AvailabilityZone"] for one in subnets} - offered)
    if not offered or not lacking:
        return []
    return [
        f"INSTANCE_TYPE {kind} is not offered in {', '.join(lacking)}, where SUBNETS are; it is in"
        f" {', '.join(sorted(offered))}. Take another type, or other subnets."
    ]


def _quota(aws: Aws, config: Config) -> list[str]:
    """Whether so many processors may run; where quotas can't be read, nothing is said."""
    if config.on_ec2:
        kind, most = config["INSTANCE_TYPE"], int(config["MAX_INSTANCES"])
        types = _found(aws, "describe_instance_types", "InstanceTypes", InstanceTypes=[kind])
        if not types or kind[0] not in STANDARD:
            return []
        wanted, quota = types[0]["VCpuInfo"]["DefaultVCpus"] * most, EC2_QUOTA
        what, instead = f"{most} machines of type {kind}", "lower MAX_INSTANCES"
    else:
        wanted, quota = -(-config.all_tasks(most=True) // 2) + int(config["MAX_RUNS"]), FARGATE_QUOTA
        what, instead = (
            f"{config.all_tasks(most=True)} tasks of services and {config['MAX_RUNS']} runs",
            "lower MAX_RUNS",
        )
    try:
        told = aws.read("service-quotas", "get_service_quota", ServiceCode=quota[0], QuotaCode=quota[1])
    except (ClientError, Refused):
        return []
    allowed = int(told["Quota"]["Value"])
    if wanted <= allowed:
        return []
    return [
        f"The account may run {allowed} vCPUs of this kind in {aws.region}, and {what} are {wanted}: ask for more"
        f" (Service Quotas, {quota[0]} {quota[1]}), or {instead}."
    ]


def _found(aws: Aws, operation: str, key: str, **arguments: Any) -> list[dict[str, Any]] | None:
    """What EC2 knows; None: there is no such thing."""
    try:
        found: list[dict[str, Any]] = aws.read("ec2", operation, **arguments)[key]
    except ClientError as error:
        if (
            ".NotFound" in code_of(error)
            or "Malformed" in code_of(error)
            or "InvalidInstanceType" in code_of(error)
        ):
            return None
        raise
    return found or None
