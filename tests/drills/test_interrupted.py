"""Every step of the kit ended in the middle, at each of its changes: in the end all is there, and then nothing is."""

from collections.abc import Callable

import pytest

from deploy.kit import alarms, cluster, database, destroy, life, repository, role, secrets, services
from deploy.kit.aws import Aws
from deploy.kit.config import Config
from tests.deploy.conftest import (
    IMAGE,
    Account,
    account,  # noqa: F401 - fixtures
    changes,
    moto,  # noqa: F401
    none_runs,
    own_database,
    register_a_machine,
)
from tests.deploy.interruptions import Interruptions

STEPS: tuple[Callable[[Aws, Config], object], ...] = (
    role.bring,
    repository.uri,
    database.bring,
    secrets.put,
    cluster.configure,
    lambda *_: None,
    lambda aws, config: services.start(aws, config, IMAGE),
    lambda aws, config: services.start(aws, config, IMAGE.replace("test", "next")),
    lambda aws, config: services.start(aws, config, IMAGE, back=True),
    alarms.bring,
    services.stop,
    lambda aws, config: services.start(aws, config, IMAGE),
)


def _gone(aws: Aws, here: Account) -> None:
    none_runs()
    ecs = here.client("ecs")
    if cluster.active(here.aws(), here.config):
        for arn in ecs.list_container_instances(cluster="stats-assets")["containerInstanceArns"]:
            ecs.deregister_container_instance(cluster="stats-assets", containerInstance=arn, force=True)
    words = {"CONFIRM": "stats-assets", "DESTROY_DATABASE": "stats-assets"}
    destroy.everything(aws, here.config, words)
    life.revisions(aws, here.config, keep=0)


@pytest.mark.drill
@pytest.mark.parametrize(("after", "denied"), [(True, False), (False, False), (False, True)])
def test_each_step_goes_on_where_it_was(account: Account, after: bool, denied: bool) -> None:  # noqa: F811
    own_database(account)
    account.variables["READ_ONLY_CIDR"] = "10.0.0.0/8"
    role.remove(account.aws(), account.config)
    ended = Interruptions(account, after=after, denied=denied)
    for number, step in enumerate(STEPS):
        if number == STEPS.index(cluster.configure) + 1:
            register_a_machine(account)
        ended.until_done(lambda aws, here, step=step: step(aws, here.config))  # type: ignore[misc]
        account.calls.clear()
        step(account.aws(), account.config)
        assert changes(account) == [], step
    ended.until_done(_gone)
    assert len(ended.ended) > 60
    assert account.client("cloudformation").describe_stacks()["Stacks"] == []
    assert account.client("secretsmanager").list_secrets()["SecretList"] == []
    assert account.client("ecr").describe_repositories()["repositories"] == []
    assert account.client("servicediscovery").list_namespaces()["Namespaces"] == []
    left = [one["RoleName"] for one in account.client("iam").list_roles()["Roles"]]
    assert [one for one in left if one.startswith("stats-assets")] == []
