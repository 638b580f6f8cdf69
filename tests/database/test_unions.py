"""Unions are kept by difference: a changed one is made anew, the others are left alone."""

from stats_assets.database.connection import Connection
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.statistics.applier import apply_queue, queued, save_countries
from stats_assets.database.statistics.passes import verify
from stats_assets.database.statistics.unions import keep_unions
from tests.database.test_statistics import COUNTRIES, changeset, diff, edits, file
from tests.roll_ups import recomputed_roll_ups, roll_ups


def changesets_of(connection: Connection) -> dict[str, int]:
    return dict(
        connection.execute(
            "SELECT name, changesets FROM unions JOIN aggregates ON owner = 'union' AND owner_id = id"
        ).fetchall()
    )


def test_a_changed_union_is_made_anew_and_a_changeset_counts_once(connection: Connection) -> None:
    make_partitions(connection, 0, 100)
    save_countries(connection, COUNTRIES)
    assert keep_unions(connection, {"ab": ("a*", "b*"), "all%": ("%", "c_1")}) == ["ab", "all%"]
    replace_facts(connection, 3, diff(*(edits(n) for n in range(1, 6))))
    tags = {1: ("a1", "a2", "b1"), 2: ("b1",), 3: ("c1", "cx1"), 4: ("c_1",), 5: ()}
    save_changesets(connection, 1, file(*(changeset(n, *tags[n]) for n in tags)))
    apply_queue(connection)
    assert changesets_of(connection) == {"ab": 2, "all%": 1}
    assert keep_unions(connection, {"ab": ("a*", "b*"), "all%": ("%", "c_1")}) == []
    stamps = connection.execute("SELECT updated_at FROM aggregates WHERE owner <> 'union'").fetchall()
    assert keep_unions(connection, {"ab": ("a*", "c*")}) == ["ab", "all%"]
    assert verify(connection, "test").differences == []
    apply_queue(connection)
    assert changesets_of(connection) == {"ab": 3}
    assert roll_ups(connection) == recomputed_roll_ups(connection)
    assert verify(connection, "test").differences == []
    assert connection.execute("SELECT updated_at FROM aggregates WHERE owner <> 'union'").fetchall() == stamps
    keep_unions(connection, {})
    apply_queue(connection)
    assert (changesets_of(connection), queued(connection)) == ({}, 0)
    assert connection.execute("SELECT count(*) FROM uploads WHERE owner = 'union'").fetchone() == (0,)
