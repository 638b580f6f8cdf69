"""A database of an earlier revision, with statistics in it, is brought up to date without counting anything again."""

import re
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from stats_assets.database.connection import connect
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.migrations import MigrationRefused, forward_only, migrate, revision, upgrade
from stats_assets.database.migrations.found import KNOWN
from stats_assets.database.migrations.frozen import LET_GO, VERSIONS
from stats_assets.database.statistics.applier import queued, save_countries
from stats_assets.database.statistics.passes import verify
from tests.database.test_statistics import COUNTRIES, aggregates, changeset, diff, edits, file
from tests.recompute import recomputed
from tests.telling import telling

PROJECT = Path(__file__).parents[2]
SCRIPTS = ScriptDirectory(str(VERSIONS.parent))
FILLED_AT = "0007"  # the last revision whose columns the statements here know
APPLIED_BY_0002 = """
INSERT INTO hashtags (hashtag) SELECT DISTINCT unnest(hashtags) FROM changeset_metadata;
INSERT INTO changesets (id, measurements, counts, total_edits, editor, user_id, created_at, closed_at,
    augmented_diffs, updated_at, edited_at, open, num_changes, comments_count)
SELECT f.changeset_id, f.measurements, f.counts, f.total_edits, m.editor, f.user_id, m.created_at, m.closed_at,
    ARRAY[f.sequence], now(), f.edited_at, m.open, m.num_changes, m.comments_count
FROM changeset_edits AS f LEFT JOIN changeset_metadata AS m USING (changeset_id);
INSERT INTO changesets_countries (changeset_id, country_id, edit_count, augmented_diffs, counts, measurements)
SELECT f.changeset_id, c.id, f.edit_count, ARRAY[f.sequence], f.counts, f.measurements
FROM changeset_edits_countries AS f JOIN countries AS c ON c.code = f.region;
INSERT INTO changesets_hashtags (changeset_id, hashtag_id)
SELECT changeset_id, h.id FROM changeset_metadata, unnest(hashtags) AS tag JOIN hashtags AS h ON h.hashtag = tag;
INSERT INTO countries (code, name) VALUES ('SAH', 'Western Sahara'), ('SDS', 'of old'), ('SSD', 'of new');
DELETE FROM statistics_queue
"""


# What the ledger says is kept, whatever it was; under a name of each state.
LINKED_BY_0003 = """
UPDATE changesets_countries SET counted_at = c.counted_at FROM changesets AS c WHERE c.id = changeset_id;
UPDATE changesets_hashtags AS l SET counted_at = c.counted_at, user_id = c.user_id
FROM changesets AS c WHERE c.id = changeset_id;
UPDATE countries SET code = 'ESH' WHERE code = 'SAH'
"""
LEDGER = """
INSERT INTO streams (stream, origin, checkpoint, pauses) VALUES ('augmented_diffs', 1, 5, 2);
INSERT INTO checkpoints VALUES ('ChangesetStatsUpdater', 5);
INSERT INTO ledger_blocks (stream, block, done) VALUES ('augmented_diffs', 0, 5);
INSERT INTO ledger (stream, sequence, result, work, epoch, attempts, definitions, run_id)
VALUES ('augmented_diffs', 1, 'skipped', 'idle', 0, 0, NULL, NULL),
    ('augmented_diffs', 2, 'none', 'quarantined', 0, 8, NULL, NULL),
    ('augmented_diffs', 5, 'committed', 'idle', 0, 0, 'abc', 'a run'),
    ('augmented_diffs', 6, 'none', 'waiting', -1, 1, NULL, NULL);
INSERT INTO run_leases (run_id, stream, start_sequence, end_sequence) VALUES ('a run', 'augmented_diffs', 1, 6)
"""
KEPT = (
    "SELECT stream, sequence, result, work, epoch, attempts, definitions, run_id FROM ledger ORDER BY sequence",
    "SELECT stream, origin, checkpoint, pauses FROM streams",
    "SELECT proc_name, sequence FROM checkpoints",
    "SELECT stream, block, done, epoch FROM ledger_blocks",
    "SELECT run_id, stream, start_sequence, end_sequence FROM run_leases",
    "SELECT sequence, changeset_id, user_id, total_edits, counts::text FROM changeset_edits ORDER BY 1, 2",
    "SELECT sequence, changeset_id, region, edit_count FROM changeset_edits_countries ORDER BY 1, 2, 3",
    "SELECT changeset_id, editor, hashtags FROM changeset_metadata ORDER BY 1",
    "SELECT id, name FROM users ORDER BY 1",
    "SELECT id, hashtag FROM hashtags ORDER BY 1",
)


@pytest.mark.parametrize("earlier", telling(KNOWN[:-1], *KNOWN[:-1:8], KNOWN[-2]))
def test_a_database_of_each_earlier_revision_is_brought_up_to_date_with_all_that_it_holds(
    earlier: str, empty: str
) -> None:
    upgrade(empty, min(earlier, FILLED_AT))
    with connect(empty) as connection:
        if earlier > "0001":
            make_partitions(connection, 0, 100)
        save_countries(connection, COUNTRIES)
        places = [("NPL",), ("USA", "USA-TX"), ()]
        found = [
            edits(10 + i, uid=[7, 8, None][i % 3], n=1 + i % 4, countries=places[i % 3]) for i in range(12)
        ]
        replace_facts(connection, 5, diff(*found))
        tagged = [changeset(10 + i, "hot", f"t{i % 2}", uid=[7, 8, None][i % 3]) for i in range(0, 12, 2)]
        save_changesets(connection, 1, file(*tagged))
        connection.execute(APPLIED_BY_0002.encode())
        if earlier >= "0003":
            connection.execute(LINKED_BY_0003.encode())
            with connection.transaction():
                connection.execute((VERSIONS / "0003_fill_aggregates.sql").read_bytes())
        connection.execute(LEDGER.encode())
        upgrade(empty, earlier)
        before = [connection.execute(query.encode()).fetchall() for query in KEPT]
        assert all(before)
        assert migrate(empty) == earlier
        assert [connection.execute(query.encode()).fetchall() for query in KEPT] == before
        assert queued(connection) == 0
        assert verify(connection, "test").differences == []
        assert aggregates(connection) == recomputed(connection)
        assert aggregates(connection)["hashtags"]["hot"]["changeset_count"] == 6
        codes = {row[0] for row in connection.execute("SELECT code FROM countries").fetchall()}
    assert codes == {*COUNTRIES, "ESH", "SDS", "SSD"}  # a code that is taken here stays what it was


@pytest.mark.parametrize("newest", [one for one in KNOWN if one >= "0005"])
def test_a_revision_says_whether_older_code_may_go_on(newest: str, empty: str) -> None:
    says = {one.revision: one.module.additive for one in SCRIPTS.walk_revisions() if one.revision >= "0005"}
    upgrade(empty, newest)
    with connect(empty) as connection:
        (mark,) = connection.execute("SELECT oldest_code FROM schema_marks").fetchone() or ("",)
    assert mark == max(one for one, additive in says.items() if not additive and one <= newest)


def test_views_are_replaced_as_a_whole() -> None:
    made = set(re.findall(r"^CREATE VIEW (\w+)", (PROJECT / "docs" / "schema.sql").read_text(), re.MULTILINE))
    newest = max(VERSIONS.glob("*_views.sql")).read_text()
    assert set(re.findall(r"^CREATE OR REPLACE VIEW (\w+)", newest, re.MULTILINE)) == made
    assert all(f"'{view}'" in LET_GO for view in made)


def test_what_is_made_of_the_views_and_who_may_read_them_stay(empty: str) -> None:
    upgrade(empty, "0007")
    with connect(empty) as connection:
        connection.execute("CREATE VIEW report AS SELECT name, edit_count, last_edit FROM user_statistics")
        connection.execute("GRANT SELECT ON user_statistics TO PUBLIC")
        assert migrate(empty) == "0007"
        assert connection.execute("SELECT * FROM report").fetchall() == []
        row = connection.execute(
            "SELECT relacl::text FROM pg_class WHERE relname = 'user_statistics'"
        ).fetchone()
    assert row is not None
    assert "=r/" in row[0]


def test_what_does_not_fit_stops_the_revision_and_all_is_as_it_was(empty: str) -> None:
    upgrade(empty, "0007")
    with connect(empty) as connection:
        connection.execute(
            "INSERT INTO changesets (id, measurements, counts, total_edits, augmented_diffs, updated_at)"
            " VALUES (1, '{}', '{}', 2147483648, '{}', now())"
        )
        with pytest.raises(MigrationRefused, match=r"is as it was: .*out of range.*2147483647"):
            migrate(empty)
        assert revision(connection) == "0007"
        assert connection.execute("SELECT total_edits FROM changesets").fetchall() == [(2**31,)]


def test_the_schema_is_the_same_whatever_revision_it_comes_from(empty: str, url: str) -> None:
    """Columns with their types and collations, indexes, constraints, views and functions."""
    upgrade(empty, "0002")
    migrate(empty)
    assert _schema(empty) == _schema(url)


def _schema(url: str) -> list[str]:
    with connect(url) as connection:
        rows = connection.execute(
            """
            SELECT concat_ws(' ', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
                attcollation::regcollation) FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
            WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped AND NOT relispartition
            UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class AS c ON c.oid = indrelid
            WHERE relnamespace = 'public'::regnamespace AND NOT relispartition
            UNION ALL SELECT viewname || definition FROM pg_views WHERE schemaname = 'public'
            UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
            ORDER BY 1
            """
        ).fetchall()
    return [str(row[0]) for row in rows]


def test_what_code_of_before_can_not_work_with_is_told_before_it_is_done(empty: str) -> None:
    assert forward_only(empty) == [], "nothing is there that could be lost"
    says = {one.revision: one.module.additive for one in SCRIPTS.walk_revisions() if one.revision >= "0005"}
    for at in ("0005", "0008"):
        upgrade(empty, at)
        told = [one.partition(" ")[0] for one in forward_only(empty)]
        assert told == [one for one in sorted(says) if one > at and not says[one]]
