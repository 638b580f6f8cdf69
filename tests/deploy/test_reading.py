"""The read-only UI's login: a secret of its own, which only that UI and the migration that makes the login are given.

What the login may is tests/database/test_records_login.py's.
"""

from urllib.parse import urlsplit

import pytest

from deploy.kit import database, secrets
from deploy.kit.aws import Refused
from deploy.kit.config import ConfigError, load
from deploy.kit.variables import AWS
from stats_assets.cli.migrate import READER
from tests.deploy.conftest import Account, own_database, twice
from tests.deploy.templates import resources
from tests.deploy.test_config import GOOD
from tests.deploy.test_templates import environment

NAME = "stats-assets/dagster-reading-url"


def value(account: Account, name: str = NAME) -> str:
    return str(account.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


def test_on_the_kits_own_database_it_has_one(account: Account) -> None:
    own_database(account)
    account.variables["READ_ONLY_CIDR"] = "10.0.0.0/8"
    database.bring(account.aws(), account.config)
    account.calls.clear()
    twice(account, lambda aws: secrets.put(aws, account.config))
    reader, owner = urlsplit(value(account)), urlsplit(value(account, "stats-assets/dagster-database-url"))
    assert (reader.username, reader.hostname, reader.path, reader.query) == (
        *(database.READER, owner.hostname, owner.path, owner.query),
    )
    assert (len(reader.password or ""), reader.scheme) == (40, "postgresql+psycopg2")
    assert reader.password != owner.password
    said = "\n".join(account.said) + str(account.client("cloudformation").describe_stacks()["Stacks"])
    assert str(reader.password) not in said


def test_only_the_ui_and_the_migration_have_it() -> None:
    has = {
        (task, name)
        for task in resources("tasks")
        for name, value in environment(task).items()
        if value == "Ref ReadingSecret"
    }
    assert has == {("ReadOnlyTask", "DAGSTER_DB_URI"), ("DaemonTask", READER)}
    assert "DATABASE_URL" not in environment("ReadOnlyTask")


def test_on_anothers_database_it_is_what_the_variable_says(account: Account) -> None:
    account.variables["READ_ONLY_CIDR"] = "10.0.0.0/8"
    secrets.put(account.aws(), account.config)
    found = secrets.arns(account.aws(), account.config)
    assert found[secrets.READING] == found["DAGSTER_DB_URI"], "none of its own"
    account.variables["DAGSTER_READ_DB_URI"] = "postgresql://looks:hunter2@host:5432/dagster"
    with pytest.raises(Refused, match=f"The secret {NAME} is not there. First: make secrets"):
        secrets.arns(account.aws(), account.config)
    twice(account, lambda aws: secrets.put(aws, account.config))
    assert f":secret:{NAME}-" in secrets.arns(account.aws(), account.config)[secrets.READING]
    assert urlsplit(value(account)).username == "looks"


def test_the_kits_own_database_takes_none_of_anothers() -> None:
    own = {"DB_URI": "", "DAGSTER_DB_URI": "", "DB_INSTANCE_CLASS": "db.t4g.large"}
    with pytest.raises(ConfigError, match="DAGSTER_READ_DB_URI: leave empty, or DB_INSTANCE_CLASS"):
        load(AWS, environment=GOOD | own | {"DAGSTER_READ_DB_URI": AWS["DAGSTER_READ_DB_URI"].example})
