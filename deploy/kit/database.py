"""The database that the kit makes on request: a password of its own, then an RDS instance (a stack).

How it is changed later, each by its own command: rotate.py, restore.py.
"""

from contextlib import nullcontext
from typing import Any
from urllib.parse import urlsplit

from deploy.kit import account, ownership, stacks
from deploy.kit.aws import Aws, Refused, look
from deploy.kit.certificates import require, verified, warning
from deploy.kit.config import Config
from deploy.kit.rest import at_rest

PASSWORD = "database-password"  # noqa: S105 - the secret's name
ENGINE = "16.11"
"""The first one's version, where DB_ENGINE_VERSION says nothing; minor versions are upgraded by themselves."""
READER = "dagster_reader"
"""The role that may only read Dagster's records: `stats-assets migrate` makes it."""
PAGES = "stats_pages"
"""The role by which pages read the statistics: likewise."""
PATIENCE = 3600.0
NAMES = {"DB_URI": "stats", "DAGSTER_DB_URI": "postgres"}
"""The databases of the server: ours, and the one that each server comes with, for Dagster."""


def bring(aws: Aws, config: Config) -> None:
    """Make it, or change it to what the variables say now. Raises Refused when an existing one is configured."""
    if not config.own_database:
        raise Refused(
            "DB_INSTANCE_CLASS is empty: DB_URI names a database that exists, and there is nothing to make."
        )
    require(config["AWS_REGION"])
    account.check_network(aws, config)
    account.bring_roles(aws, config, account.DATABASE)
    secret = _password_secret(aws, config)
    storage = int(config["DB_STORAGE"] or 100)
    version = config["DB_ENGINE_VERSION"] or ENGINE
    here = find(aws, config)
    values = {
        "ClusterName": config["CLUSTER_NAME"],
        "Vpc": config["VPC"],
        "Subnets": config["SUBNETS"],
        "SecurityGroup": config["SECURITY_GROUP"],
        "InstanceClass": config["DB_INSTANCE_CLASS"],
        "MostStorage": most_storage(storage),
        "PasswordSecret": secret,
        "EngineVersion": version,
    }
    # It grows by itself, and never shrinks.
    as_it_is = {"Storage": max(storage, here["AllocatedStorage"] if here else 0)}
    at = str(here["EngineVersion"]) if here else version
    major = _major(at) != _major(version)
    if major and int(_major(version)) < int(_major(at)):
        raise Refused(
            f"DB_ENGINE_VERSION {version} is older than {at}, which the database has: RDS goes forward only."
        )
    if major:
        aws.say(
            f"PostgreSQL {at} becomes {version}: some minutes without a database. RDS takes a snapshot before it."
        )
    with at_rest(aws, config, end_runs=True) if major else nullcontext():
        stacks.bring(aws, config, "database", values, as_it_is)


def check(aws: Aws, config: Config) -> None:
    """Whether its certificate can be verified; what a URL gives up of that is said. Raises Refused."""
    if config.own_database:
        require(config["AWS_REGION"])
    for name in (*NAMES, "DAGSTER_READ_DB_URI", "PAGES_DB_URI"):
        if config[name] and (said := warning(name, verified(config[name]))):
            aws.say(said)


def _major(version: str) -> str:
    return version.partition(".")[0]


def find(aws: Aws, config: Config) -> dict[str, Any] | None:
    """The instance as RDS describes it; None: there is none."""
    name = config.named("database")
    found = look(aws, "rds", "describe_db_instances", DBInstanceIdentifier=name)
    return dict(found["DBInstances"][0]) if found else None


def give_password(aws: Aws, config: Config, password: str) -> None:
    """To the server; waits until it has taken it."""
    name = config.named("database")
    about = {"DBInstanceIdentifier": name, "MasterUserPassword": password, "ApplyImmediately": True}
    aws.change(f"give the password to {name}", "rds", "modify_db_instance", **about)
    aws.until("the server to take it", lambda: _is_settled(aws, config), PATIENCE, "RDS's events say why.")


def _is_settled(aws: Aws, config: Config) -> bool:
    here = find(aws, config)
    return bool(here and here["DBInstanceStatus"] == "available" and not here.get("PendingModifiedValues"))


def outputs(aws: Aws, config: Config) -> dict[str, str]:
    """Of its stack: Host and Port. Raises Refused before the database is there, and where others made it."""
    require_own(aws, config)
    return stacks.outputs(aws, config.named("database"))


def require_own(aws: Aws, config: Config) -> None:
    """Raises Refused where the instance of our name is none of our stack's, or there is none yet."""
    if stacks.made(aws, config, "database", "AWS::RDS::DBInstance"):
        return
    if find(aws, config) or stacks.find(aws, config.named("database")):
        raise Refused(
            f"There is a database {config.named('database')} that this deployment did not make. It is not changed: take"
            " another CLUSTER_NAME."
        )
    raise Refused("The database is not there. First: make database")


def most_storage(storage: int) -> int:
    """To what it grows: ten times as much, as far as RDS goes; the same where that is less than a tenth more."""
    most = min(storage * 10, 65536)
    return most if most >= storage * 1.1 else storage


def urls(aws: Aws, config: Config) -> dict[str, str]:
    """Both URLs by variable, without what a secret of another names. Raises Refused without a database."""
    if not config.own_database:
        return {name: verified(config[name]) for name in NAMES if config[name]}
    if aws.dry_run and stacks.find(aws, config.named("database")) is None:
        return dict.fromkeys(NAMES, "(a URL of the database)")
    made = outputs(aws, config)
    server = f"postgresql://stats:{password(aws, config)}@{made['Host']}:{made['Port']}"
    return {variable: verified(f"{server}/{database}") for variable, database in NAMES.items()}


def has_reader(config: Config) -> bool:
    """Whether the read-only UI has a login of its own, which may only SELECT."""
    return bool(config["READ_ONLY_CIDR"] and (config.own_database or config["DAGSTER_READ_DB_URI"]))


def reading_url(aws: Aws, config: Config, old: str) -> str:
    """That login's, for Dagster's database; empty: it has none. old: the present one, whose password stays."""
    if not has_reader(config):
        return ""
    if not config.own_database:
        return verified(config["DAGSTER_READ_DB_URI"])
    return _own_url(aws, config, READER, old, "DAGSTER_DB_URI")


def pages_url(aws: Aws, config: Config, old: str) -> str:
    """The pages' login's, for the statistics; empty: there are none, or a secret of another names it. old: as above."""
    if not config.pages or config["PAGES_DB_SECRET_ARN"]:
        return ""
    if config["PAGES_DB_URI"]:
        return verified(config["PAGES_DB_URI"])
    return _own_url(aws, config, PAGES, old, "DB_URI")


def _own_url(aws: Aws, config: Config, role: str, old: str, variable: str) -> str:
    if aws.dry_run and stacks.find(aws, config.named("database")) is None:
        return "(a URL of the database)"
    made = outputs(aws, config)
    known = urlsplit(old).password or draw(aws)
    return verified(f"postgresql://{role}:{known}@{made['Host']}:{made['Port']}/{NAMES[variable]}")


def password_name(config: Config) -> str:
    """Of the secret that is the password."""
    return f"{config['CLUSTER_NAME']}/{PASSWORD}"


def password(aws: Aws, config: Config) -> str:
    """The present one."""
    about = {"SecretId": password_name(config), "VersionStage": "AWSCURRENT"}
    return str(aws.read("secretsmanager", "get_secret_value", **about)["SecretString"])


def draw(aws: Aws) -> str:
    """A new password."""
    about = {"PasswordLength": 40, "ExcludePunctuation": True}
    return str(aws.read("secretsmanager", "get_random_password", **about)["RandomPassword"])


def _password_secret(aws: Aws, config: Config) -> str:
    name = password_name(config)
    found = look(aws, "secretsmanager", "describe_secret", SecretId=name)
    if found and not ownership.is_ours(config, found.get("Tags", []), named=True):
        raise Refused(
            f"There is a secret {name} that {ownership.owner(config, found.get('Tags', [])).value} made. It is not"
            " used: take another CLUSTER_NAME."
        )
    if found:
        return str(found["ARN"])
    drawn = draw(aws)
    made = aws.change(
        f"create secret {name}, with a password that nobody has seen",
        "secretsmanager",
        "create_secret",
        Name=name,
        SecretString=drawn,
        Tags=ownership.tags(config),
    )
    return str(made.get("ARN", ""))
