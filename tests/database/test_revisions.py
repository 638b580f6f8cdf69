"""A database of an earlier revision, with statistics in it, is brought up to date without counting anything again."""

from stats_assets.database.connection import connect
from stats_assets.database.fact_partitions import make_partitions
from stats_assets.database.facts import replace_facts
from stats_assets.database.metadata import save_changesets
from stats_assets.database.migrations import migrate, upgrade
from stats_assets.database.passes import verify
from stats_assets.database.statistics import queued, save_countries
from tests.database.test_statistics import COUNTRIES, aggregates, changeset, diff, edits, file
from tests.recompute import recomputed

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


def test_what_was_applied_before_0003_is_in_the_aggregates_at_once(empty: str) -> None:
    upgrade(empty, "0002")
    with connect(empty) as connection:
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
        assert migrate(empty) == "0002"
        assert queued(connection) == 0
        assert verify(connection, "test").differences == []
        assert aggregates(connection) == recomputed(connection)
        assert aggregates(connection)["hashtags"]["hot"]["changeset_count"] == 6
        codes = {row[0] for row in connection.execute("SELECT code FROM countries").fetchall()}
    assert codes == {*COUNTRIES, "ESH", "SDS", "SSD"}  # a code that is taken here stays what it was
