"""What an account lacks, or has otherwise, is said before anything is made: a sentence each, with what to do."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, TokenRetrievalError
from botocore.parsers import ResponseParserError

from deploy.kit import account as checks
from deploy.kit import cluster, image, role
from deploy.kit.aws import Aws, Refused, in_words
from tests.deploy.conftest import REGION, Account, changes
from tests.deploy.templates import resources

Spoil = Callable[[Account], dict[str, str]]


def attribute(name: str) -> Spoil:
    def spoil(account: Account) -> dict[str, str]:
        vpc = account.variables["VPC"]
        account.client("ec2").modify_vpc_attribute(VpcId=vpc, **{name: {"Value": False}})
        return {}

    return spoil


def another_vpcs(kind: str) -> Spoil:
    def spoil(account: Account) -> dict[str, str]:
        ec2 = account.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        if kind == "SECURITY_GROUP":
            return {kind: ec2.create_security_group(GroupName="other", Description="x", VpcId=vpc)["GroupId"]}
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24", AvailabilityZone=f"{REGION}c")
        first = account.variables["SUBNETS"].partition(",")[0]
        return {kind: f"{first},{subnet['Subnet']['SubnetId']}"}

    return spoil


def of_one_zone(account: Account) -> dict[str, str]:
    first = account.variables["SUBNETS"].partition(",")[0]
    vpc = account.variables["VPC"]
    made = account.client("ec2").create_subnet(
        VpcId=vpc, CidrBlock="10.0.7.0/24", AvailabilityZone=f"{REGION}a"
    )
    return {"SUBNETS": f"{first},{made['Subnet']['SubnetId']}"}


def with_few_addresses(account: Account) -> dict[str, str]:
    first = account.variables["SUBNETS"].partition(",")[0]
    vpc = account.variables["VPC"]
    made = account.client("ec2").create_subnet(
        VpcId=vpc, CidrBlock="10.0.8.0/28", AvailabilityZone=f"{REGION}c"
    )
    name = made["Subnet"]["SubnetId"]
    # AWS has taken five of sixteen; four more are others'.
    for _ in range(4):
        account.client("ec2").create_network_interface(SubnetId=name)
    return {"SUBNETS": f"{first},{name}"}


def trusted_by_others(account: Account) -> dict[str, str]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    account.client("iam").create_role(
        RoleName="theirs",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    return {"INSTANCE_ROLE": "theirs"}


def given(**variables: str) -> Spoil:
    return lambda _: variables


WRONG: dict[str, tuple[Spoil, str]] = {
    "dns support": (attribute("EnableDnsSupport"), "has enableDnsSupport off"),
    "dns names": (
        attribute("EnableDnsHostnames"),
        "modify-vpc-attribute --vpc-id .* --enable-dns-hostnames",
    ),
    "no vpc": (given(VPC="vpc-00000000"), "VPC vpc-00000000 is not there in us-east-1"),
    "no subnet": (
        given(SUBNETS="subnet-00000000,subnet-00000001"),
        "SUBNETS: subnet-00000001 is not there",
    ),
    "another's subnet": (another_vpcs("SUBNETS"), "not of VPC"),
    "one zone": (of_one_zone, "two are in us-east-1a"),
    "no addresses": (with_few_addresses, "free addresses"),
    "no group": (given(SECURITY_GROUP="sg-00000000"), "SECURITY_GROUP sg-00000000 is not there"),
    "another's group": (another_vpcs("SECURITY_GROUP"), "take one of this VPC"),
    "no role": (given(INSTANCE_ROLE="nobody"), "First: make instance-role"),
    "another's role": (trusted_by_others, r"trust does not name ec2\.amazonaws\.com"),
    "no key": (given(KEYPAIR="lost"), "KEYPAIR lost is not there"),
    "no such type": (given(INSTANCE_TYPE="m5.nonsense"), "is not offered in us-east-1"),
}


def test_each_thing_that_would_fail_is_a_sentence(account: Account) -> None:
    good = dict(account.variables)
    for name, (spoil, words) in WRONG.items():
        account.variables = dict(good)
        account.variables |= spoil(account)
        account.calls.clear()
        with pytest.raises(Refused, match=words):
            cluster.configure(account.aws(), account.config)
        assert changes(account) == [], name
        if "dns" in name:
            for one in ("EnableDnsSupport", "EnableDnsHostnames"):
                account.client("ec2").modify_vpc_attribute(VpcId=good["VPC"], **{one: {"Value": True}})
    account.variables = good | {"INSTANCE_ROLE": "nobody"}
    assert checks.problems(account.aws(), account.config)
    assert checks.problems(account.aws(dry_run=True), account.config) == [], "an earlier step makes the role"


def test_offers_and_quotas(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto offers every type everywhere, and knows no quota of EC2."""
    aws, read = account.aws(), Aws.read
    answers: dict[str, Any] = {
        "describe_instance_type_offerings": {"InstanceTypeOfferings": [{"Location": "us-east-1b"}]},
        "get_service_quota": {"Quota": {"Value": 8.0}},
    }
    monkeypatch.setattr(Aws, "read", lambda self, s, o, /, **a: answers.get(o) or read(self, s, o, **a))
    offer, quota = checks.problems(aws, account.config)
    assert "not offered in us-east-1a, where SUBNETS are; it is in us-east-1b" in offer
    assert "may run 8 vCPUs" in quota
    assert "4 machines of type m5.xlarge are 16" in quota
    account.variables["LAUNCH_TYPE"] = "FARGATE"
    answers["get_service_quota"] = {"Quota": {"Value": 5.0}}
    [quota] = checks.problems(aws, account.config)
    assert "lower MAX_RUNS" in quota


def test_service_linked_roles_are_made_once(account: Account) -> None:
    checks.bring_roles(account.aws(), account.config)
    assert changes(account) == ["iam:CreateServiceLinkedRole"] * 3
    account.calls.clear()
    checks.bring_roles(account.aws(), account.config)
    assert changes(account) == []


def test_a_graviton_is_a_choice(account: Account) -> None:
    account.variables["INSTANCE_TYPE"] = "m6g.xlarge"
    config = account.config
    assert "3 tasks a machine" in cluster.room(account.aws(), config)
    arm = account.client("ssm").get_parameter(Name=cluster.IMAGES["arm64"])["Parameter"]["Value"]
    assert cluster._image(account.aws(), config) == arm
    assert image.local(config).endswith("-arm64")
    account.said.clear()
    image.build(account.aws(dry_run=True), config)
    assert "--platform=linux/arm64" in account.said[0]
    for task in resources("tasks").values():
        assert task["Properties"]["RuntimePlatform"]["CpuArchitecture"] == "Ref Architecture"


def test_another_processor_than_the_name_says(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.kit.rules.architecture", lambda _: "arm64")
    with pytest.raises(Refused, match=r"another processor .* Set ARCHITECTURE"):
        cluster.room(account.aws(), account.config)


def failed(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "AnyOperation")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (failed("AccessDeniedException"), "AWS does not allow rds:ModifyDBInstance"),
        (failed("UnauthorizedOperation"), "Add it to their policy"),
        (failed("ExpiredToken"), "credentials have expired"),
        (failed("ExpiredTokenException"), "Log in again"),
        (failed("RequestExpired"), "credentials have expired"),
        (failed("InvalidClientTokenId"), "AWS_REGION eu-south-2 is not enabled"),
        (failed("UnrecognizedClientException"), "does not know your credentials"),
        (failed("AuthFailure"), "does not know your credentials in eu-south-2"),
        (failed("OptInRequired"), "is not enabled in this account"),
        (failed("ThrottlingException"), "asked too often"),
        (failed("RequestLimitExceeded"), "Wait a minute"),
        (failed("Throttling", "Rate exceeded"), "asked too often"),
        (failed("ClientException", "Rate exceeded"), "asked too often"),
        (failed("RequestTimeTooSkewed"), "clock"),
        (failed("VcpuLimitExceeded"), "Service Quotas in eu-south-2"),
        (EndpointConnectionError(endpoint_url="https://rds.eu-nowhere-9"), "Is AWS_REGION eu-south-2 right"),
        (TokenRetrievalError(provider="sso", error_msg="expired"), "aws sso login"),
        (failed("404", "<!doctype html>"), "in AWS's place .rds. says HTTP 404.* Is a proxy between"),
        (ResponseParserError("Unable to parse response"), "in AWS's place .rds. says what can't be read"),
    ],
)
def test_what_aws_says_is_told_in_words(error: Exception, words: str) -> None:
    with pytest.raises(Refused, match=words), in_words("rds", "ModifyDBInstance", "eu-south-2"):
        raise error


def test_the_roles_own_profile_is_looked_at(account: Account) -> None:
    """A profile of INSTANCE_ROLE's name with another role in it is nobody's to change."""
    iam = account.client("iam")
    role.remove(account.aws(), account.config)
    name = account.config["INSTANCE_ROLE"]
    iam.create_instance_profile(InstanceProfileName=name)
    iam.create_role(RoleName="other", AssumeRolePolicyDocument="{}")
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="other")
    with pytest.raises(Refused, match="holds the role other"):
        role.bring(account.aws(), account.config)
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName="other")
    with pytest.raises(Refused, match="holds no role"):
        role.bring(account.aws(), account.config)
