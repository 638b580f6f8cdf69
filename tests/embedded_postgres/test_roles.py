"""The embedded server's `stats` is no superuser, also where it was: a directory of before is changed over."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from stats_assets.database.migrations import migrate
from stats_assets.embedded_postgres import roles
from stats_assets.embedded_postgres.place import (
    DATABASE,
    ROLE,
    SOCKET,
    _binaries,
    _binaries_for,
    _unprivileged,
)
from stats_assets.embedded_postgres.roles import SUPERUSER, as_superuser, make_roles

OF_BEFORE = """
CREATE SCHEMA s;
CREATE TABLE s."Odd ""name" (id serial PRIMARY KEY, other int GENERATED ALWAYS AS IDENTITY, note text);
CREATE TABLE parted (n int) PARTITION BY RANGE (n);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (9);
CREATE VIEW seen AS SELECT * FROM parted;
CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;
CREATE SEQUENCE alone;
CREATE TYPE pair AS (a int, b int);
CREATE TYPE mood AS ENUM ('good');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE span AS RANGE (subtype = int);
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
CREATE PROCEDURE nothing() LANGUAGE sql AS '';
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
CREATE STATISTICS st (dependencies) ON id, note FROM s."Odd ""name";
CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
CREATE COLLATION c FROM "C";
CREATE EXTENSION vector;
SELECT lo_create(4711);
GRANT SELECT ON parted TO PUBLIC;
ALTER ROLE stats SET work_mem = '5MB'
"""
OWNED = """
SELECT oid::regclass::text FROM pg_class AS c WHERE relowner = 10 AND oid >= 16384 AND relkind <> 't'
    AND relkind <> 'i'
UNION ALL SELECT oid::regprocedure::text FROM pg_proc AS p WHERE proowner = 10 AND oid >= 16384
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL SELECT oid::regtype::text FROM pg_type AS t WHERE typowner = 10 AND oid >= 16384
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid IN (t.oid, t.typelem) AND d.deptype = 'e')
UNION ALL SELECT oid::regoperator::text FROM pg_operator AS o WHERE oprowner = 10 AND oid >= 16384
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = o.oid AND d.deptype = 'e')
UNION ALL SELECT nspname FROM pg_namespace WHERE nspowner = 10 AND oid >= 16384
UNION ALL SELECT stxname FROM pg_statistic_ext WHERE stxowner = 10
UNION ALL SELECT cfgname FROM pg_ts_config WHERE cfgowner = 10 AND oid >= 16384
UNION ALL SELECT collname FROM pg_collation WHERE collowner = 10 AND oid >= 16384
UNION ALL SELECT oid::text FROM pg_largeobject_metadata WHERE lomowner = 10
UNION ALL SELECT datname FROM pg_database WHERE datdba = 10 AND oid >= 16384
"""


class Killed(BaseException):
    pass


@pytest.fixture
def of_before() -> Iterator[str]:
    """A running server as the code made it before: initdb's role is stats. Its URL."""
    folder = Path(tempfile.mkdtemp(prefix="stats-assets-test-"))
    folder.chmod(0o755)
    user = _unprivileged() if os.geteuid() == 0 else None
    binaries = _binaries() if user is None else _binaries_for(user, folder / "elsewhere")
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    data = folder / "data"
    how = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    start = [str(binaries / "postgres"), "-D", str(data), "-c", "listen_addresses=", "-k", str(folder)]
    initdb = [
        str(binaries / "initdb"),
        "-D",
        str(data),
        "-U",
        ROLE,
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
    ]
    subprocess.run([*initdb, "--locale=C.UTF-8"], check=True, cwd="/", capture_output=True, **how)  # type: ignore[call-overload] # noqa: S603
    with subprocess.Popen([*start, "-c", "fsync=off"], cwd="/", stderr=subprocess.DEVNULL, **how) as server:  # type: ignore[call-overload] # noqa: S603
        url = f"postgresql://{ROLE}@/{DATABASE}?host={folder}&port={SOCKET.rpartition('.')[2]}"
        while True:
            try:
                with psycopg.connect(url.replace("/stats?", "/postgres?"), autocommit=True) as connection:
                    connection.execute("CREATE DATABASE stats")
                    connection.execute("CREATE DATABASE other")
                break
            except psycopg.OperationalError:
                assert server.poll() is None
        yield url
        server.terminate()
    shutil.rmtree(folder)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def fill(url: str) -> None:
    for each in (url, url.replace("/stats?", "/other?"), url.replace("/stats?", "/postgres?")):
        with psycopg.connect(each, autocommit=True) as connection:
            connection.execute(OF_BEFORE.encode())


def check(url: str) -> None:
    for database in ("stats", "other", "postgres"):
        assert rows(as_superuser(url, database), OWNED) == []
        inside = url.replace("/stats?", f"/{database}?")
        with psycopg.connect(inside, autocommit=True) as connection:
            connection.execute('INSERT INTO s."Odd ""name" (note) VALUES (1)')
            connection.execute(
                "ALTER TABLE parted ADD COLUMN m int; DROP FUNCTION twice; SELECT lo_unlink(4711)"
            )
            assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)
            connection.execute("CREATE TABLE new AS SELECT '[1,2]'::vector AS v")
    assert rows(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]
    assert rows(as_superuser(url), "SELECT rolname FROM pg_roles WHERE rolsuper") == [(SUPERUSER,)]


def test_a_directory_of_before_is_changed_over(of_before: str) -> None:
    migrate(of_before)
    fill(of_before)
    with psycopg.connect(of_before) as at_work:  # whoever is connected meanwhile stays so
        make_roles(of_before)
        at_work.execute("SELECT 1")
    check(of_before)
    make_roles(of_before)
    migrate(of_before)
    assert rows(
        of_before, "SELECT rolname, rolsuper FROM pg_roles WHERE rolname LIKE 'stats%' ORDER BY 1"
    ) == [
        ("stats", False),
        ("stats_reader", False),
        (SUPERUSER, True),
    ]


def test_killed_at_any_statement_it_is_done_at_the_next_start(
    of_before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(of_before)
    left = 0

    class Counting(psycopg.Connection[Any]):
        def execute(self, *given: Any, **named: Any) -> Any:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return super().execute(*given, **named)

    def connect(url: str) -> object:
        return Counting.connect(url, autocommit=True)

    monkeypatch.setattr(roles, "_connect", connect)
    tries = 0
    while True:
        left = tries = tries + 1
        try:
            make_roles(of_before)
        except Killed:
            continue
        break
    assert tries > 10
    check(of_before)


def test_a_new_directory_has_an_owner_who_is_no_superuser(server: str) -> None:
    assert rows(
        server, "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    ) == [(False, True, True)]
    [(owner,)] = rows(
        server, "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()"
    )
    assert owner == ROLE
    for refused in (
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "COPY (SELECT 1) TO '/tmp/never'",
        "SELECT pg_read_file('postgresql.conf')",
        f"SET ROLE {SUPERUSER}",
        f"SET SESSION AUTHORIZATION {SUPERUSER}",
        f"ALTER ROLE {ROLE} SUPERUSER",
        f"GRANT {SUPERUSER} TO {ROLE}",
        "CREATE EXTENSION dblink",
        "CREATE EXTENSION postgres_fdw",
        "ALTER SYSTEM SET fsync = off",
        "UPDATE pg_authid SET rolsuper = true",
    ):
        with psycopg.connect(server) as connection, pytest.raises(psycopg.Error):
            connection.execute(sql.SQL(refused))
