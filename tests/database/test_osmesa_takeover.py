"""OSMesa's database becomes ours: it is set aside whole, ids and checkpoints stay, others' tables are untouched."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.ledger.stream_rows import driving
from stats_assets.database.migrations import NEWEST, MigrationRefused, migrate, revision
from stats_assets.database.statistics.applier import apply_queue, save_countries
from tests.database.test_statistics import changeset, diff, edits, file

LEASE = timedelta(seconds=60)
CHECKPOINTS = """
CREATE TABLE checkpoints (proc_name text NOT NULL UNIQUE, sequence integer NOT NULL, PRIMARY KEY (proc_name));
INSERT INTO checkpoints VALUES ('ChangesetStatsUpdater', 4500123), ('ChangesetMetadataUpdater', 3900045),
    ('EditHistogramTileUpdater', 17);
"""
OSMESA = CHECKPOINTS + (Path(__file__).parent / "osmesa.sql").read_text()
OTHERS = """
CREATE TABLE somebody (id int PRIMARY KEY, tag text);
INSERT INTO somebody VALUES (1, 'else');
CREATE VIEW their_report AS SELECT name, edit_count FROM user_statistics;
"""


@pytest.fixture
def opened(empty: str) -> Iterator[Connection]:
    with connect(empty) as connection:
        yield connection


def relations(connection: Connection) -> set[str]:
    """Every table and view, as schema.name."""
    rows = connection.execute(
        "SELECT relnamespace::regnamespace || '.' || relname FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'p')"
        " AND relnamespace::regnamespace::text IN ('public', 'osmesa')"
    ).fetchall()
    return {row[0] for row in rows}


def test_osmesas_database_is_set_aside_and_its_names_go_on(opened: Connection, empty: str) -> None:
    opened.execute((OSMESA + OTHERS).encode())
    theirs = {name for name in relations(opened) if "somebody" not in name and "report" not in name}
    assert migrate(empty) is None
    assert {name.replace("public", "osmesa") for name in theirs} <= relations(opened)
    assert opened.execute("SELECT counts, augmented_diffs FROM osmesa.changesets").fetchall() == [
        ({"roads_added": 3}, [4500123])
    ]
    assert opened.execute("SELECT name, edit_count FROM osmesa.user_statistics").fetchall() == [
        ("seven of old", 3)
    ]
    assert opened.execute("SELECT * FROM osmesa.checkpoints ORDER BY 1").fetchall() == [
        ("ChangesetMetadataUpdater", 3900045),
        ("ChangesetStatsUpdater", 4500123),
        ("EditHistogramTileUpdater", 17),
    ]
    ours = {
        "checkpoints": "SELECT * FROM checkpoints ORDER BY 1",
        "users": "SELECT id, name FROM users ORDER BY 1",
        "hashtags": "SELECT * FROM hashtags ORDER BY 1",
        "countries": "SELECT * FROM countries ORDER BY 1",
        "nothing counted": "SELECT id FROM changesets",
        "nor shown": "SELECT id FROM user_statistics",
        "others": "SELECT * FROM somebody",
        "others' views": "SELECT * FROM their_report",
    }
    expected = {
        "checkpoints": opened.execute("SELECT * FROM osmesa.checkpoints ORDER BY 1").fetchall(),
        "users": [(7, "seven of old"), (9, None), (10, "ten")],
        "hashtags": [(2, "hot")],
        "countries": [(4, "Nepal of old", "NPL"), (311, "South Sudan", "SSD")],
        "nothing counted": [],
        "nor shown": [],
        "others": [(1, "else")],
        "others' views": [("seven of old", 3)],
    }
    assert {what: opened.execute(query).fetchall() for what, query in ours.items()} == expected
    assert migrate(empty) == NEWEST
    assert {what: opened.execute(query).fetchall() for what, query in ours.items()} == expected


def test_the_streams_go_on_where_osmesa_stopped(opened: Connection, empty: str) -> None:
    opened.execute(OSMESA.encode())
    migrate(empty)
    with driving(opened, "augmented_diffs", "here", LEASE) as diffs:
        assert (diffs.origin, diffs.checkpoint) == (4500124, 4500123)
    with driving(opened, "changesets", "here", LEASE) as changesets:
        assert (changesets.origin, changesets.checkpoint) == (3900046, 3900045)
    assert make_partitions(opened, 4500124, 4600123) == []  # made ahead already


def test_new_facts_use_the_ids_that_clients_know_and_new_ones_after_them(
    opened: Connection, empty: str
) -> None:
    opened.execute(OSMESA.encode())
    migrate(empty)
    save_countries(opened, {"NPL": "Nepal", "USA": "United States"})
    replace_facts(opened, 4500124, diff(edits(50, uid=7, countries=("NPL", "USA")), edits(51, uid=9)))
    save_changesets(opened, 3900046, file(changeset(50, "hot", "new")))
    apply_queue(opened)
    assert opened.execute("SELECT id, name, code FROM countries ORDER BY id").fetchall() == [
        (4, "Nepal", "NPL"),
        (311, "South Sudan", "SSD"),
        (312, "United States", "USA"),
    ]
    assert opened.execute("SELECT hashtag_id, tag FROM hashtag_statistics ORDER BY 1").fetchall() == [
        (2, "hot"),
        (3, "new"),
    ]
    # a name of ours has evidence, OSMesa's had none
    assert opened.execute("SELECT id, name, edit_count FROM user_statistics ORDER BY id").fetchall() == [
        (7, "user 7", 1),
        (9, "user 9", 1),
    ]


def test_checkpoints_alone_are_enough(opened: Connection, empty: str) -> None:
    opened.execute(CHECKPOINTS.encode())
    migrate(empty)
    with driving(opened, "changesets", "here", LEASE) as changesets:
        assert (changesets.origin, changesets.checkpoint) == (3900046, 3900045)
    save_countries(opened, {"NPL": "Nepal"})
    assert opened.execute("SELECT id FROM countries").fetchall() == [(1,)]
    assert {name for name in relations(opened) if name.startswith("osmesa.")} == {"osmesa.checkpoints"}


def test_empty_tables_of_osmesas_are_taken_over_too(opened: Connection, empty: str) -> None:
    opened.execute(OSMESA.encode())
    opened.execute("TRUNCATE checkpoints, users, hashtags, countries, changesets CASCADE")
    migrate(empty)
    with driving(opened, "augmented_diffs", "here", LEASE) as diffs:
        assert (diffs.origin, diffs.checkpoint) == (None, None)
    save_countries(opened, {"NPL": "Nepal"})
    assert opened.execute("SELECT id FROM countries").fetchall() == [(1,)]


@pytest.mark.parametrize("rest", ["", CHECKPOINTS])
def test_another_programs_table_of_a_name_of_ours_is_refused_not_moved(
    opened: Connection, empty: str, rest: str
) -> None:
    opened.execute(b"CREATE TABLE hashtags (id int, words text);" + rest.encode())
    before = relations(opened)
    with pytest.raises(MigrationRefused, match=r'"hashtags" already exists.*a database of their own'):
        migrate(empty)
    assert relations(opened) == before
    assert revision(opened) is None


def test_a_role_that_may_not_create_the_schema_is_told_what_to_do(opened: Connection, empty: str) -> None:
    role = f"limited_{uuid4().hex}"
    opened.execute(f"CREATE ROLE {role}".encode())
    limited = f"{empty}&options=-c%20role%3D{role}"
    try:
        with pytest.raises(MigrationRefused, match="permission denied for schema public"):
            migrate(limited)
        opened.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {role}".encode())
        with psycopg.connect(limited) as theirs:
            theirs.execute(OSMESA.encode())
        before = relations(opened)
        with pytest.raises(
            MigrationRefused, match=r"permission denied for database .* needs CREATE on the database"
        ):
            migrate(limited)
        assert relations(opened) == before
        assert revision(opened) is None
        opened.execute(f"GRANT CREATE ON DATABASE {opened.info.dbname} TO {role}".encode())
        assert migrate(limited) is None
        assert opened.execute("SELECT count(*) FROM osmesa.users").fetchone() == (3,)
    finally:
        opened.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())
