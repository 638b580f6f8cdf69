"""AWS's own rules, and libpq's, for values of variables: each says what is wrong, or nothing, and never a secret."""

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from ipaddress import IPv4Network, ip_address
from urllib.parse import urlsplit

from botocore.loaders import Loader
from botocore.regions import EndpointResolver
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

Rule = Callable[[str], str]
"""A sentence that says what is wrong with the value; empty: nothing."""
WORLD = "0.0.0.0/0"
RESERVED = ("aws", "ecs", "fargate")
ENCODED = (
    "In its password / @ % and spaces are percent-encoded, as in %40 for @ (for make $ and #, too: %24, %23)."
)
S3_KEY = re.compile(r"[A-Za-z0-9!_.()/=&,@:+-]*")
"""Of a folder in a bucket: it comes into a role's policy, where * ? and $ are not themselves."""
SSLMODES = ("verify-full", "verify-ca", "require", "disable")
"""Those that do what they say: allow and prefer do without TLS when whoever is on the way says so."""
GRAVITON = re.compile(r"(a1|[a-z]+\d+g[a-z]*|p\d+e-gb\d+)(-[a-z0-9]+)?\.")


def cidr(value: str) -> str:
    """Of addresses that may open something: a network, and not half of the world."""
    try:
        network = IPv4Network(value, strict=False)
    except ValueError as error:
        return f"That is no network: {error}."
    if str(network) != value:
        return f"The network that it is in is {network}."
    if network.prefixlen < 8:
        return "That is too much of the world: /8 at most."
    return ""


def public(value: str) -> str:
    """Of addresses that may open what can't be changed: all of the world, or a network."""
    return "" if value == WORLD else cidr(value)


def name(value: str) -> str:
    """CLUSTER_NAME: what all names begin with, those of RDS and of a capacity provider among them."""
    if "--" in value:
        return "RDS takes no name with two hyphens beside each other."
    if value.startswith(RESERVED):
        return f"A capacity provider's name may not begin with {', '.join(RESERVED)}."
    return ""


def log_group(value: str) -> str:
    return "Names that begin with aws/ are AWS's own." if value.lower().startswith("aws/") else ""


def region(value: str) -> str:
    """One that exists, as far as the SDK knows."""
    known = regions()
    if value in known:
        return ""
    near = sorted(one for one in known if one.rpartition("-")[0] == value.rpartition("-")[0])
    near = near or get_close_matches(value, sorted(known), cutoff=0.85)
    return f"There is no such region{', but ' + ', '.join(near) if near else ''} (a new one needs a newer boto3)."


@cache
def regions() -> frozenset[str]:
    # A session would want AWS_PROFILE and the person's files to be right, which is the steps' to say.
    resolver = EndpointResolver(Loader().load_data("endpoints"))
    return frozenset(
        one
        for partition in resolver.get_available_partitions()
        for one in resolver.get_available_endpoints("ecs", partition)
    )


def subnets(value: str) -> str:
    if re.search(r"\s", value):
        return "Between them is a comma, without spaces."
    names = value.split(",")
    return "One is named twice." if len({*names}) < len(names) else ""


def repository(value: str) -> str:
    path = value.partition("/")[2] if ".dkr.ecr." in value else value
    if not 2 <= len(path) <= 256:
        return "ECR takes names of 2 to 256 characters."
    if not re.fullmatch(r"[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*", path):
        return "ECR takes lower-case words with single . _ - between them, and / between such; no tag."
    return ""


def within(least: int, most: int) -> Rule:
    """A number of that range."""

    def rule(value: str) -> str:
        return "" if least <= int(value) <= most else f"It is from {least} to {most}."

    return rule


def web(value: str) -> str:
    """An address that a client can call; an s3:// one's bucket by S3's rules."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        return f"{str(error).capitalize()}."
    if re.search(r"[^\x21-\x7e]|[\"'<>\\^`{|}]", value):
        return "It has a character that no address has: write it percent-encoded."
    if parts.scheme == "s3":
        return bucket(parts.netloc) or _folder(value)
    if parts.fragment or value.endswith("#") or re.search(r"%(?![0-9A-Fa-f]{2})", value):
        return "A # begins what no server sees, and a % is followed by two hexadecimal digits: %23, %25."
    if not parts.hostname or port == 0:
        return "It has no host, or no port that exists."
    if parts.username is not None:
        return "A password is not for this file, and would be seen in task definitions."
    return ""


def _folder(value: str) -> str:
    if S3_KEY.fullmatch(value.partition("://")[2]):
        return ""
    return (
        "Of a bucket's folders only letters, digits and !_.()/=&,@:+- are taken: a role's policy names them."
    )


def bucket(value: str) -> str:
    try:
        ip_address(value)
    except ValueError:
        pass
    else:
        return "A bucket's name is no address."
    if (
        not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value)
        or ".." in value
        or ".-" in value
        or "-." in value
    ):
        return "S3 takes bucket names of 3 to 63 lower-case letters, digits, hyphens and single dots."
    return ""


def mail(value: str) -> str:
    if len(value) > 320 or not re.fullmatch(r"[\w.+%'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", value):
        return "That is no mail address."
    return ""


def contact(value: str) -> str:
    """Whom people write to: an address of the web, or of mail."""
    return web(value) if "://" in value else mail(value)


def postgres(value: str) -> str:
    """A URL as libpq reads it. The value is a secret, and is not said."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", value):
        return "A % is followed by two hexadecimal digits; a % of the password itself is %25."
    try:
        told = conninfo_to_dict(value)
    except (ProgrammingError, UnicodeError):
        return f"It is no URL of PostgreSQL. {ENCODED}"
    if value.count("@") > 1 + value.count("?"):
        return ENCODED
    host = str(told.get("host") or "")
    if not told.get("dbname") or not host or host.startswith(("/", "@")):
        return "It names no host, or no database; a socket is no host for a task."
    if (mode := told.get("sslmode", SSLMODES[0])) not in SSLMODES:
        return f"Its sslmode can't be {mode!r}. There are: {', '.join(SSLMODES)} (without it: {SSLMODES[0]})."
    ports = str(told.get("port") or 5432).split(",")
    if not all(port.isdigit() and 0 < int(port) < 65536 for port in ports):
        return f"It has no port that exists. {ENCODED}"
    return ""


def database(url: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """What a URL names: hosts, ports, database; the same for the same, however it is written."""
    told = conninfo_to_dict(url)
    hosts = tuple(
        host.lower().rstrip(".") for host in str(told.get("hostaddr") or told.get("host")).split(",")
    )
    ports = [port or "5432" for port in str(told.get("port") or "5432").split(",")]
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return hosts, tuple(str(int(port)) for port in ports), str(told.get("dbname"))


def architecture(kind: str) -> str:
    """Of an instance type, by its name: AWS's own processors are arm64. The step that makes machines asks EC2."""
    return "arm64" if GRAVITON.match(kind) else "x86_64"
