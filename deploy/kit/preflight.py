"""`make preflight`: what would fail in this account, found by looking alone, and the bill's estimate.

A check is a name and a function, which says what it found; Mind is what should be seen to, Refused what would fail.
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy.kit import account, cluster, cost, gateways, machines, pages
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config

Check = Callable[[Aws, Config], str]


class Mind(Exception):
    """It works, but should be seen to; the message says why."""


def who(aws: Aws, _: Config) -> str:
    found = aws.read("sts", "get_caller_identity")
    return f"account {found['Account']}, as {found['Arn'].rpartition(':')[2]}, in {aws.region}"


def account_is_ready(aws: Aws, config: Config) -> str:
    account.check(aws, config, before_all=True)
    parts = [
        "VPC",
        "SUBNETS",
        "SECURITY_GROUP",
        *(("INSTANCE_ROLE", "INSTANCE_TYPE") if config.on_ec2 else ()),
        "quota",
    ]
    later = config.on_ec2 and not account.role_is_there(aws, config)
    parts = [one for one in parts if not later or one != "INSTANCE_ROLE"]
    made = "; INSTANCE_ROLE is made by make instance-role" if later else ""
    return f"{', '.join(parts)}: as they should be{made}"


def addresses(aws: Aws, config: Config) -> str:
    filters = [{"Name": "subnet-id", "Values": config.subnets}]
    found = aws.pages("ec2", "describe_subnets", "Subnets", Filters=filters)
    free = sum(one["AvailableIpAddressCount"] for one in found)
    wanted = config.all_tasks(most=True) + int(config["MAX_RUNS"]) + 10
    if free < wanted:
        raise Refused(f"The subnets have {free} free addresses, a task needs one each: {wanted} at least.")
    return f"{free} free"


def way_out(aws: Aws, config: Config) -> str:
    for subnet, table in gateways.tables(aws, config).items():
        out = [one for one in table.get("Routes", ()) if one.get("DestinationCidrBlock") == "0.0.0.0/0"]
        if not out:
            raise Refused(
                f"{subnet} has no way to the internet, which feeds and a machine's registration want: a NAT gateway."
            )
        if any(str(one.get("GatewayId", "")).startswith("igw-") for one in out):
            raise Refused(
                f"{subnet} is public: tasks on EC2 get no public address there, and so no way out. Take private ones."
            )
    return "each subnet has a default route, not of a public one"


def s3(aws: Aws, config: Config) -> str:
    if lacking := gateways.without_s3(aws, config):
        if not config.on_ec2:
            gateways.require(aws, config)
        raise Mind(
            f"no S3 gateway in {', '.join(lacking)}: images and archive come through NAT, which is paid for"
        )
    return "by its gateway endpoint, which costs nothing"


def balancer_of_pages(aws: Aws, config: Config) -> str:
    if wrong := pages.problems(aws, config):
        raise Refused("\n".join(wrong))
    return f"open to {config['PAGES_CIDR']}, in public subnets" if config.pages else "none: PAGES is not yes"


def machine(aws: Aws, config: Config) -> str:
    if not config.on_ec2:
        return "none: Fargate"
    said = cluster.room(aws, config)
    return f"{said}{', with trunking' if machines.is_trunked(aws) else ''}"


def recorder(aws: Aws, _: Config) -> str:
    found = aws.read("config", "describe_configuration_recorders")["ConfigurationRecorders"]
    for one in found:
        recorded = one.get("recordingGroup", {})
        left_out = recorded.get("exclusionByResourceTypes", {}).get("resourceTypes", [])
        kind = "AWS::EC2::NetworkInterface"
        if kind not in left_out and (
            recorded.get("allSupported") or kind in recorded.get("resourceTypes", [])
        ):
            raise Mind(
                f"AWS Config records {kind}: each task is {cost.CONFIG_ITEMS} items or so, which are paid for"
            )
    return "AWS Config records no task's interface"


CHECKS: list[tuple[str, Check]] = [
    ("who calls", who),
    ("what the steps look at first", account_is_ready),
    ("addresses", addresses),
    ("the way out", way_out),
    ("S3", s3),
    ("pages", balancer_of_pages),
    ("room", machine),
    ("AWS Config", recorder),
]
"""In this order; what others add comes at the end."""


def run(aws: Aws, config: Config, checks: list[tuple[str, Check]] | None = None) -> int:
    """Say what each found; 1 where something would fail."""
    wrong = 0
    known: dict[str, bool] = {}
    for name, check in checks or CHECKS:
        known[name] = False
        try:
            aws.say(f"  ok     {name}: {check(aws, config)}")
            known[name] = True
        except Mind as error:
            aws.say(f"  mind   {name}: {error}")
        except Refused as error:
            wrong += 1
            for line in str(error).splitlines():
                aws.say(f"  WRONG  {name}: {line}")
            if check is who:
                aws.say("So nothing else can be looked at. Nothing was changed.")
                return 1
        except (ClientError, BotoCoreError, LookupError) as error:
            aws.say(f"  ?      {name}: it can't be looked at: {error}")
    _bill(aws, config, known)
    if wrong:
        aws.say("That would fail. Nothing was changed.")
    else:
        aws.say("Nothing was found that would fail, and nothing was changed.")
    return int(wrong > 0)


def _bill(aws: Aws, config: Config, known: dict[str, bool]) -> None:
    """What it would cost, by what was found."""
    try:
        room = machines.tasks_each(aws, config) if config.on_ec2 else 0
    except (Refused, ClientError):
        room = 3
    network = cost.Network(
        s3_gateway=known.get("S3", False), nats=1, config_recorder=not known.get("AWS Config", True)
    )
    week, lines = cost.of(config, room, network)
    price: Any = cost.prices()
    about = f"{price['region']}, {price['looked_up']}; not asked of AWS, and without what you have already"
    aws.say(f"A month costs about ${sum(one.dollars for one in lines):,.0f} ({about}):")
    for one in lines:
        aws.say(f"  {one.dollars:8,.2f}  {one.what}: {one.rests_on}")
    aws.say(f"A week: {week.runs:,} runs, {week.tasks:,} of them tasks. How it is computed: docs/cost.md")
