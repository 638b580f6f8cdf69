"""What others have by exactly our names, without our tags: refused with its name, and as it was afterwards."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy.kit import backfill, database, discovery, logs, restore, rotate
from deploy.kit.aws import Refused
from tests.deploy.conftest import Account, changes, own_database

TIME = "2026-01-31T12:00:00Z"


@pytest.fixture
def own(account: Account) -> Account:
    own_database(account)
    return account


def is_left_alone(account: Account, step: Callable[[], object], why: str) -> None:
    account.calls.clear()
    with pytest.raises(Refused, match=why):
        step()
    assert changes(account) == []


def test_a_database_of_our_name(own: Account) -> None:
    """No stack of ours made it: its password and its name are others' affair."""
    rds = own.client("rds")
    about: dict[str, Any] = {"Engine": "postgres", "DBInstanceClass": "db.t4g.large", "AllocatedStorage": 20}
    rds.create_db_instance(DBInstanceIdentifier="stats-assets-database", **about)
    for step in (
        lambda: restore.bring_back(own.aws(), own.config, TIME),
        lambda: rotate.password(own.aws(), own.config),
        lambda: database.urls(own.aws(), own.config),
    ):
        is_left_alone(own, step, "a database stats-assets-database that this deployment did not make")


def test_a_password_of_our_name(own: Account) -> None:
    kept = own.client("secretsmanager")
    kept.create_secret(Name="stats-assets/database-password", SecretString="theirs")
    is_left_alone(
        own,
        lambda: database._password_secret(own.aws(), own.config),
        "a secret stats-assets/database-password that others made",
    )


def test_a_dns_name_of_our_name(account: Account) -> None:
    """Our code server would be a second address of theirs."""
    names = account.client("servicediscovery")
    vpc = account.variables["VPC"]
    names.create_private_dns_namespace(Name=account.config.zone, Vpc=vpc)
    [namespace] = names.list_namespaces()["Namespaces"]
    names.create_service(
        Name="code",
        NamespaceId=namespace["Id"],
        DnsConfig={"RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": 10}]},
    )
    is_left_alone(
        account,
        lambda: discovery.registry(account.aws(), account.config),
        r"a name code\.stats-assets\.stats\.internal that others made",
    )


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z"]
)
def test_a_time_beyond_all(own: Account, time: str) -> None:
    is_left_alone(own, lambda: restore.bring_back(own.aws(), own.config, time), "TIME .* is ")


def test_numbers_beyond_all(account: Account) -> None:
    huge = "9" * 5000  # more digits than Python reads
    is_left_alone(
        account, lambda: logs.show(account.aws(), account.config, "daemon", huge), "MINUTES can't be"
    )
    asked = {"STREAM": "changesets", "START": huge, "END": huge, "TASKS": huge}
    is_left_alone(account, lambda: backfill.wanted(asked), "START can't be")
