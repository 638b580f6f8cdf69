"""The login by which a deployment's pages read the statistics: how it comes to be, and what it may."""

from collections.abc import Iterator

import psycopg
import pytest

from stats_assets.cli.migrate import PAGES_READER, migrate
from stats_assets.database.given_login import GivenLoginError
from stats_assets.database.pages_login import let_read

NAME = "pages_reader"


@pytest.fixture
def reader(
    url: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    made = url.replace("//stats@", f"//{NAME}:hunter2@")
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv(PAGES_READER, made)
    yield made
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (NAME,)).rowcount:
            connection.execute(f"DROP OWNED BY {NAME}; DROP ROLE {NAME}".encode())


def test_it_is_made_by_migrate_and_may_only_select(url: str, reader: str) -> None:
    for _ in range(2):
        migrate()
    with psycopg.connect(reader, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM changesets").fetchone() is not None
        assert connection.execute("SELECT count(*) FROM refreshments").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT password FROM reading_login")
        connection.execute("SET default_transaction_read_only = off")
        for statement in (
            "DELETE FROM changesets",
            "CREATE TABLE mine ()",
            "INSERT INTO streams DEFAULT VALUES",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    assert not let_read(url, url), "one login for both: nothing to do"
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(f"GRANT INSERT ON changesets TO {NAME}".encode())
    with pytest.raises(GivenLoginError, match=f"The role {NAME} is for the pages, and may write changesets"):
        let_read(url, reader)
