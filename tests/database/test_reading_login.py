"""The login that may only SELECT: how it comes to be, what it reads, and that `sql` can do nothing else by it."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
import typer
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from stats_assets.cli.sql import sql as ask_by_command
from stats_assets.database import reading_login
from stats_assets.database.connection import DatabaseUnreachable, connect
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.looking import (
    AnotherDatabase,
    NoReadingLogin,
    ask,
    check_reader,
    look_as_reader,
    reading_url,
)
from stats_assets.database.migrations import migrate
from stats_assets.database.reading_login import name_of
from stats_assets.database.statistics import passes
from stats_assets.embedded_postgres.roles import as_superuser
from stats_assets.settings import Settings
from stats_assets.system import Stats
from tests.conftest import Run, database, other_database
from tests.database.test_looking import GRANTS, everything, role


def name_in(url: str) -> str:
    return name_of(str(conninfo_to_dict(url)["dbname"]))


def superuser(url: str) -> psycopg.Connection:
    """By a connection of the superuser to the test's database."""
    return psycopg.connect(url.replace("//stats@", "//stats_superuser@"), autocommit=True)


@pytest.fixture
def migrated(url: str) -> str:
    """A database of its own, with the login that every start makes."""
    migrate(url)
    return url


@contextmanager
def plain_owner(server: str) -> Iterator[str]:
    """A database whose owner may not make roles."""
    name = f"owner_{hashlib.sha256(str(id(server)).encode()).hexdigest()[:6]}"
    with psycopg.connect(as_superuser(server), autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN".encode())
        admin.execute(f"CREATE DATABASE {name} OWNER {name}".encode())
    try:
        yield other_database(server, name).replace("//stats@", f"//{name}@")
    finally:
        with psycopg.connect(as_superuser(server), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            admin.execute(f"DROP ROLE {name}".encode())


def test_it_is_made_with_the_schema_and_reads_all_but_its_password(migrated: str) -> None:
    with connect(migrated) as owner:
        passes.rebuild(owner)
    with ask(reading_url(migrated)) as connection:
        assert connection.info.user == name_in(migrated)
        assert connection.info.dbname == conninfo_to_dict(migrated)["dbname"]
        for (table,) in connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
        ).fetchall():
            if table == "reading_login":
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("TABLE reading_login")
            else:
                connection.execute(sql.SQL("SELECT * FROM {} LIMIT 1").format(sql.Identifier(table)))
    before = everything(migrated)
    migrate(migrated)
    assert everything(migrated) == before


def test_its_password_is_the_one_that_the_owner_finds(migrated: str) -> None:
    # The embedded server asks for none: so the server's verifier is computed, as RFC 5802 has it.
    given = conninfo_to_dict(reading_url(migrated))
    with superuser(migrated) as admin:
        row = admin.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = %s", (given["user"],)
        ).fetchone()
    assert row is not None
    _, parameters, keys = row[0].split("$")
    iterations, salt = parameters.split(":")
    salted = hashlib.pbkdf2_hmac(
        "sha256", str(given["password"]).encode(), base64.b64decode(salt), int(iterations)
    )
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    assert keys.split(":")[0] == base64.b64encode(stored).decode()


def test_what_is_made_later_can_be_read_too(migrated: str) -> None:
    with connect(migrated) as owner:
        make_partitions(owner, 0, 100)
        owner.execute("CREATE TABLE later AS SELECT 1 AS one")
        owner.execute("CREATE SCHEMA osmesa; CREATE TABLE osmesa.users (id int)")
    with ask(reading_url(migrated)) as reader:
        for table in ("changeset_edits", "changeset_edits_000000000", "later", "user_statistics"):
            reader.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
    migrate(migrated)
    with ask(reading_url(migrated)) as reader:
        reader.execute("TABLE osmesa.users")


def test_a_schema_of_ones_own_and_functions_that_are_closed_by_default(server: str) -> None:
    with database(server, "template1") as made:
        with connect(made) as owner:
            name = owner.info.dbname
            owner.execute(f"CREATE SCHEMA osm; ALTER DATABASE {name} SET search_path = osm".encode())
            owner.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
        there = f"{made}&options=-csearch_path%3Dosm"
        migrate(there)
        with ask(reading_url(there)) as reader:
            assert reader.execute("SELECT current_schema()").fetchone() == ("osm",)
            reader.execute("TABLE user_statistics")
            reader.execute("SELECT facts_away('{1}')")
        with connect(there) as owner:
            owner.execute("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC")


def test_an_owner_who_may_not_make_roles(run: Run, server: str, tmp_path: Path) -> None:
    with plain_owner(server) as url:
        migrate(url)
        refused = run("sql", "SELECT 1", DATABASE_URL=url)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "may not make roles" in refused.stderr
        assert "READ_DATABASE_URL" in refused.stderr
        assert "docs/operations.md" in refused.stderr
        with look_as_reader(url) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM users")  # our own looks go by the owner, read-only
        auditor = url.replace("//owner", "//auditor").split("@")[0] + "@" + url.split("@")[1]
        name = str(conninfo_to_dict(auditor)["user"])
        with psycopg.connect(as_superuser(server), autocommit=True) as admin:
            admin.execute(f"CREATE ROLE {name} LOGIN".encode())
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(GRANTS.format(role=name).encode())
        given = run("sql", "SELECT count(*) FROM users", DATABASE_URL=url, READ_DATABASE_URL=auditor)
        assert given.returncode == 0, given.stderr
        alone = run("sql", "SELECT current_user AS me", "--json", READ_DATABASE_URL=auditor)
        assert json.loads(alone.stdout) == [{"me": name}]  # no embedded server is begun for it
        owners = run("sql", "SELECT 1", DATABASE_URL=url, READ_DATABASE_URL=url)
        assert (owners.returncode, "may write" in owners.stderr) == (2, True)
        with psycopg.connect(as_superuser(server), autocommit=True) as admin:
            admin.execute(f"ALTER ROLE {conninfo_to_dict(url)['user']} CREATEROLE".encode())
        migrate(url)
        assert run("sql", "SELECT 1", DATABASE_URL=url).returncode == 0
    with psycopg.connect(as_superuser(server), autocommit=True) as admin:
        admin.execute(f"DROP ROLE {name}".encode())
        admin.execute(f"DROP ROLE {name_in(url)}".encode())


@pytest.mark.parametrize("right", ["", "SUPERUSER", "CREATEROLE"])
def test_somebody_else_s_role_of_the_name_is_left_alone(run: Run, url: str, right: str) -> None:
    name = name_in(url)
    with superuser(url) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN {right}".encode())
        migrate(url)
        assert admin.execute(
            "SELECT rolpassword, rolsuper FROM pg_authid WHERE rolname = %s", (name,)
        ).fetchone() == (None, right == "SUPERUSER")
        refused = run("sql", "SELECT 1", DATABASE_URL=url)
        assert refused.returncode == 2
        assert "somebody else's" in refused.stderr
        admin.execute(f"DROP ROLE {name}".encode())
    migrate(url)
    assert run("sql", "SELECT 1", DATABASE_URL=url).returncode == 0


@pytest.mark.parametrize(
    "right",
    [
        "ALTER ROLE {name} SUPERUSER",
        "ALTER ROLE {name} CREATEROLE",
        "ALTER ROLE {name} CREATEDB",
        "ALTER ROLE {name} REPLICATION",
        "GRANT pg_write_server_files TO {name}",
        "GRANT pg_execute_server_program TO {name}",
        "GRANT pg_signal_backend TO {name}",
        "GRANT stats_superuser TO {name}",
        "GRANT UPDATE (name) ON users TO {name}",
        "GRANT USAGE ON SEQUENCE hashtags_id_seq TO {name}",
        "CREATE TABLE its (id int); ALTER TABLE its OWNER TO {name}",
    ],
)
def test_a_reading_login_that_was_given_more_is_refused(run: Run, migrated: str, right: str) -> None:
    name = name_in(migrated)
    with superuser(migrated) as admin:
        admin.execute(right.format(name=name).encode())
        answer = run("sql", "SELECT 1", DATABASE_URL=migrated)
        # The role outlives the database, and what it may the role that made it may, too.
        admin.execute(f"ALTER ROLE {name} NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION".encode())
        if right.startswith("GRANT"):
            admin.execute(
                right.replace("GRANT", "REVOKE").replace(" TO ", " FROM ").format(name=name).encode()
            )
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "can't be used for reading" in answer.stderr


def test_a_copied_database_has_a_login_of_its_own_and_one_made_again_takes_its_own(server: str) -> None:
    with database(server) as first:
        migrate(first)
        with database(server, str(conninfo_to_dict(first)["dbname"])) as copy:
            with ask(reading_url(copy)) as connection:
                assert connection.info.user == name_in(first)
            migrate(copy)
            with ask(reading_url(copy)) as connection:
                assert connection.info.user == name_in(copy) != name_in(first)
        with ask(reading_url(first)) as connection:
            assert connection.info.user == name_in(first)
        with connect(first) as owner:  # dropped, and made again: the role is still there, the password is not
            owner.execute("DELETE FROM reading_login")
        with pytest.raises(NoReadingLogin, match="None was made yet"):
            reading_url(first)
        migrate(first)
        ask(reading_url(first)).close()
        with connect(first) as owner:  # restored, with a password of before
            owner.execute("UPDATE reading_login SET password = 'of before'")
        with pytest.raises(NoReadingLogin, match="is not the one"):
            reading_url(first)
        migrate(first)
        ask(reading_url(first)).close()


def test_names_are_the_database_s_and_fit() -> None:
    assert name_of("stats") == "stats_reader"
    long = {name_of("é" * 30 + end) for end in ("a", "b")}
    assert len(long) == 2
    assert all(len(name.encode()) <= 63 and name.endswith("_reader") for name in long)


def test_a_failure_to_make_it_stops_no_migration(
    run: Run, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise psycopg.errors.lookup("0LP01")

    with database(server, "template1") as made:
        monkeypatch.setattr(reading_login, "let_it_read", fail)
        migrate(made)
        refused = run("sql", "SELECT 1", DATABASE_URL=made)
        assert (refused.returncode, "could not be made" in refused.stderr) == (2, True)
        monkeypatch.undo()
        migrate(made)
        assert run("sql", "SELECT 1", DATABASE_URL=made).returncode == 0


REFUSED = (
    "COPY (SELECT 1) TO PROGRAM 'touch {folder}/ran'",
    "COPY users TO '{folder}/written'",
    "COPY users FROM '/etc/passwd'",
    "COPY users FROM PROGRAM 'echo 1'",
    "COPY users TO STDOUT",
    "COPY users FROM STDIN",
    "DO $$ BEGIN DELETE FROM users; END $$",
    "DO $$ BEGIN COMMIT; DELETE FROM users; END $$",
    "DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {folder}/ran'''; END $$",
    "SELECT lo_export(lo_create(0), '{folder}/written')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_create(4712)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_put(4713, 0, 'x')",
    "SELECT lo_unlink(4713)",
    "SELECT pg_catalog.pg_file_write('{folder}/written', 'x', false)",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SET ROLE stats",
    "SET SESSION AUTHORIZATION stats",
    "RESET ROLE",
    "RESET SESSION AUTHORIZATION",
    "SELECT set_config('role', 'stats', false)",
    "SELECT set_config('session_authorization', 'stats', false)",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SET default_transaction_read_only = off",
    "SET TRANSACTION READ WRITE",
    "SELECT * FROM dblink('host=/tmp user=stats', 'DELETE FROM users') AS t(a int)",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION postgres_fdw",
    "COMMIT",
    "ROLLBACK",
    "END",
    "COMMIT AND CHAIN",
    "PREPARE TRANSACTION 'x'",
    "COMMIT; DROP TABLE users",
    "SELECT 1; DROP TABLE users",
    "SELECT 1) AS a; COMMIT; DROP TABLE users; --",
    "SELECT 1) AS a, (DELETE FROM users RETURNING 1",
    "CREATE TEMP TABLE t (a int)",
    "CREATE TABLE t AS SELECT 1",
    "SELECT 1 AS a INTO t",
    "SELECT nextval('hashtags_id_seq')",
    "SELECT setval('hashtags_id_seq', 99)",
    "INSERT INTO users (id) VALUES (1) RETURNING id",
    "WITH gone AS (DELETE FROM users RETURNING 1) SELECT * FROM gone",
    "UPDATE users SET name = 'x' RETURNING 1",
    "TRUNCATE users",
    "LOCK TABLE users",
    "SELECT * FROM users FOR UPDATE",
    "NOTIFY x",
    "LISTEN x",
    "VACUUM",
    "ANALYZE users",
    "CHECKPOINT",
    "REFRESH MATERIALIZED VIEW x",
    "REINDEX TABLE users",
    "EXPLAIN ANALYZE DELETE FROM users",
    "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
    "PREPARE x AS DELETE FROM users",
    "EXECUTE x",
    "DISCARD ALL",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER SYSTEM SET fsync = off",
    "ALTER TABLE users DISABLE TRIGGER ALL",
    "GRANT SELECT ON reading_login TO PUBLIC",
    "TABLE reading_login",
    "SELECT pg_reload_conf()",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'stats'",
    "SELECT pg_promote()",
    "SELECT query_to_xml('DELETE FROM users RETURNING 1', true, true, '')",
    "SELECT query_to_xml('CREATE TABLE t (a int)', true, true, '')",
    "CALL nothing()",
    "LOAD 'auto_explain'",
    "SECURITY LABEL ON TABLE users IS 'x'",
    "IMPORT FOREIGN SCHEMA x FROM SERVER y INTO public",
)
# What changes nothing of anybody's, though it is not refused outside of a read-only transaction.
OF_ITSELF_ALONE = (
    *(
        "COMMIT",
        "ROLLBACK",
        "END",
        "PREPARE TRANSACTION",
        "RESET",
        "SET default",
        "SET TRANSACTION",
        "LISTEN",
    ),
    *("NOTIFY", "VACUUM", "ANALYZE users", "COPY users TO STDOUT", "DISCARD", "TEMP TABLE", "SELECT lo_"),
    *("set_config('transaction_read_only'", "PREPARE x", "_to_xml", "SELECT pg_terminate_backend"),
)
HARMLESS = (
    "SELECT set_config('statement_timeout', '0', false)",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT pg_advisory_lock(5640002)",
    "SELECT pg_advisory_xact_lock(5640002)",
    "SELECT pg_sleep(0)",
    "SELECT pg_logical_emit_message(true, 'a', 'b')",
    "SELECT pg_notify('x', 'y')",
    "SHOW transaction_read_only",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT pg_terminate_backend(pg_backend_pid() + 100000)",
    "SELECT * FROM users -- and the rest; DROP TABLE users",
    "VALUES (1)",
    "TABLE users;",
    "/* ; */ SELECT ';' AS a ;",
)


WRAPPED = ("SELECT", "WITH", "VALUES", "TABLE")
"""What `sql --json` makes a part of a statement of its own."""


def test_sql_changes_nothing_whatever_it_is_asked(
    migrated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked(query: str, as_json: bool) -> tuple[int, str, str]:
        try:
            ask_by_command(query.replace("{folder}", str(folder)), as_json)
        except typer.Exit as ended:
            return ended.exit_code, *capsys.readouterr()
        return 0, *capsys.readouterr()

    monkeypatch.setenv("DATABASE_URL", migrated)
    folder = tmp_path / "out"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with connect(migrated) as owner:
        owner.execute("INSERT INTO users (id, name) VALUES (7, 'a')")
        owner.execute("SELECT lo_from_bytea(4713, 'content')")
    before = everything(migrated)
    with connect(migrated) as owner:
        for as_json in (False, True):
            for query in REFUSED:
                if as_json and not query.startswith(WRAPPED):
                    continue  # run as it is, as without
                code, out, err = asked(query, as_json)
                assert (code, out) == (2, ""), (query, out)
                assert err.startswith(
                    ("PostgreSQL refuses", "The query answers no rows", "The query is several")
                ), query
            for query in HARMLESS:
                assert asked(query, as_json)[0] == 0, query
        owner.execute("SELECT 1")
    assert everything(migrated) == before
    assert list(folder.iterdir()) == []
    with connect(migrated) as owner:  # no lock is held, no session is left
        assert owner.execute("SELECT pg_try_advisory_lock(5640002)").fetchone() == (True,)


def test_by_itself_the_login_can_do_nothing_either(migrated: str, tmp_path: Path) -> None:
    """The read-only transaction is the second guard: without it, autocommit, the login alone refuses."""
    before = everything(migrated)
    with psycopg.connect(reading_url(migrated), autocommit=True) as reader:
        reader.execute("SET default_transaction_read_only = off")
        for query in REFUSED:
            if any(part in query for part in OF_ITSELF_ALONE):
                continue
            with suppress(psycopg.Error):
                reader.execute(query.replace("{folder}", str(tmp_path)).encode())
                raise AssertionError(query)
    after = everything(migrated)
    assert after == before
    assert list(tmp_path.iterdir()) == []


def test_a_login_that_may_only_select_needs_no_other(run: Run, migrated: str) -> None:
    with role(migrated, "auditor") as auditor:
        with psycopg.connect(migrated, autocommit=True) as owner:
            owner.execute(GRANTS.format(role="auditor").encode())
        answer = run("sql", "SELECT current_user AS me", "--json", DATABASE_URL=auditor)
    assert json.loads(answer.stdout) == [{"me": "auditor"}]


def test_a_setting_that_is_no_url_is_named_without_its_password(run: Run) -> None:
    answer = run("sql", "SELECT 1", READ_DATABASE_URL="mysql://me:hunter2@x/y")
    assert answer.returncode == 2
    assert "READ_DATABASE_URL must begin with postgresql://" in answer.stderr
    assert "hunter2" not in answer.stderr


ANOTHER = "READ_DATABASE_URL leads to .*, and DATABASE_URL to .*, which are two databases"


def test_another_database_to_look_at_is_refused_by_its_mark_and_not_by_its_name(
    server: str, url: str
) -> None:
    """As by a pooler, where one database has several names, and several databases may have one."""
    with (
        database(server) as copy,
        database(server, gone=True) as other,
        psycopg.connect(other) as connection,
    ):
        connection.execute("UPDATE schema_marks SET made_as = gen_random_uuid()")
        connection.commit()
        there = {name: elsewhere(one) for name, one in {"copy": copy, "other": other, "same": url}.items()}
        for reader in (there["same"], there["copy"]):  # of which a copy can't be told, nor a replica
            with Stats(Settings(database_url=url, read_database_url=reader)).look() as looking:
                assert looking.info.dbname in reader
        settings = Settings(database_url=url, read_database_url=there["other"])
        for asking in (Stats(settings).look, Stats(settings).ask, lambda: check_reader(settings)):
            with pytest.raises(AnotherDatabase, match=ANOTHER) as caught:
                asking()
            assert "hunter2" not in str(caught.value)
        connection.execute("DROP TABLE schema_marks")
        connection.commit()
        with pytest.raises(AnotherDatabase):  # the one that is written to is not even of this code
            Stats(Settings(database_url=other, read_database_url=there["same"])).look()
    with pytest.raises(DatabaseUnreachable):
        Stats(Settings(database_url=url, read_database_url=there["other"])).look()
    check_reader(
        Settings(database_url=url, read_database_url=there["other"])
    )  # it is away: who looks says it
    away = "postgresql://me:hunter2@127.0.0.1:1/stats"
    with Stats(
        Settings(database_url=away, read_database_url=url)
    ).look():  # a replica, while the first is away
        pass


def test_commands_refuse_another_database_to_look_at(server: str, url: str, run: Run) -> None:
    with database(server) as other:
        with psycopg.connect(other) as connection:
            connection.execute("UPDATE schema_marks SET made_as = gen_random_uuid()")
        given = {"DATABASE_URL": url, "READ_DATABASE_URL": elsewhere(other)}
        for command, code in ((("status",), 3), (("sql", "SELECT 1"), 2), (("migrate",), 2)):
            answer = run(*command, **given)
            assert (answer.returncode, answer.stdout) == (code, "")
            assert re.search(ANOTHER, answer.stderr)


def elsewhere(url: str) -> str:
    """The same place by another way, as if it were another server's."""
    parts = conninfo_to_dict(url)
    return (
        f"postgresql://{parts['user']}:hunter2@/{parts['dbname']}?host=/.{parts['host']}&port={parts['port']}"
    )
