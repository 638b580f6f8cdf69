"""Databases as they are found: another program's, a newer one, a standby, an older server, an older collation."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stats_assets.database import connection as connections
from stats_assets.database.collation import collation_warning
from stats_assets.database.connection import Connection, DatabaseUnreachable, connect
from stats_assets.database.migrations import NEWEST, MigrationRefused, migrate, upgrade
from stats_assets.demo.feed import DemoFeed
from stats_assets.system import Stats
from tests.conftest import Run, settings_for, superuser_of

ANOTHERS = {
    "Dagster's own storage": "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
    " INSERT INTO alembic_version VALUES ('29b539ebc72a'); CREATE TABLE runs (id int)",
    "a revision that is called as ours": "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
    " INSERT INTO alembic_version VALUES ('0001')",
    "a newer one's name": "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
    " INSERT INTO alembic_version VALUES ('0099')",
    "two heads": "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
    " INSERT INTO alembic_version VALUES ('1975ea83b712'), ('f495c27d5019')",
    "other columns": "CREATE TABLE alembic_version (id int, name text); INSERT INTO alembic_version VALUES (1, 'x')",
    "other columns and our tables' names": "CREATE TABLE alembic_version (version text);"
    " CREATE TABLE streams (id int); CREATE TABLE ledger (id int); CREATE TABLE ledger_blocks (id int)",
}


def tables(url: str) -> list[str]:
    with psycopg.connect(url) as found:
        rows = found.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        return [name for (name,) in rows.fetchall()]


@pytest.mark.parametrize("whose", ANOTHERS)
def test_another_programs_alembic_version_is_told_and_left_alone(whose: str, empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as other:
        other.execute(ANOTHERS[whose].encode())
    before = tables(empty)
    with pytest.raises(
        MigrationRefused, match=r"another program's.*a database of their own, or a schema: CREATE"
    ):
        migrate(empty)
    assert tables(empty) == before


def test_an_empty_alembic_version_is_no_ones(empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as other:
        other.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    assert migrate(empty) is None


def test_a_schema_that_is_newer_than_the_code_is_refused(url: str, connection: Connection) -> None:
    connection.execute(
        "UPDATE alembic_version SET version_num = '0099'; UPDATE schema_marks SET oldest_code = '0098'"
    )
    with pytest.raises(
        MigrationRefused, match=rf"revision 0099, and this code knows revisions up to {NEWEST}.*newer"
    ):
        migrate(url)
    connection.execute("DROP TABLE schema_marks")
    with pytest.raises(MigrationRefused, match="newer version"):
        migrate(url)


def test_what_a_newer_one_added_does_not_matter_where_the_mark_says_so(
    url: str, connection: Connection, run: Run
) -> None:
    connection.execute(
        "UPDATE alembic_version SET version_num = '0099'; ALTER TABLE ledger ADD COLUMN more int"
    )
    assert migrate(url) == "0099"
    done = run("migrate", DATABASE_URL=url)
    assert (done.returncode, "was up to date" in done.stderr) == (0, True), done.stderr


def test_an_older_revision_is_brought_up_to_date(empty: str) -> None:
    upgrade(empty, "0003")
    assert migrate(empty) == "0003"


def test_a_server_that_is_too_old_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "OLDEST", 99)
    with pytest.raises(DatabaseUnreachable, match=r"is version 1\d, and 99 is the oldest"):
        connect(url)


def test_an_encoding_that_holds_no_names_is_told(server: str, empty: str) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(DatabaseUnreachable, match=r"encoding LATIN1.*createdb"):
            connect(server.replace("/stats?", "/latin?"))
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute("DROP DATABASE latin")


@pytest.fixture
def standby(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """As a standby looks to a client: it says so in its greeting."""
    real = psycopg.ConnectionInfo.parameter_status

    def status(self: psycopg.ConnectionInfo, name: str) -> str | None:
        return "on" if name == "in_hot_standby" else real(self, name)

    monkeypatch.setattr(psycopg.ConnectionInfo, "parameter_status", status)
    yield url


def test_a_standby_is_told(standby: str) -> None:
    with pytest.raises(MigrationRefused, match=r"is a standby.*name the primary"):
        migrate(standby)


@pytest.mark.parametrize("whose", ["Dagster's own storage"])
def test_commands_and_runs_say_it_in_a_sentence(
    whose: str, empty: str, run: Run, feed: DemoFeed, tmp_path: Path
) -> None:
    with psycopg.connect(empty, autocommit=True) as other:
        other.execute(ANOTHERS[whose].encode())
    for arguments, code in ((("migrate",), 2), (("status",), 3), (("verify",), 2), (("retry",), 2)):
        done = run(*arguments, DATABASE_URL=empty)
        assert (done.returncode, "another program's" in done.stderr) == (code, True), done
    with pytest.raises(MigrationRefused):
        _ = Stats(settings_for(feed, empty, tmp_path)).url


# Collations --------------------------------------------------------------------------------------------------------


def test_no_key_and_no_index_depends_on_the_servers_collation(connection: Connection) -> None:
    """All columns of text in any index, but for those that are looked up whole, by a hash."""
    found = connection.execute(
        """
        SELECT DISTINCT c.relname || '.' || a.attname
        FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_am AS m ON m.oid = x.relam
        JOIN pg_class AS c ON c.oid = i.indrelid
        CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS n
        JOIN pg_attribute AS a ON a.attrelid = i.indexrelid AND a.attnum = n + 1
        WHERE c.relnamespace = 'public'::regnamespace AND m.amname <> 'hash' AND c.relname <> 'alembic_version'
            AND i.indcollation[n] NOT IN (0, 'pg_catalog."C"'::regcollation)
        """
    ).fetchall()
    assert found == []


def test_what_was_granted_on_the_views_is_granted_again(empty: str) -> None:
    upgrade(empty, "0004")
    with connect(empty) as connection:
        connection.execute("CREATE ROLE looks")
        try:
            connection.execute("GRANT SELECT ON user_statistics TO looks WITH GRANT OPTION")
            connection.execute("GRANT SELECT ON hashtag_days TO PUBLIC")
            upgrade(empty, "0005")
            rights = connection.execute(
                "SELECT has_table_privilege('looks', 'user_statistics', 'SELECT WITH GRANT OPTION'),"
                " has_table_privilege('looks', 'hashtag_days', 'SELECT'),"
                " has_table_privilege('looks', 'country_statistics', 'SELECT')"
            ).fetchone()
        finally:
            connection.execute("DROP OWNED BY looks; DROP ROLE looks")
    assert rights == (True, True, False)


def test_a_view_of_ones_own_on_a_key_is_named(empty: str) -> None:
    upgrade(empty, "0004")
    with connect(empty) as connection:
        connection.execute("CREATE VIEW mine AS SELECT hashtag FROM hashtags")
        with pytest.raises(MigrationRefused, match=r"mine.*drop it, and make it again"):
            migrate(empty)
        connection.execute("DROP VIEW mine")
    assert migrate(empty) == "0004"


def test_a_partition_that_was_detached_before_can_come_back(empty: str) -> None:
    upgrade(empty, "0004")
    with connect(empty) as connection:
        for table in ("changeset_edits", "changeset_edits_countries"):
            connection.execute(f"CREATE TABLE {table}_000000000 (LIKE {table} INCLUDING ALL)".encode())
        migrate(empty)
        for table in ("changeset_edits", "changeset_edits_countries"):
            attach = f"ALTER TABLE {table} ATTACH PARTITION {table}_000000000 FOR VALUES FROM (0) TO (100000)"
            connection.execute(attach.encode())


SHADOW = (
    "CREATE SCHEMA shadow; GRANT USAGE ON SCHEMA shadow TO PUBLIC;"
    " CREATE FUNCTION shadow.{} RETURNS text LANGUAGE sql AS $$ SELECT {} $$"
)


def collated_by(version: str, url: str) -> None:
    with psycopg.connect(superuser_of(url), autocommit=True) as admin:
        known = "UPDATE pg_database SET datcollversion = %s WHERE datname = current_database()"
        admin.execute(known, (version,))


def test_a_collation_that_changed_under_the_database_is_warned_of(url: str, connection: Connection) -> None:
    """The embedded server's collation has no version: what PostgreSQL would say is put before its own function."""
    assert collation_warning(connection) is None
    collated_by("2.31", url)
    assert collation_warning(connection) is None
    connection.execute(SHADOW.format("pg_database_collation_actual_version(oid)", "'2.36'").encode())
    connection.execute("SET search_path = shadow, public, pg_catalog")
    warned = collation_warning(connection)
    assert warned is not None
    assert "from version 2.31 to 2.36" in warned
    assert "REFRESH COLLATION VERSION" in warned


def test_status_says_it(url: str, connection: Connection, run: Run, feed: DemoFeed) -> None:
    collated_by("2.31", url)
    connection.execute(SHADOW.format("pg_database_collation_actual_version(oid)", "'2.36'").encode())
    shadowed = f"{url}&options=-csearch_path%3Dpublic,shadow,pg_catalog"
    settings = {"DATABASE_URL": shadowed, "OVERPASS_URL": feed.url, "CHANGESETS_URL": feed.changesets_url}
    assert "from version 2.31 to 2.36" in run("status", **settings).stderr
    assert (
        "from version 2.31 to 2.36" in json.loads(run("status", "--json", **settings).stdout)["warnings"][0]
    )
