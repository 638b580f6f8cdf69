"""The database that the kit makes on request: a password of its own, then an RDS instance (a stack)."""

from deploy.kit import account, ownership, stacks
from deploy.kit.aws import Aws, Refused, look
from deploy.kit.config import Config

PASSWORD = "database-password"  # noqa: S105 - the secret's name
NAMES = {"DB_URI": "stats", "DAGSTER_DB_URI": "postgres"}
"""The databases of the server: ours, and the one that each server comes with, for Dagster."""


def bring(aws: Aws, config: Config) -> None:
    """Make it, or change it to what the variables say now. Raises Refused when an existing one is configured."""
    if not config.own_database:
        raise Refused(
            "DB_INSTANCE_CLASS is empty: DB_URI names a database that exists, and there is nothing to make."
        )
    account.check_network(aws, config)
    account.bring_roles(aws, config, account.DATABASE)
    secret = _password_secret(aws, config)
    storage = int(config["DB_STORAGE"] or 100)
    stacks.bring(
        aws,
        config,
        "database",
        {
            "ClusterName": config["CLUSTER_NAME"],
            "Vpc": config["VPC"],
            "Subnets": config["SUBNETS"],
            "SecurityGroup": config["SECURITY_GROUP"],
            "InstanceClass": config["DB_INSTANCE_CLASS"],
            "Storage": storage,
            "MostStorage": most_storage(storage),
            "PasswordSecret": secret,
        },
    )


def most_storage(storage: int) -> int:
    """To what it grows: ten times as much, as far as RDS goes; the same where that is less than a tenth more."""
    most = min(storage * 10, 65536)
    return most if most >= storage * 1.1 else storage


def urls(aws: Aws, config: Config) -> dict[str, str]:
    """Both databases' URLs by variable. Raises Refused before the database is there."""
    if not config.own_database:
        return {name: config[name] for name in NAMES}
    if stacks.find(aws, config.named("database")) is None:
        if aws.dry_run:
            return dict.fromkeys(NAMES, "(a URL of the database)")
        raise Refused("The database is not there. First: make database")
    made = stacks.outputs(aws, config.named("database"))
    name = f"{config['CLUSTER_NAME']}/{PASSWORD}"
    password = aws.read("secretsmanager", "get_secret_value", SecretId=name)["SecretString"]
    server = f"postgresql://stats:{password}@{made['Host']}:{made['Port']}"
    return {variable: f"{server}/{database}?sslmode=require" for variable, database in NAMES.items()}


def _password_secret(aws: Aws, config: Config) -> str:
    name = f"{config['CLUSTER_NAME']}/{PASSWORD}"
    found = look(aws, "secretsmanager", "describe_secret", SecretId=name)
    if found:
        return str(found["ARN"])
    drawn = aws.read("secretsmanager", "get_random_password", PasswordLength=40, ExcludePunctuation=True)
    made = aws.change(
        f"create secret {name}, with a password that nobody has seen",
        "secretsmanager",
        "create_secret",
        Name=name,
        SecretString=drawn["RandomPassword"],
        Tags=ownership.tags(config),
    )
    return str(made.get("ARN", ""))
