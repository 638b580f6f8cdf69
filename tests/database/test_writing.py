"""What changes nothing writes nothing, what changes is written where it differs, and a row's next version stays on its
page: counted by PostgreSQL, and by rows that are the same versions as before. No test here looks at a clock.
"""

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from benchmarks.aggregates import History
from benchmarks.writing import Written, run
from stats_assets.database.connection import Connection
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.statistics.applier import apply_queue, queued, save_countries
from stats_assets.database.statistics.passes import rebuild, verify
from stats_assets.osm.statistics import DiffStatistics, FeatureError
from tests.conftest import database
from tests.database.test_statistics import COUNTRIES, NOON, aggregates, changeset, diff, edits, file
from tests.recompute import recomputed
from tests.telling import telling

FACTS = ("changeset_edits", "changeset_edits_countries", "errors", "users", "hashtags")
APPLIED = (
    *("changesets", "changesets_countries", "changesets_hashtags"),
    *("aggregates", "aggregate_days", "aggregate_keys"),
)
EDITED = diff(
    edits(10, n=3, km="12.345678912", countries=("USA", "USA-TX")), edits(11, uid=8), edits(12, uid=None)
)._replace(
    errors=(
        FeatureError(2, 5, 0, {"highway": 'a "road"'}, (1, 2), 10, 7, "anna", NOON, True, 3, "crossing"),
        FeatureError(2, 5, 1, {}, (), None, None, None, None, True, None, "by nobody"),
    )
)
TOLD = file(changeset(10, "a", "b"), changeset(11, "a", uid=8, closed=NOON), changeset(13, editor=None))
Rows = dict[str, set[tuple[object, ...]]]


@pytest.fixture(autouse=True)
def filled(connection: Connection) -> None:
    make_partitions(connection, 0, 100)
    save_countries(connection, COUNTRIES)
    count(connection, 1, EDITED)
    save_changesets(connection, 1, TOLD)
    apply_queue(connection)


def count(connection: Connection, sequence: int, found: DiffStatistics) -> None:
    with connection.transaction():
        replace_facts(connection, sequence, found)


def versions(connection: Connection, *tables: str) -> Rows:
    """Which versions of rows there are."""
    return {
        table: set(connection.execute(f"SELECT ctid::text, xmin::text FROM {table}".encode()).fetchall())  # noqa: S608
        for table in tables
    }


def count_again(connection: Connection) -> None:
    count(connection, 1, EDITED)


def tell_again(connection: Connection) -> None:
    save_changesets(connection, 1, TOLD)


def mention(connection: Connection) -> None:
    save_changesets(connection, 2, TOLD)


def queue_again(connection: Connection) -> None:
    connection.execute("INSERT INTO statistics_queue (changeset_id) SELECT id FROM changesets")
    connection.execute(
        "INSERT INTO statistics_queue (changeset_id, sequence) SELECT changeset_id, sequence FROM changeset_edits"
    )


@pytest.mark.parametrize(
    ("again", "touched"),
    [(count_again, ()), (tell_again, ()), (mention, ("changeset_metadata", "users")), (queue_again, ())],
)
def test_what_changes_nothing_writes_no_row(
    connection: Connection, again: Callable[[Connection], None], touched: tuple[str, ...]
) -> None:
    tables = {*FACTS, *APPLIED, "changeset_metadata"} - set(touched)
    before = versions(connection, *tables)
    assert all(before.values())
    again(connection)
    assert queued(connection) == 0 or again in (mention, queue_again)
    apply_queue(connection)
    assert queued(connection) == 0
    assert versions(connection, *tables) == before


def test_nothing_grows_by_that_while_a_transaction_is_open(connection: Connection, url: str) -> None:
    sizes = "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c WHERE relname = ANY (%s)"
    tables = [*FACTS[2:], *APPLIED, "changeset_edits_000000000", "changeset_edits_countries_000000000"]
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        before = connection.execute(sizes, (tables,)).fetchone()
        for _ in range(40):
            count_again(connection)
            mention(connection)
            apply_queue(connection)
        assert connection.execute(sizes, (tables,)).fetchone() == before


def test_an_older_one_that_is_told_late_writes_nothing(connection: Connection) -> None:
    mention(connection)
    apply_queue(connection)
    before = versions(connection, "changeset_metadata", "users", *APPLIED)
    save_changesets(
        connection, 1, file(changeset(11, "other", uid=9, closed=NOON), newest=NOON - timedelta(days=1))
    )
    assert queued(connection) == 0
    assert versions(connection, "changeset_metadata", *APPLIED) == {
        table: rows for table, rows in before.items() if table != "users"
    }


@pytest.mark.parametrize("table", ["changeset_edits", "changeset_edits_countries"])
def test_only_facts_that_differ_are_written_and_queued(connection: Connection, table: str) -> None:
    before = versions(connection, table)[table]
    other = (
        edits(11, uid=8, n=2) if table == "changeset_edits" else edits(11, uid=8, countries=("NPL", "USA"))
    )
    count(connection, 1, EDITED._replace(changesets=(EDITED.changesets[0], other, EDITED.changesets[2])))
    after = versions(connection, table)[table]
    assert len(after - before) == 1
    assert connection.execute("SELECT changeset_id, sequence FROM statistics_queue").fetchall() == [(11, 1)]
    apply_queue(connection)
    assert aggregates(connection) == recomputed(connection)


def test_only_links_that_differ_are_written(connection: Connection) -> None:
    before = versions(connection, "changesets_hashtags", "changesets_countries")
    save_changesets(connection, 2, file(changeset(10, "a", "c")))
    count(connection, 2, diff(edits(10, countries=("USA",))))
    apply_queue(connection)
    after = versions(connection, "changesets_hashtags", "changesets_countries")
    assert {
        table: (len(rows - after[table]), len(after[table] - rows)) for table, rows in before.items()
    } == {
        "changesets_hashtags": (1, 1),  # b goes, c comes, a stays
        "changesets_countries": (1, 1),  # what lies in USA; USA-TX stays
    }
    assert aggregates(connection) == recomputed(connection)


def test_a_time_that_no_row_shows_writes_no_owner(connection: Connection) -> None:
    """The day and the oldest and newest changeset stay what they are; then the newest one moves."""
    hours = [timedelta(hours=n) for n in (1, 2, 3)]
    for n, later in enumerate(hours):
        count(connection, 10 + n, diff(edits(20 + n, uid=20, countries=("NPL",))))
        save_changesets(connection, 10 + n, file(changeset(20 + n, "t", uid=20, closed=NOON + later)))
    apply_queue(connection)
    before = versions(connection, "aggregates", "aggregate_days", "aggregate_keys")
    save_changesets(connection, 20, file(changeset(21, "t", uid=20, closed=NOON + timedelta(minutes=150))))
    apply_queue(connection)
    assert versions(connection, "aggregates", "aggregate_days", "aggregate_keys") == before
    save_changesets(connection, 21, file(changeset(22, "t", uid=20, closed=NOON + timedelta(hours=4))))
    apply_queue(connection)
    after = versions(connection, "aggregates", "aggregate_days", "aggregate_keys")
    assert len(after["aggregates"] - before["aggregates"]) == 4  # user, hashtag, both, country
    assert aggregates(connection) == recomputed(connection)


def test_whoever_leaves_a_full_list_makes_room_for_who_was_behind(connection: Connection) -> None:
    many = {100 + n: 30 - n for n in range(15)}  # users of a hashtag, in the order of their edits
    count(connection, 5, diff(*(edits(uid, uid=uid, n=n) for uid, n in many.items())))
    save_changesets(connection, 5, file(*(changeset(uid, "crowd", uid=uid) for uid in many)))
    apply_queue(connection)
    for first in (105, 100, 109):  # in the middle, at the top, at the end
        many[first] = 1
        count(connection, 5, diff(*(edits(uid, uid=uid, n=n) for uid, n in many.items())))
        apply_queue(connection)
        assert aggregates(connection) == recomputed(connection)
    gone = {uid: n for uid, n in many.items() if uid > 104}
    count(connection, 5, diff(*(edits(uid, uid=uid, n=n) for uid, n in gone.items())))
    apply_queue(connection)
    assert aggregates(connection) == recomputed(connection)


def test_a_list_is_whole_until_it_is_full(connection: Connection) -> None:
    """One user of a hashtag more, up to more than are shown, and one less again; one of each step has other edits."""
    steps = [*range(8, 13), *range(11, 7, -1)]
    for number, many in enumerate(steps):
        users = {200 + n: 5 + n + (number if n == 3 else 0) for n in range(many)}
        count(connection, 6, diff(*(edits(uid, uid=uid, n=n) for uid, n in users.items())))
        save_changesets(connection, 6, file(*(changeset(uid, "few", uid=uid) for uid in users)))
        apply_queue(connection)
        assert aggregates(connection) == recomputed(connection)


@pytest.mark.drill
def test_a_row_s_next_version_stays_on_its_page(connection: Connection) -> None:
    """100 minutes in which the same owners go on: no index of these tables is written again."""
    tables = ["aggregates", "aggregate_days", "aggregate_keys"]
    query = "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = ANY (%s) ORDER BY 1"
    for n in range(100):
        count(connection, 20 + n, diff(*(edits(100 + n * 3 + i, uid=20 + i, n=i + 1) for i in range(3))))
        save_changesets(
            connection, 20 + n, file(*(changeset(100 + n * 3 + i, "t", uid=20 + i) for i in range(3)))
        )
        apply_queue(connection)
    connection.execute("SELECT pg_stat_force_next_flush()")
    connection.execute("SELECT 1")
    found = connection.execute(query, (tables,)).fetchall()
    assert [name for name, *_ in found] == sorted(tables)
    assert [name for name, updated, hot in found if updated < 100 or hot < 0.95 * updated] == []


RANKS = {
    "another number": "UPDATE aggregates_ranked SET edits = edits + 1 WHERE owner = 'user'",
    "another time": "UPDATE aggregates_ranked SET last_edit = NULL WHERE owner = 'hashtag_user'",
    "gone": "DELETE FROM aggregates_ranked WHERE owner = 'country'",
    "too many": "INSERT INTO aggregates_ranked SELECT owner, owner_id + 90, member_id, 1, 1, NULL, NULL, now()"
    " FROM aggregates WHERE owner = 'hashtag'",
}


@pytest.mark.parametrize("how", telling(RANKS, "another time", "too many"))
def test_what_owners_are_ordered_by_is_verified_and_mended(connection: Connection, how: str) -> None:
    kept = aggregates(connection)
    query = (
        "SELECT owner, owner_id, member_id, changesets, edits, first_edit, last_edit FROM {} ORDER BY 1, 2, 3"
    )
    ranks = connection.execute(query.format("aggregates_ranked").encode()).fetchall()
    assert ranks == connection.execute(query.format("aggregates").encode()).fetchall()
    connection.execute(RANKS[how].encode())
    assert verify(connection, "test").differences
    rebuild(connection)
    assert verify(connection, "test").differences == []
    assert connection.execute(query.format("aggregates_ranked").encode()).fetchall() == ranks
    assert aggregates(connection) == kept


def test_whoever_writes_aggregates_keeps_the_order_too(connection: Connection) -> None:
    ranked = "SELECT edits FROM aggregates_ranked WHERE owner = 'user' AND owner_id = 7"
    connection.execute("UPDATE aggregates SET edits = 70 WHERE owner = 'user' AND owner_id = 7")
    assert connection.execute(ranked).fetchall() == [(70,)]
    connection.execute("DELETE FROM aggregates WHERE owner = 'user' AND owner_id = 7")
    assert connection.execute(ranked).fetchall() == []
    connection.execute("TRUNCATE aggregates")
    assert connection.execute("SELECT FROM aggregates_ranked").rowcount == 0


@pytest.mark.drill
def test_the_benchmark_of_writing(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    with database(server) as url:
        history = History(url, 300)
        history.fill()
        found = run(history, 2, 1, batch=120)
        history.connection.close()
    minutes, again, mentions, caught = (found[name] for name in ("minutes", "again", "mentions", "catch_up"))
    assert isinstance(minutes, Written)
    assert minutes.wal > 0
    assert minutes.tables["changesets"].updated > 0
    assert isinstance(caught, list)
    assert caught[0].changesets > 60
    applied = {*APPLIED, "changeset_edits", "changeset_edits_countries"}
    for one in (again, mentions):
        assert isinstance(one, Written)
        assert {name: one.tables[name].rows for name in applied} == dict.fromkeys(applied, 0)
    said = capsys.readouterr().out
    assert said.count("| **all** |") == 4
    assert "a second of the processor" in said
