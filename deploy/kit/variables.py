"""The variables of config-aws.mk and config-local.mk: what each must look like, with an example. No value is here.

What they mean is in the templates beside the Makefile; what must hold of several at once is config.py's.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from deploy.kit import rules

CIDR = r"\d{1,3}(\.\d{1,3}){3}/([1-9]|[12]\d|3[0-2])"
URI = r"postgresql://[^@\s/]+@[^@\s/]+/[^\s/?]+(\?\S+)?"
ARN_OF_SECRET = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@!-]+-[A-Za-z0-9]{6}"  # noqa: S105 - where one is


class Variable(NamedTuple):
    """What a value must look like as a whole, and one that does. secret: never shown. rule: what no pattern says."""

    pattern: str
    example: str
    required: bool = True
    secret: bool = False
    rule: rules.Rule | None = None
    explained: bool = False
    """Whether the rule has a word to say of what the pattern does not take, too."""

    @property
    def choices(self) -> list[str]:
        """Where it is one of some words: these."""
        words = self.pattern.split("|")
        return words if all(re.fullmatch(r"\w+", one) for one in words) else []


NUMBER = Variable(r"[1-9]\d{0,2}", "4")
START = Variable(r"\d{1,9}", "7000000", required=False)
SOURCE = Variable(r"(https?|s3)://\S+", "s3://bucket/augmented_diffs", required=False, rule=rules.web)
WEB = Variable(r"https?://\S+", "https://overpass-api.de", rule=rules.web)
CHANGESETS = WEB._replace(example="https://planet.openstreetmap.org/replication/changesets")
LOGIN = WEB._replace(pattern=r"https://\S+")
HOST = Variable(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", "stats.example.org")
CERTIFICATE = Variable(
    r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[\w-]+",
    "arn:aws:acm:us-east-1:123456789012:certificate/0a1b",
)
PEOPLE = Variable(r"full|names|none", "full", required=False)
CONTACT = Variable(r"https?://\S+|[^@\s]+@[^@\s]+", "stats@example.org", required=False, rule=rules.contact)
PUBLIC_SUBNETS = Variable(
    r"subnet-[0-9a-f]{8,17}(,subnet-[0-9a-f]{8,17})+",
    "subnet-0123456789abcdef2,subnet-0123456789abcdef3",
    required=False,
    rule=rules.subnets,
    explained=True,
)
AWS: Mapping[str, Variable] = {
    "CLUSTER_NAME": Variable(r"[a-z][a-z0-9-]{0,30}[a-z0-9]", "stats-assets", rule=rules.name),
    "AWS_REGION": Variable(r"[a-z]{2,5}(-[a-z]+)+-\d{1,2}", "us-east-1", rule=rules.region),
    "AWS_LOG_GROUP": Variable(
        r"[a-zA-Z0-9_./#-]{1,512}", "stats-assets", required=False, rule=rules.log_group
    ),
    "INSTANCE_TYPE": Variable(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "m5.xlarge"),
    "ARCHITECTURE": Variable(r"x86_64|arm64", "arm64", required=False),
    "MAX_INSTANCES": NUMBER,
    "MAX_RUNS": NUMBER,
    "KEYPAIR": Variable(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?", "my-key", required=False),
    "LAUNCH_TYPE": Variable(r"EC2|FARGATE", "EC2"),
    "RUNS": Variable(r"mixed|tasks|processes", "mixed", required=False),
    "EXEC": Variable(r"yes|no", "no", required=False),
    "STORE": Variable(r"yes|no", "no", required=False),
    "VPC": Variable(r"vpc-[0-9a-f]{8,17}", "vpc-0123456789abcdef0"),
    "SUBNETS": Variable(
        r"subnet-[0-9a-f]{8,17}(,subnet-[0-9a-f]{8,17})+",
        "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
        rule=rules.subnets,
        explained=True,
    ),
    "SECURITY_GROUP": Variable(r"sg-[0-9a-f]{8,17}", "sg-0123456789abcdef0"),
    "INSTANCE_ROLE": Variable(r"[a-zA-Z0-9_+=,.@-]{1,64}", "stats-assets-instance", required=False),
    "ECR_REPO": Variable(
        r"(\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/)?[a-z0-9][a-z0-9._/-]*",
        "stats-assets",
        required=False,
        rule=rules.repository,
    ),
    "BASE_IMAGE": Variable(
        r"[a-z0-9][\w.:/-]*(@sha256:[0-9a-f]{64})?", "docker.io/library/python:3.11.14-slim-bookworm"
    ),
    "DB_URI": Variable(
        URI,
        "postgresql://user:password@host:5432/stats",
        required=False,
        secret=True,
        rule=rules.postgres,
        explained=True,
    ),
    "DAGSTER_DB_URI": Variable(
        URI,
        "postgresql://user:password@host:5432/dagster",
        required=False,
        secret=True,
        rule=rules.postgres,
        explained=True,
    ),
    "DAGSTER_READ_DB_URI": Variable(
        URI, "postgresql://looks:password@host:5432/dagster", required=False, secret=True, rule=rules.postgres
    ),
    "DB_INSTANCE_CLASS": Variable(r"db\.[a-z0-9-]+\.[a-z0-9]+", "db.t4g.large", required=False),
    "DB_ENGINE_VERSION": Variable(r"1[5-9]\.\d{1,2}", "16.11", required=False),
    "DB_SECRET_ARN": Variable(
        ARN_OF_SECRET, "arn:aws:secretsmanager:us-east-1:123456789012:secret:stats-AbCdEf", required=False
    ),
    "DAGSTER_DB_SECRET_ARN": Variable(
        ARN_OF_SECRET, "arn:aws:secretsmanager:us-east-1:123456789012:secret:dagster-AbCdEf", required=False
    ),
    "DB_STORAGE": Variable(r"[1-9]\d{0,5}", "100", required=False, rule=rules.within(20, 65536)),
    "AUGDIFF_SOURCE": SOURCE,
    "OVERPASS_URL": WEB,
    "CHANGESET_SOURCE": CHANGESETS,
    "AUGDIFF_START": START,
    "CHANGESET_START": START,
    "ARCHIVE_URI": Variable(r"s3://[^/\s]+/\S*[^/\s]", "s3://bucket/archive", required=False, rule=rules.web),
    "CLIENT_CIDR": Variable(CIDR, "10.0.0.0/16", rule=rules.cidr, explained=True),
    "READ_ONLY_CIDR": Variable(CIDR, "10.0.0.0/16", required=False, rule=rules.cidr, explained=True),
    "ALARM_EMAIL": Variable(r"[^@\s]+@[^@\s]+", "stats@example.org", required=False, rule=rules.mail),
    "UI_HOST": HOST,
    "CERTIFICATE_ARN": CERTIFICATE,
    "OIDC_ISSUER": LOGIN._replace(example="https://login.example.org"),
    "OIDC_AUTHORIZATION_ENDPOINT": LOGIN._replace(example="https://login.example.org/authorize"),
    "OIDC_TOKEN_ENDPOINT": LOGIN._replace(example="https://login.example.org/token"),
    "OIDC_USER_INFO_ENDPOINT": LOGIN._replace(example="https://login.example.org/userinfo"),
    "OIDC_CLIENT_ID": Variable(r"[\x21-\x7e]+", "stats-assets"),
    "OIDC_SECRET_ARN": Variable(
        ARN_OF_SECRET, "arn:aws:secretsmanager:us-east-1:123456789012:secret:oidc-AbCdEf"
    ),
    "PLAIN_HTTP": Variable(r"yes", "yes", required=False),
    "NO_LOGIN": Variable(r"yes", "yes", required=False),
    "PAGES": Variable(r"yes|no", "no", required=False),
    "PEOPLE": PEOPLE,
    "CONTACT": CONTACT,
    "PAGES_SUBNETS": PUBLIC_SUBNETS,
    "PAGES_HOST": HOST._replace(required=False, example="maps.example.org"),
    "PAGES_CERTIFICATE_ARN": CERTIFICATE._replace(required=False),
    "PAGES_PLAIN_HTTP": Variable(r"yes", "yes", required=False),
    "PAGES_CIDR": Variable(
        rf"0\.0\.0\.0/0|{CIDR}", rules.WORLD, required=False, rule=rules.public, explained=True
    ),
    "PAGES_MIN": NUMBER._replace(required=False, example="2"),
    "PAGES_MAX": NUMBER._replace(required=False, example="6"),
    "PAGES_DB_URI": Variable(
        URI,
        "postgresql://looks:password@replica:5432/stats",
        required=False,
        secret=True,
        rule=rules.postgres,
    ),
    "PAGES_DB_SECRET_ARN": Variable(
        ARN_OF_SECRET, "arn:aws:secretsmanager:us-east-1:123456789012:secret:looks-AbCdEf", required=False
    ),
}
DATABASES = (("DB_URI", "DB_SECRET_ARN"), ("DAGSTER_DB_URI", "DAGSTER_DB_SECRET_ARN"))
"""Ours and Dagster's: its URL, or the secret whose value is that URL."""
PAGES_DATABASE = ("PAGES_DB_URI", "PAGES_DB_SECRET_ARN")
"""Likewise: what pages read, by a login that may only SELECT; a replica, maybe."""
OIDC = tuple(name for name in AWS if name.startswith("OIDC_"))
LEFT_OUT: Mapping[str, tuple[str, ...]] = {"PLAIN_HTTP": ("CERTIFICATE_ARN", "UI_HOST"), "NO_LOGIN": OIDC}
"""A variable that says that something is left out, and what needs no value then."""
LOCAL: Mapping[str, Variable] = {
    "LOCAL_PORT": Variable(r"[1-9]\d{1,4}", "3000", rule=rules.within(10, 65535)),
    "LOCAL_PAGES_PORT": Variable(r"[1-9]\d{1,4}", "8080", required=False, rule=rules.within(10, 65535)),
    "LOCAL_PEOPLE": PEOPLE,
    "LOCAL_CONTACT": CONTACT,
    "LOCAL_DB_PASSWORD": Variable(r"[\w.~-]{6,}", "a-long-one", secret=True),
    "LOCAL_AUGDIFF_SOURCE": SOURCE,
    "LOCAL_OVERPASS_URL": WEB,
    "LOCAL_CHANGESET_SOURCE": CHANGESETS,
    "LOCAL_AUGDIFF_START": START,
    "LOCAL_CHANGESET_START": START,
}
