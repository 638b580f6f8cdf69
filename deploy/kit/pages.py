"""Pages and API for people (optional): a stack of its own, what the public network must be like, the address.

What the variables may be together is config.py's, which login the pages read by database.py's and secrets.py's.
"""

from typing import Any

from deploy.kit import account, gateways, stacks
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config

STACK = "pages"
SHARED = ("ClusterName", "Provider", "LaunchType", "Vpc", "Subnets", "SecurityGroup")


def problems(aws: Aws, config: Config) -> list[str]:
    """What would fail, in sentences: subnets that are not there, not of the VPC, of one zone, or not public."""
    if not config.pages:
        return []
    wrong = account.subnets(aws, config, "PAGES_SUBNETS")
    if not wrong:
        for name, table in gateways.tables(aws, config, config["PAGES_SUBNETS"].split(",")).items():
            if not any(str(one.get("GatewayId", "")).startswith("igw-") for one in table.get("Routes", ())):
                wrong.append(
                    f"PAGES_SUBNETS: {name} has no route to an internet gateway, and so nobody would come to the"
                    " balancer. Name public subnets."
                )
    return wrong


def _told(aws: Aws, config: Config) -> dict[str, str]:
    """What their tasks are told: the balancer's networks, too, as it says who asks, and all would be one address."""
    filters = [{"Name": "subnet-id", "Values": config["PAGES_SUBNETS"].split(",")}]
    found = aws.pages("ec2", "describe_subnets", "Subnets", Filters=filters)
    networks = ",".join(sorted(one["CidrBlock"] for one in found))
    return {"People": config["PEOPLE"], "Contact": config["CONTACT"], "TrustedProxies": networks}


def check(aws: Aws, config: Config) -> None:
    """Raises Refused with every sentence of `problems`."""
    if wrong := problems(aws, config):
        raise Refused("\n".join(wrong))


def bring(
    aws: Aws,
    config: Config,
    where: dict[str, Any],
    task: dict[str, Any],
    breaker: dict[str, Any],
    *,
    stays: bool,
) -> None:
    """The stack as the variables say; removed where they say none. Its address is told. task: its definition's."""
    if not config.pages:
        if stacks.find(aws, config.named(STACK)):
            stacks.remove(aws, config, STACK)
        return
    values = {
        **{name: where[name] for name in SHARED},
        **task,
        **_told(aws, config),
        "PublicSubnets": config["PAGES_SUBNETS"],
        "Cidr": config["PAGES_CIDR"],
        "CertificateArn": config["PAGES_CERTIFICATE_ARN"],
        "Least": config["PAGES_MIN"],
        "Most": config["PAGES_MAX"],
    }
    _tell(aws, config, stacks.bring(aws, config, STACK, values, breaker, stays=stays)["PagesAddress"])


def watched(aws: Aws, config: Config) -> dict[str, str]:
    """The balancer's and its targets' names for metrics; empty before they are there."""
    stack = stacks.find(aws, config.named(STACK)) if config.pages else None
    found = stacks.outputs(aws, config.named(STACK)) if stack else {}
    return {name: found[name] for name in ("PagesBalancer", "PagesTargets") if name in found}


def _tell(aws: Aws, config: Config, balancer: str) -> None:
    host = config["PAGES_HOST"] or balancer
    scheme = "http" if config["PAGES_PLAIN_HTTP"] else "https"
    aws.say(f"pages and API, for {config['PAGES_CIDR']}: {scheme}://{host}")
    if host != balancer:
        aws.say(f"{host} is to be a CNAME (or an alias) of {balancer} in your DNS")
    if config["PAGES_PLAIN_HTTP"]:
        aws.say("PAGES_PLAIN_HTTP: everyone on the way can read, and change, what is answered")
