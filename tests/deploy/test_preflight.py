"""`make preflight` looks, changes nothing, and names what would fail; the bill that it prints is docs/cost.md's."""

from functools import cache
from typing import Any

import pytest

from benchmarks import cost as page
from deploy.kit import __main__ as kit
from deploy.kit import cluster, cost, preflight
from deploy.kit.aws import Aws, Refused
from deploy.kit.preflight import CHECKS, Mind
from deploy.kit.week import simulated
from tests.deploy.conftest import Account, changes
from tests.deploy.templates import resources
from tests.deploy.test_templates import watched

STEPS = "what the steps look at first"
WEEKS = cache(simulated)


def with_a_way_out(account: Account, *, s3: bool = True) -> str:
    """A NAT's route in the VPC's main table; the table. s3: whether S3's gateway stays."""
    ec2, vpc = account.client("ec2"), account.variables["VPC"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    [table] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=account.config.subnets[0], AllocationId=address)["NatGateway"]
    ec2.create_route(
        RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat["NatGatewayId"]
    )
    if not s3:
        found = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["VpcEndpoints"]
        ec2.delete_vpc_endpoints(VpcEndpointIds=[one["VpcEndpointId"] for one in found])
    return str(table["RouteTableId"])


def found(account: Account) -> dict[str, str]:
    """The first word that is said of each check."""
    account.said.clear()
    wrong = preflight.run(account.aws(), account.config)
    assert wrong == any("  WRONG  " in line for line in account.said)
    names = {name for name, _ in CHECKS}
    said = [
        line.strip().partition(" ")
        for line in account.said
        if line.startswith(("  ok", "  mind", "  WRONG", "  ?"))
    ]
    return {
        rest.strip().partition(":")[0]: word
        for word, _, rest in said
        if rest.strip().partition(":")[0] in names
    }


@pytest.fixture(autouse=True)
def quotas(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto has none of these. And a week of the same kind is simulated once: it takes a tenth of a second."""
    monkeypatch.setattr(cost, "simulated", WEEKS)
    read = Aws.read

    def with_quota(aws: Aws, service: str, operation: str, /, **arguments: Any) -> Any:
        if service == "service-quotas":
            return {"Quota": {"Value": 64.0}}
        return read(aws, service, operation, **arguments)

    monkeypatch.setattr(Aws, "read", with_quota)


def test_a_good_account_and_what_is_wrong_with_others(account: Account) -> None:
    table = with_a_way_out(account)
    assert set(found(account).values()) == {"ok"}
    assert changes(account) == []
    assert any(line.startswith("A month costs about $") for line in account.said)
    account.variables["INSTANCE_ROLE"] = "not-yet"
    assert set(found(account).values()) == {"ok"}, "a step makes it"
    assert any("INSTANCE_ROLE is made by make instance-role" in line for line in account.said)
    del account.variables["INSTANCE_ROLE"]
    good = dict(account.variables)
    ec2 = account.client("ec2")
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    strange = ec2.create_subnet(VpcId=other, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    far = ec2.create_security_group(GroupName="far", Description="far", VpcId=other)["GroupId"]
    same = ec2.create_subnet(VpcId=good["VPC"], CidrBlock="10.0.9.0/24", AvailabilityZone="us-east-1a")
    first = account.config.subnets[0]
    for changed, check in (
        ({"VPC": "vpc-0123456789abcdef0"}, STEPS),
        ({"VPC": other}, STEPS),  # without host names
        ({"SUBNETS": f"{first},{strange}"}, STEPS),
        ({"SUBNETS": f"{first},{same['Subnet']['SubnetId']}"}, STEPS),
        ({"SECURITY_GROUP": far}, STEPS),
        ({"INSTANCE_TYPE": "m5.nonsense"}, "room"),
        ({"MAX_RUNS": "90"}, "room"),
        ({"MAX_INSTANCES": "900"}, STEPS),
    ):
        account.variables = good | changed
        assert found(account)[check] == "WRONG", changed
    account.variables = good
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    assert found(account)["the way out"] == "WRONG"
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=good["VPC"])
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert found(account)["the way out"] == "WRONG"
    account.client("config").put_configuration_recorder(
        ConfigurationRecorder={
            "name": "default",
            "roleARN": "arn:aws:iam::123456789012:role/config",
            "recordingGroup": {"allSupported": True, "includeGlobalResourceTypes": False},
        }
    )
    assert found(account)["AWS Config"] == "mind"
    assert any("AWS Config: " in line and " items: " in line for line in account.said), "it is in the bill"


def test_fargate_is_refused_without_s3s_gateway(account: Account) -> None:
    account.variables["LAUNCH_TYPE"] = "FARGATE"
    table = with_a_way_out(account, s3=False)
    with pytest.raises(Refused, match=f"--route-table-ids {table}"):
        cluster.configure(account.aws(), account.config)
    assert changes(account) == []
    assert found(account)["S3"] == "WRONG"
    account.variables["LAUNCH_TYPE"] = "EC2"
    assert found(account)["S3"] == "mind"


def test_what_can_not_be_looked_at_is_said_and_others_add_theirs(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def minds(*_: Any) -> str:
        raise Mind("see to it")

    def breaks(*_: Any) -> str:
        raise LookupError("nothing")

    assert preflight.run(account.aws(), account.config, [("a", minds), ("b", breaks)]) == 0
    assert account.said[:2] == ["  mind   a: see to it", "  ?      b: it can't be looked at: nothing"]
    for name, value in account.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(preflight, "CHECKS", [("a", minds)])
    assert kit.main(["preflight"]) == 0
    assert "A month costs about" in capsys.readouterr().out


def test_the_page_is_what_the_script_says() -> None:
    assert page.PAGE.read_text() == page.page(), "python -m benchmarks.cost --write"
    alarms = [one for one in resources("alarms").values() if "Alarm" in one["Type"]]
    assert len(alarms) == cost.ALARMS + cost.OF_PAGES
    assert sum(len(line["_aws"]["CloudWatchMetrics"][0]["Metrics"]) for line in watched()) == cost.METRICS


def test_a_week_adds_up() -> None:
    tasks, mixed = (simulated(runs, "EC2", 4, 3) for runs in ("tasks", "mixed"))
    assert tasks == simulated("tasks", "EC2", 4, 3), "the same each time"
    assert mixed.tasks == 2 * 24 * 7
    assert tasks.tasks == tasks.runs > 2 * 7 * 24 * 55
    assert simulated("processes", "EC2", 4, 3).machine_hours == 2 * 7 * 24
    assert tasks.machine_hours < simulated("tasks", "EC2", 4, 3, "spread").machine_hours
    assert simulated("tasks", "EC2", 4, 16).machine_hours == 7 * 24, "all on one"
    unknown = page.configured(INSTANCE_TYPE="x9.huge")
    [line] = [one for one in cost.of(unknown, 3)[1] if one.what == "machines"]
    assert "its price is not in prices.yaml" in line.rests_on
