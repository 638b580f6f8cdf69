"""The variables of config-aws.mk and config-local.mk, which make puts into the environment: read, and named when wrong.

What they mean is in the templates beside the Makefile.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.kit import pages_config, rules
from deploy.kit.variables import AWS, DATABASES, LEFT_OUT, Variable


class ConfigError(ValueError):
    """Variables that are missing or malformed; the message names each, with an example."""


@dataclass(frozen=True)
class Config:
    """The variables' values by their names; an optional one that is not set is ""."""

    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    @property
    def subnets(self) -> list[str]:
        return self["SUBNETS"].split(",")

    @property
    def on_ec2(self) -> bool:
        return self["LAUNCH_TYPE"] == "EC2"

    @property
    def own_database(self) -> bool:
        """Whether the kit makes the database."""
        return bool(self["DB_INSTANCE_CLASS"])

    @property
    def services(self) -> tuple[str, ...]:
        """Those that are started, in this order."""
        more = (("read-only", bool(self["READ_ONLY_CIDR"])), ("pages", self.pages))
        return ("code", "daemon", "webserver", "watch", *(name for name, wanted in more if wanted))

    @property
    def pages(self) -> bool:
        """Whether there are pages for people."""
        return self["PAGES"] == "yes"

    def tasks(self, service: str, *, most: bool = False) -> int:
        """How many a service begins with; most: to how many it grows."""
        return int(self["PAGES_MAX" if most else "PAGES_MIN"]) if service == "pages" else 1

    def all_tasks(self, *, most: bool = False) -> int:
        """Of all services together."""
        return sum(self.tasks(one, most=most) for one in self.services)

    @property
    def architecture(self) -> str:
        """The processor that the image is built for, and that machines, or Fargate, must have."""
        kind = rules.architecture(self["INSTANCE_TYPE"]) if self.on_ec2 else "x86_64"
        return self["ARCHITECTURE"] or kind

    def named(self, part: str) -> str:
        """The name of something that the kit makes."""
        return f"{self['CLUSTER_NAME']}-{part}"

    @property
    def provider(self) -> str:
        """The capacity provider that all tasks are placed by."""
        return self.named("ec2") if self.on_ec2 else "FARGATE"

    @property
    def has_store(self) -> bool:
        """Whether the code server is on the machine with the store's volume (cloudformation/store.yaml)."""
        return self["STORE"] == "yes"

    @property
    def code_provider(self) -> str:
        """That of the code server."""
        return self.named("store") if self.has_store else self.provider

    @property
    def zone(self) -> str:
        """The private DNS zone that the code server's name is in."""
        return f"{self['CLUSTER_NAME']}.stats.internal"

    @property
    def strategy(self) -> list[dict[str, object]]:
        return [{"capacityProvider": self.provider, "weight": 1, "base": 0}]

    @property
    def runs_for_backfills(self) -> int:
        """Of MAX_RUNS: the others are the live streams' own."""
        return max(1, int(self["MAX_RUNS"]) // 3)

    @property
    def placement(self) -> dict[str, object]:
        """How tasks are laid on machines: full ones first, so that others can go; Fargate has none to choose."""
        return {"placementStrategy": [{"type": "binpack", "field": "memory"}]} if self.on_ec2 else {}

    @property
    def runs(self) -> str:
        """Where runs are: see config-aws.mk."""
        return self["RUNS"] or "mixed"

    @property
    def code_size(self) -> dict[str, int]:
        """CPU units and MiB of the code server: with processes as runs, those of MAX_RUNS beside its own.

        Pairs that Fargate takes, too.
        """
        if self.runs == "tasks":
            return {"CodeCpu": 512, "CodeMemory": 1024}
        if self.runs == "mixed":
            return {"CodeCpu": 1024, "CodeMemory": 2048}
        most = int(self["MAX_RUNS"])
        cpu = 1024 if most <= 4 else 2048 if most <= 8 else 4096
        gigabytes = 1 + -(-most // 2)
        return {"CodeCpu": cpu, "CodeMemory": 1024 * min(max(gigabytes, cpu // 512), 30)}

    @property
    def exec(self) -> bool:
        """Whether a shell in a running task can be had."""
        return self["EXEC"] == "yes"

    @property
    def settings(self) -> dict[str, str]:
        """What the containers are told, but for secrets: environment variable → value."""
        given = {
            "AWS_DEFAULT_REGION": self["AWS_REGION"],
            "OVERPASS_URL": self["OVERPASS_URL"],
            "AUGMENTED_DIFFS_URL": self["AUGDIFF_SOURCE"],
            "CHANGESETS_URL": self["CHANGESET_SOURCE"],
            "AUGMENTED_DIFFS_START": self["AUGDIFF_START"],
            "CHANGESETS_START": self["CHANGESET_START"],
            "ARCHIVE_URI": self["ARCHIVE_URI"],
            "STATS_DATA_DIR": "/tmp/stats-assets",  # noqa: S108 - of a container
            "START_LIMIT_SECONDS": "900",
            "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE": "300",
        }
        return {name: value for name, value in given.items() if value or name == "ARCHIVE_URI"}


def load(*tables: Mapping[str, Variable], environment: Mapping[str, str] = os.environ) -> Config:
    """Those variables as the environment has them. Raises ConfigError."""
    values, wrong = {}, []
    without = {name: word for word, names in LEFT_OUT.items() for name in names}
    for name, variable in (pair for table in tables for pair in table.items()):
        value = values[name] = environment.get(name, "").strip()
        if not value and variable.required:
            word = without.get(name, "")
            if environment.get(word, "").strip() != "yes":
                hint = f" (or, if it must be so: {word} := yes)" if word else ""
                wrong.append(f"{name} is not set. An example: {variable.example}{hint}")
        elif value:
            wrong += _wrong(name, value, variable)
    wrong += _left_out(values) if "PLAIN_HTTP" in values else []
    if not wrong:
        wrong = _together(values)
    elif "DB_URI" in values:
        wrong += _databases(values)
    if wrong:
        raise ConfigError("\n".join(wrong))
    return Config(values | _defaults(values))


def _wrong(name: str, value: str, variable: Variable) -> list[str]:
    fits = re.fullmatch(variable.pattern, value, re.ASCII)
    if not fits and (choices := variable.choices):
        return [f"{name} can't be {value!r}. It is {' or '.join(choices)}"]
    why = variable.rule(value) if variable.rule and (fits or variable.explained) else ""
    if fits and not why:
        return []
    shown = "what it is" if variable.secret else repr(value)
    return [f"{name} can't be {shown}. An example: {variable.example}{' - ' if why else ''}{why}"]


def _defaults(values: Mapping[str, str]) -> dict[str, str]:
    """What is named by CLUSTER_NAME where nothing is said: two deployments, and two regions, are in one account."""
    name, region = values.get("CLUSTER_NAME", ""), values.get("AWS_REGION", "")
    names = {"AWS_LOG_GROUP": name, "ECR_REPO": name, "INSTANCE_ROLE": f"{name}-{region}-instance"}
    names |= pages_config.DEFAULTS
    return {one: default for one, default in names.items() if one in values and not values[one]}


def _together(values: Mapping[str, str]) -> list[str]:
    """What is wrong with values that are right each by itself."""
    wrong = []
    if "DB_URI" in values:
        wrong += _databases(values)
        given = [values[name] for name in ("DB_URI", "DAGSTER_DB_URI") if values[name]]
        if len(given) == 2 and rules.database(given[0]) == rules.database(given[1]):
            wrong.append(
                "DAGSTER_DB_URI must be another database than DB_URI: both have a table alembic_version"
            )
    if "AWS_REGION" in values and "INSTANCE_TYPE" in values:
        wrong += _places(values) + pages_config.wrong(values)
    return wrong


def _places(values: Mapping[str, str]) -> list[str]:
    """What must be of AWS_REGION, and of the machines' processor."""
    region, wrong = values["AWS_REGION"], []
    for name in ("CERTIFICATE_ARN", "OIDC_SECRET_ARN", *(secret for _, secret in DATABASES)):
        if values[name] and values[name].split(":")[3] != region:
            wrong.append(
                f"{name} is of {values[name].split(':')[3]}, and AWS_REGION is {region}: it must be of there"
            )
    repository = re.match(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.", values["ECR_REPO"])
    if repository and repository[1] != region:
        wrong.append(f"ECR_REPO is of {repository[1]}, and AWS_REGION is {region}: it must be of there")
    if values.get("RUNS") == "processes" and int(values["MAX_RUNS"]) > 16:
        wrong.append(
            "RUNS processes: MAX_RUNS is 16 at most, as all are in one task. For more: RUNS := mixed"
        )
    if values.get("STORE") == "yes" and values["LAUNCH_TYPE"] != "EC2":
        wrong.append(
            "STORE needs LAUNCH_TYPE EC2: a volume that outlives its task is a machine's, Fargate has none"
        )
    kind, asked = values["INSTANCE_TYPE"], values["ARCHITECTURE"]
    if values["LAUNCH_TYPE"] == "EC2" and asked and asked != rules.architecture(kind):
        wrong.append(
            f"ARCHITECTURE is {asked}, and INSTANCE_TYPE {kind} is {rules.architecture(kind)}: leave it empty"
        )
    return wrong


def _databases(values: Mapping[str, str]) -> list[str]:
    """Each of the two is named by a URL or by a secret, or the kit makes both."""
    names = (*(name for pair in DATABASES for name in pair), "DAGSTER_READ_DB_URI")
    given = [name for name in names if values[name]]
    if values["DB_INSTANCE_CLASS"]:
        return (
            [f"{' and '.join(given)}: leave empty, or DB_INSTANCE_CLASS, which makes a database"]
            if given
            else []
        )
    wrong = [
        f"{url} and {secret} can't both be set: leave one of them empty"
        for url, secret in DATABASES
        if values[url] and values[secret]
    ]
    if values["DB_SECRET_ARN"] and values["DB_SECRET_ARN"] == values["DAGSTER_DB_SECRET_ARN"]:
        wrong.append(
            "DAGSTER_DB_SECRET_ARN must name another database than DB_SECRET_ARN: Dagster has its own"
        )
    return wrong + [
        f"{url} is not set, and neither is DB_INSTANCE_CLASS. An example: {AWS[url].example}"
        for url, secret in DATABASES
        if not values[url] and not values[secret]
    ]


def _left_out(values: Mapping[str, str]) -> list[str]:
    """What says of itself that it is left out, and is not."""
    wrong = [
        f"{word} and {', '.join(given)} can't both be set: leave one of them empty"
        for word, names in LEFT_OUT.items()
        if values[word] and (given := [name for name in names if name != "UI_HOST" and values[name]])
    ]
    if values["PLAIN_HTTP"] and not values["NO_LOGIN"]:
        wrong.append("PLAIN_HTTP has no login, which is only for HTTPS: say that, too, by NO_LOGIN := yes")
    return wrong
