"""A step that is ended in the middle says so, and called again it comes to the same end. All steps: tests/drills."""

import signal

import pytest

from deploy.kit import __main__ as kit
from deploy.kit import database, destroy, repository, role, secrets
from tests.deploy.conftest import Account, changes, own_database
from tests.deploy.interruptions import Interruptions

WORDS = {"CONFIRM": "stats-assets", "DESTROY_DATABASE": "stats-assets"}


def test_what_is_kept_comes_and_goes_whatever_was_refused(account: Account) -> None:
    own_database(account)
    role.remove(account.aws(), account.config)  # the fixture's
    ended = Interruptions(account, after=False, denied=True)
    for step in (role.bring, repository.uri, database.bring, secrets.put):
        ended.until_done(lambda aws, here, step=step: step(aws, here.config))  # type: ignore[misc]
    assert len(ended.ended) > 8
    account.calls.clear()
    for step in (role.bring, repository.uri, database.bring, secrets.put):
        step(account.aws(), account.config)
    assert changes(account) == []
    ended.until_done(lambda aws, here: destroy.everything(aws, here.config, WORDS))
    assert account.client("secretsmanager").list_secrets()["SecretList"] == []
    assert account.client("rds").describe_db_instances()["DBInstances"] == []
    assert account.client("ecr").describe_repositories()["repositories"] == []
    assert account.client("cloudformation").describe_stacks()["Stacks"] == []
    assert [one["RoleName"] for one in account.client("iam").list_roles(PathPrefix="/stats")["Roles"]] == []


def test_a_database_that_stays_is_protected_again(account: Account) -> None:
    own_database(account)
    database.bring(account.aws(), account.config)
    account.client("rds").modify_db_instance(
        DBInstanceIdentifier="stats-assets-database", DeletionProtection=True
    )

    class Full(Exception):
        """Whatever ends it."""

    with pytest.raises(Full), destroy._unprotected(account.aws(), ["stats-assets-database"]):
        here = database.find(account.aws(), account.config)
        assert here is not None
        assert not here["DeletionProtection"]
        raise Full
    here = database.find(account.aws(), account.config)
    assert here is not None
    assert here["DeletionProtection"]


def test_the_end_of_a_step_is_a_sentence_and_what_it_opened_is_closed(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By Ctrl-C, by kill, by a terminal that was closed: a daemon that is at rest meanwhile must not stay so."""
    by: list[signal.Signals] = []
    closed: list[signal.Signals] = []

    def step(*_: object) -> None:
        try:
            signal.raise_signal(by[0])
        finally:
            closed.append(by[0])

    monkeypatch.setitem(kit.STEPS, "secrets", (step, kit.STEPS["secrets"][1]))
    monkeypatch.setattr(kit, "_config", lambda _: account.config)
    before = signal.getsignal(signal.SIGTERM)
    deaf = signal.signal(signal.SIGINT, signal.default_int_handler)  # as pytest's workers are
    nohup = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as these tests may be started by it, too
    for by[:] in ([signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP]):
        assert kit.main(["secrets"]) == 130
        assert signal.getsignal(signal.SIGTERM) == before
        assert "secrets was ended in the middle. Called again it goes on." in capsys.readouterr().err
    assert closed == [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    signal.signal(signal.SIGINT, deaf)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        by[:] = [signal.SIGHUP]
        assert kit.main(["secrets"]) == 0, "whoever said nohup has asked for that"
    finally:
        signal.signal(signal.SIGHUP, nohup)
