"""Who looks changes nothing: no schema is made or brought up to date, no row written, by whatever role one looks."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from dagster import AssetCheckResult, DagsterInstance

from stats_assets.database.connection import Connection, connect
from stats_assets.database.looking import SchemaNotReady
from stats_assets.database.migrations import NEWEST, migrate, revision, upgrade
from stats_assets.database.statistics import passes
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.database.statistics.verification import PARTS
from stats_assets.definitions import defs
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.orchestration.stream_checks import all_checks
from stats_assets.system import Stats
from tests.conftest import Run, database, settings_for
from tests.telling import telling

LOOKS = (
    ("status",),
    ("status", "--json"),
    ("watch", "--once"),
    ("alerts",),
    ("alerts", "--json"),
    ("sql", "SELECT count(*) FROM users"),
    ("verify",),
    ("verify", "--sample"),
    ("verify", "--seconds", "0"),
)
ONE_EACH = tuple({look[0]: look for look in LOOKS}.values())
"""One of each command: where how it is asked has been tried already."""
FINE = {
    "status": (2,),
    "watch": (0,),
    "alerts": (1,),
    "sql": (0,),
    "verify": (0,),
}  # 2: the world's days are long ago
# As docs/operations.md has it for an owner who may not make roles.
GRANTS = """
GRANT USAGE ON SCHEMA public TO {role};
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};
REVOKE ALL ON reading_login FROM {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role}
"""


@pytest.fixture
def minutes() -> int:
    return 5


@pytest.fixture
def filled(stats: Stats, feed: DemoFeed, world: World, url: str) -> Stats:
    """Both streams have run."""
    migrate(url)
    run_range(stats.work("augmented_diffs"), url, "diffs", world.first, feed.head)
    run_range(stats.work("changesets"), url, "files", world.changesets_first, feed.changesets_head)
    with connect(url) as connection:
        apply_queue(connection)
        connection.execute(
            "INSERT INTO streams (stream, origin, checkpoint)"
            " VALUES ('augmented_diffs', %s, %s), ('changesets', %s, %s)",
            (world.first, feed.head, world.changesets_first, feed.changesets_head),
        )
    return stats


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """A database without any schema of ours."""
    with database(server, "template1") as made:
        yield made


@contextmanager
def role(url: str, name: str, *settings: str) -> Iterator[str]:
    """A login made by hand, as another administrator would; its URL."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN".encode())
        for setting in settings:
            admin.execute(f"ALTER ROLE {name} SET {setting}".encode())
    try:
        yield url.replace("://stats@", f"://{name}@")
    finally:
        with psycopg.connect(url, autocommit=True) as admin:
            for (table,) in admin.execute(
                "SELECT relname FROM pg_class WHERE relacl::text LIKE %s", (f"%{name}%",)
            ).fetchall():
                admin.execute(f'REVOKE ALL ON "{table}" FROM {name}'.encode())
            admin.execute(f"REVOKE ALL ON SCHEMA public FROM {name}".encode())
            admin.execute(
                f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {name}".encode()
            )
            admin.execute(f"DROP ROLE {name}".encode())


def everything(url: str) -> dict[str, object]:
    """What there is: each relation with its rows and rights, roles, large objects."""
    with psycopg.connect(url) as connection:
        found: dict[str, object] = {
            what: connection.execute(query.encode()).fetchall()
            for what, query in (
                (  # but for a session's own, which go with it, a moment later than it
                    "relations",
                    "SELECT oid, relname, relkind, relacl::text FROM pg_class WHERE relpersistence <> 't' ORDER BY oid",
                ),
                ("roles", "SELECT rolname, rolsuper, rolcreaterole, rolcanlogin FROM pg_roles ORDER BY 1"),
                ("large objects", "SELECT oid FROM pg_largeobject_metadata"),
                ("settings", "SELECT * FROM pg_db_role_setting ORDER BY 1, 2"),
                ("functions", "SELECT oid, proname, proacl::text FROM pg_proc ORDER BY oid"),
            )
        }
        for (name,) in connection.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'm', 'S')"
            " AND relnamespace = 'public'::regnamespace"
        ).fetchall():
            found[name] = connection.execute(
                f"SELECT row(t.*)::text FROM {name} AS t ORDER BY 1".encode()  # noqa: S608
            ).fetchall()
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path)
    return tmp_path


def environment(feed: DemoFeed, url: str, **others: str) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "OVERPASS_URL": feed.url,
        "CHANGESETS_URL": feed.changesets_url,
        **others,
    }


@pytest.mark.parametrize("at", telling((None, "0001", "0004"), None, "0004"))
def test_a_look_at_an_absent_or_older_schema_says_so_and_leaves_it(
    run: Run, empty: str, feed: DemoFeed, project: Path, at: str | None
) -> None:
    if at is not None:
        upgrade(empty, at)
    before = everything(empty)
    for look in LOOKS if at is None else ONE_EACH:
        answer = run(*look, **environment(feed, empty))
        assert answer.returncode == {"status": 3, "watch": 1, "alerts": 3}.get(look[0], 2), (look, answer)
        assert "stats-assets migrate" in answer.stderr
        assert (at is None or at in answer.stderr) and answer.stdout == "", look
    assert everything(empty) == before


@pytest.mark.drill
def test_a_schema_that_a_newer_version_only_added_to_is_looked_at(
    run: Run, filled: Stats, feed: DemoFeed, url: str, project: Path
) -> None:
    """The mark in the database decides, for looks as for `migrate`."""
    with connect(url) as connection:
        connection.execute(
            "UPDATE alembic_version SET version_num = '9999'; ALTER TABLE ledger ADD COLUMN more int"
        )
    for look in LOOKS:
        answer = run(*look, **environment(feed, url))
        assert answer.returncode in FINE[look[0]], (look, answer)
        assert "9999" not in answer.stderr


def test_a_schema_that_a_newer_version_changed_is_not_looked_at(
    run: Run, url: str, feed: DemoFeed, project: Path
) -> None:
    with connect(url) as connection:
        connection.execute(
            "UPDATE alembic_version SET version_num = '9999'; UPDATE schema_marks SET oldest_code = '0099'"
        )
    before = everything(url)
    for look in LOOKS:
        answer = run(*look, **environment(feed, url))
        assert answer.returncode == {"status": 3, "watch": 1, "alerts": 3}.get(look[0], 2), (look, answer)
        assert "has revision 9999" in answer.stderr and "a newer version of it was here" in answer.stderr
        assert answer.stdout == "" and "Traceback" not in answer.stderr, look
    assert everything(url) == before


def test_all_looks_by_the_owner_change_nothing_but_passes(
    run: Run, filled: Stats, feed: DemoFeed, url: str, project: Path
) -> None:
    before = everything(url)
    for look in LOOKS:
        answer = run(*look, **environment(feed, url))
        assert answer.returncode in FINE[look[0]], (look, answer)
    after = everything(url)
    for kept in ("passes", "verdicts"):  # what verify finds
        assert after.pop(kept) != before.pop(kept)
    assert after == before


@pytest.mark.parametrize(
    "setting", telling((None, "default_transaction_read_only = on"), "default_transaction_read_only = on")
)
def test_all_looks_by_a_role_that_may_only_select(
    run: Run, filled: Stats, feed: DemoFeed, url: str, project: Path, setting: str | None
) -> None:
    with role(url, "auditor", *([setting] if setting else [])) as auditor:
        denied = run("status", **environment(feed, auditor))
        assert (denied.returncode, denied.stdout) == (3, "")
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(GRANTS.format(role="auditor").encode())
            admin.execute("TRUNCATE passes")
        before = everything(url)
        for look in ONE_EACH if setting else LOOKS:
            answer = run(*look, **environment(feed, auditor))
            assert answer.returncode in FINE[look[0]], (look, answer)
            if look[0] == "verify" and "--sample" not in look:
                assert "may only read" in answer.stderr
                assert "--resume" not in answer.stderr
        assert run("verify", "--resume", **environment(feed, auditor)).returncode == 2
        for work in (("rebuild",), ("seek", "--stream", "changesets", "--sequence", "1"), ("retry",)):
            answer = run(*work, **environment(feed, auditor))
            assert answer.returncode == 2, (work, answer)
        assert everything(url) == before


def test_checks_by_a_role_that_may_only_select(
    filled: Stats, feed: DemoFeed, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with role(url, "auditor") as auditor:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(GRANTS.format(role="auditor").encode())
        before = everything(url)
        for name, value in environment(feed, auditor).items():
            monkeypatch.setenv(name, value)
        for check in all_checks:
            [key] = check.check_keys
            result = check()
            assert isinstance(result, AssetCheckResult) and result.check_name == key.name
        with DagsterInstance.ephemeral() as instance:
            assert defs.resolve_job_def("verification_job").execute_in_process(instance=instance).success
        assert everything(url) == before


def test_verify_by_a_role_that_may_only_select_finds_what_differs(
    run: Run, filled: Stats, feed: DemoFeed, url: str
) -> None:
    with connect(url) as connection:
        connection.execute("UPDATE aggregates SET edits = edits + 1 WHERE owner = 'country'")
    with role(url, "auditor") as auditor:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(GRANTS.format(role="auditor").encode())
        wrong = run("verify", "--json", **environment(feed, auditor))
    assert wrong.returncode == 1
    found = json.loads(wrong.stdout)
    assert (found["whole"], found["steps"], found["known"]) == (True, len(PARTS), len(found["differences"]))
    assert found["known"] > 0


def test_a_rebuild_that_can_t_write_does_not_pretend(run: Run, filled: Stats, url: str) -> None:
    with connect(url) as connection:
        connection.execute("SET default_transaction_read_only = on")
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
            passes.rebuild(connection)


def test_countries_are_made_known_by_a_run_and_not_by_a_look(
    run: Run, stats: Stats, connection: Connection, url: str, feed: DemoFeed, world: World
) -> None:
    def countries() -> int:
        return len(connection.execute("SELECT FROM countries").fetchall())

    hashed = stats.reader("augmented_diffs").definitions
    run("status", **environment(feed, url))
    assert countries() == 0
    work = stats.work("augmented_diffs")
    assert work.reader.definitions == hashed
    assert countries() == 0
    for sequence in (world.first, world.first + 1):
        run_range(work, url, "run", sequence, sequence)
        assert countries() > 250
        connection.execute("DELETE FROM countries")  # restored, say, under a process that lives on


def test_the_reader_and_the_definitions_need_no_database(feed: DemoFeed, tmp_path: Path) -> None:
    nowhere = Stats(settings_for(feed, "postgresql://nobody@127.0.0.1:1/nothing", tmp_path))
    assert nowhere.reader("augmented_diffs").definitions
    code = (
        "import psycopg\n"
        "def refuse(*given, **named): raise AssertionError('connected')\n"
        "psycopg.connect = psycopg.Connection.connect = refuse\n"
        "import stats_assets.embedded_postgres.access as embedded\n"
        "embedded.embedded_url = refuse\n"
        "import stats_assets.definitions"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)  # noqa: S603


def test_work_brings_the_schema_up_to_date(run: Run, empty: str, feed: DemoFeed) -> None:
    upgrade(empty, "0004")
    with pytest.raises(SchemaNotReady):
        Stats(settings_for(feed, empty, Path("unused"))).look()
    assert run("retry", **environment(feed, empty)).returncode == 0
    with connect(empty) as connection:
        assert revision(connection) == NEWEST
