"""The read-only UI's login: a secret of its own, which only that UI and the migration that makes the login are given.

What the login may is tests/database/test_records_login.py's.
"""

from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.kit import cluster, database, secrets, services
from deploy.kit.aws import Refused
from deploy.kit.config import ConfigError, load
from deploy.kit.variables import AWS
from tests.deploy.conftest import IMAGE, Account, own_database, register_a_machine, twice
from tests.deploy.test_config import GOOD

NAME = "stats-assets/dagster-reading-url"


def value(account: Account, name: str = NAME) -> str:
    return str(account.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


def given(account: Account, part: str) -> dict[str, str]:
    """Secrets of the newest task definition: the name of the one that a variable's value is in."""
    definition: Any = account.client("ecs").describe_task_definition(taskDefinition=f"stats-assets-{part}")
    [container] = definition["taskDefinition"]["containerDefinitions"]
    return {one["name"]: one["valueFrom"].split(":")[6].rpartition("-")[0] for one in container["secrets"]}


def test_on_the_kits_own_database_it_has_one(account: Account) -> None:
    own_database(account)
    account.variables["READ_ONLY_CIDR"] = "10.0.0.0/8"
    database.bring(account.aws(), account.config)
    account.calls.clear()
    twice(account, lambda aws: secrets.put(aws, account.config))
    cluster.configure(account.aws(), account.config)
    register_a_machine(account)
    services.start(account.aws(), account.config, IMAGE)
    reader, owner = urlsplit(value(account)), urlsplit(value(account, "stats-assets/dagster-database-url"))
    assert (reader.username, reader.hostname, reader.path, reader.query) == (
        *(database.READER, owner.hostname, owner.path, owner.query),
    )
    assert (len(reader.password or ""), reader.scheme) == (40, "postgresql+psycopg2")
    assert reader.password != owner.password
    assert given(account, "read-only") == {"DAGSTER_DB_URI": NAME}
    assert given(account, "daemon")["DAGSTER_READ_DB_URI"] == NAME
    others = [given(account, part).values() for part in ("webserver", "code", "watch", "run")]
    assert not any(NAME in one for one in others)
    said = "\n".join(account.said) + str(account.client("cloudformation").describe_stacks()["Stacks"])
    assert str(reader.password) not in said


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
