"""Sessions are ours, whatever the database, the role, the URL or a pooler does to them; search_path is the owner's."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from stats_assets.database import connection as connections
from stats_assets.database.connection import SESSION, SINCE, DatabaseUnreachable, connect
from stats_assets.database.migrations import NEWEST, MigrationRefused, migrate, revision, upgrade
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.database.statistics.passes import verify
from stats_assets.demo.feed import DemoFeed
from stats_assets.ingest.run import run_range
from stats_assets.system import Stats
from tests.conftest import Run, settings_for, superuser_of
from tests.database.pooler import Pooler
from tests.telling import telling
from tests.truth import differences, statistics_of, truth_of

# What an ALTER DATABASE or ALTER ROLE … SET, or the URL, may say of a session.
SET: dict[str, str] = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Asia/Kathmandu",
    "client_encoding": "LATIN1",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "xmloption": "document",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "escape_string_warning": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "row_security": "on",
    "gin_fuzzy_search_limit": "1",
    "client_min_messages": "debug5",
    "exit_on_error": "on",
    "check_function_bodies": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "plan_cache_mode": "force_generic_plan",
    "jit": "on",
    "statement_timeout": "1s",
    "lock_timeout": "50ms",
    "idle_in_transaction_session_timeout": "50ms",
    "idle_session_timeout": "100ms",
}
# What only costs time or room stays the operator's.
LEFT = {
    "work_mem": "1MB",
    "enable_hashjoin": "off",
    "enable_partition_pruning": "off",
    "lc_numeric": "C",
    "lc_time": "C",
    "synchronous_commit": "off",
    "default_statistics_target": "1",
    "default_text_search_config": "pg_catalog.german",
    "timezone_abbreviations": "India",
    "session_replication_role": "replica",
    "constraint_exclusion": "off",
    "debug_parallel_query": "on",
}
AT = datetime(2026, 2, 1, 0, 0, 0, 5, tzinfo=UTC)


@pytest.fixture
def minutes() -> int:
    return 4


def follows(url: str, feed: DemoFeed, folder: Path) -> None:
    """Schema, runs of both streams, the applier and a verification: all comes out as the feed's truth has it."""
    stats = Stats(settings_for(feed, url, folder))
    assert migrate(url) is None
    ends = (("augmented_diffs", feed.world.first, feed.head),)
    ends += (("changesets", feed.world.changesets_first, feed.changesets_head),)  # type: ignore[assignment]
    for stream, first, last in ends:
        report = run_range(stats.work(stream), url, f"run of {stream}", first, last)  # type: ignore[arg-type]
        assert (report.committed, report.failed) == (last - first + 1, {})
    with connect(url) as connection:
        apply_queue(connection)
        assert verify(connection, "test").differences == []
        assert differences(truth_of(feed.url), statistics_of(connection)) == []


def with_options(url: str, **settings: str) -> str:
    """The URL with these settings in its options."""
    options = " ".join(f"-c {name}={value.replace(' ', '')}" for name, value in settings.items())
    return f"{url}&options={quote(options)}"


@pytest.mark.parametrize("of", telling(("DATABASE", "ROLE", "URL"), "ROLE"))
def test_no_setting_changes_what_is_counted(of: str, empty: str, feed: DemoFeed, tmp_path: Path) -> None:
    """All of them together through migrate, a run of each stream, the applier and verify."""
    url, role, known = empty, f"odd_{uuid.uuid4().hex[:8]}", SET | LEFT
    with psycopg.connect(superuser_of(empty), autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN SUPERUSER".encode())
        for setting, value in known.items() if of != "URL" else ():
            target = f'DATABASE "{admin.info.dbname}"' if of == "DATABASE" else f"ROLE {role}"
            admin.execute(f"ALTER {target} SET {setting} = '{value}'".encode())
        if of == "ROLE":
            url = empty.replace("stats@", f"{role}@", 1)
        elif of == "URL":
            url = with_options(empty.replace("stats@", f"{role}@", 1), **known)
        try:
            follows(url, feed, tmp_path / "data")
            with connect(url) as connection:
                assert connection.execute("SHOW work_mem").fetchone() == ("1MB",)
        finally:
            # a session that ends just now removes its temporary tables, which are the role's
            admin.execute(
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = %s", (role,)
            )
            admin.execute(
                f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}".encode()
            )


@pytest.mark.parametrize("setting", SET)
def test_each_setting_is_pinned(setting: str, url: str) -> None:
    given = with_options(url, **{setting: SET[setting]})
    with psycopg.connect(given) as plain, connect(given) as ours:
        odd, pinned = (one.execute(f"SHOW {setting}".encode()).fetchone() for one in (plain, ours))
    assert odd != pinned
    with connect(url) as usual:
        assert usual.execute(f"SHOW {setting}".encode()).fetchone() == pinned


def test_what_psycopg_reads_is_what_was_written(empty: str) -> None:
    values = (
        AT,
        timedelta(days=1, seconds=3),
        b"\x00\xff",
        0.1,
        "naïve 東京 \\ '",
        [None, "NULL"],
        {"a": "\\"},
    )
    with connect(with_options(empty, **SET)) as connection:
        row = connection.execute(
            "SELECT %s::timestamptz, %s::interval, %s::bytea, %s::float8, %s::text, %s::text[], %s::jsonb",
            (*values[:-1], json.dumps(values[-1])),
        ).fetchone()
    assert row == values


def test_pinned_are_settings_that_exist(url: str) -> None:
    with connect(url) as connection:
        known = connection.execute(
            "SELECT name FROM pg_settings WHERE lower(name) = ANY (%s)", ([name.lower() for name in SESSION],)
        ).fetchall()
        major = connection.info.server_version // 10_000
    newer = {name for name, since in SINCE.items() if since > major}
    assert {name.lower() for name in SESSION} - {name.lower() for (name,) in known} == newer


# Schemas -----------------------------------------------------------------------------------------------------------


def in_path(url: str, *schemas: str, create: bool = True) -> str:
    with psycopg.connect(url, autocommit=True) as admin:
        for schema in schemas if create else ():
            admin.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'.encode())
    return with_options(url, search_path=",".join(schemas))


def relations(url: str) -> dict[str, set[str]]:
    """The relations of each schema."""
    with psycopg.connect(url) as admin:
        found = admin.execute(
            "SELECT relnamespace::regnamespace::text, array_agg(relname::text) FROM pg_class"
            " WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' GROUP BY 1"
        ).fetchall()
    return {schema: set(names) for schema, names in found}


@pytest.mark.parametrize("how", telling(("options", "database"), "options"))
def test_everything_lives_in_the_schema_that_search_path_names(
    how: str, empty: str, feed: DemoFeed, tmp_path: Path
) -> None:
    url = in_path(empty, "osm")
    if how == "database":
        with psycopg.connect(empty, autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{admin.info.dbname}" SET search_path = osm')
        url = empty
    follows(url, feed, tmp_path / "data")
    assert set(relations(empty)) == {"osm"}
    assert {"alembic_version", "ledger", "user_statistics"} <= relations(empty)["osm"]


def test_two_in_one_database_do_not_touch_each_other(empty: str, feed: DemoFeed, tmp_path: Path) -> None:
    """The second's path goes on to the first's schema, where all names are taken."""
    follows(in_path(empty, "public"), feed, tmp_path / "one")
    before = relations(empty)["public"]
    second = in_path(empty, "second", "public")
    with connect(second) as connection:
        assert revision(connection) is None
    follows(second, feed, tmp_path / "two")
    assert relations(empty)["public"] == before
    assert relations(empty)["second"] >= before - {"pg_trgm"}
    with connect(in_path(empty, "public")) as connection:
        assert verify(connection, "test").differences == []
        assert differences(truth_of(feed.url), statistics_of(connection)) == []


def test_views_answer_a_client_whose_path_does_not_name_their_schema(
    empty: str, feed: DemoFeed, tmp_path: Path
) -> None:
    follows(in_path(empty, "osm"), feed, tmp_path / "data")
    with psycopg.connect(in_path(empty, "public")) as client:
        for view in (
            "user_statistics",
            "hashtag_statistics",
            "country_statistics",
            "hashtag_user_statistics",
        ):
            assert client.execute(f"TABLE osm.{view}".encode()).fetchall()


def test_the_trigram_index_is_made_wherever_the_extension_is(empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as admin:
        if not admin.execute("SELECT FROM pg_available_extensions WHERE name = 'pg_trgm'").rowcount:
            pytest.skip("this PostgreSQL, the embedded one, has no pg_trgm")
        admin.execute("CREATE SCHEMA tools; CREATE EXTENSION pg_trgm SCHEMA tools")
    migrate(in_path(empty, "osm"))
    assert "trgm_idx_hashtags" in relations(empty)["osm"]


def test_a_path_that_names_no_schema_says_to_make_one(empty: str) -> None:
    with pytest.raises(MigrationRefused, match=r"search_path of database .*\(nowhere\).*CREATE SCHEMA"):
        migrate(in_path(empty, "nowhere", create=False))
    assert relations(empty) == {}


# Poolers -----------------------------------------------------------------------------------------------------------


@contextmanager
def pooled(url: str, **how: Any) -> Iterator[str]:
    with Pooler(url, **how) as pooler:
        yield pooler.url


def test_a_pooler_in_transaction_mode_is_told_and_what_to_do(url: str, run: Run) -> None:
    with pooled(url, transactions=True) as between:
        with pytest.raises(DatabaseUnreachable, match=r"pooler in transaction mode.*pool_mode = session"):
            connect(between)
        done = run("status", DATABASE_URL=between)
        assert (done.returncode, "transaction mode" in done.stderr) == (3, True), done.stderr


def test_a_pooler_in_session_mode_does(empty: str, feed: DemoFeed, tmp_path: Path) -> None:
    with pooled(empty) as between:
        follows(between, feed, tmp_path / "data")
        assert between in connections._session_pools


def test_a_pooler_that_takes_no_options_is_told(url: str) -> None:
    with pooled(url) as between, pytest.raises(DatabaseUnreachable, match=r"takes no `options`"):
        connect(with_options(between, search_path="osm"))


def test_without_a_pooler_nothing_more_is_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real: Callable[..., Any] = psycopg.connect

    def told(url: str, **how: Any) -> Any:
        asked.append(url)
        return real(url, **how)

    monkeypatch.setattr(psycopg, "connect", told)
    connect(url).close()
    assert asked == [url]


def test_migrations_have_the_session_that_all_have(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection is made by one function."""
    asked: list[str] = []
    real: Callable[..., Any] = connect

    def told(url: str, **how: Any) -> Any:
        asked.append(url)
        return real(url, **how)

    monkeypatch.setattr("stats_assets.database.migrations.connect", told)
    upgrade(empty, NEWEST)
    assert asked == [empty]
