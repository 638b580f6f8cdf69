"""What changeset files leave in the database: versions that won, and names (docs/definitions.md, section 6)."""

import io
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.migrations import migrate, upgrade
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.database.statistics.passes import verify
from stats_assets.osm.changesets import read_changesets
from tests.conftest import real_file
from tests.database.test_statistics import changeset, diff, edits, file

FETCHED = datetime(2026, 2, 1, tzinfo=UTC)
CLOSED = 'open="false" closed_at="2026-01-01T00:{:02}:00Z"'


def save(connection: Connection, sequence: int, inside: str, fetched: datetime = FETCHED) -> None:
    body = io.BytesIO(f"<osm>{inside}</osm>".encode())
    save_changesets(connection, sequence, read_changesets(body, limit=fetched))


def one(
    state: str, number: int = 1, user: str = "a", inside: str = "", created: str = "2026-01-01T00:00:00Z"
) -> str:
    attributes = f'id="{number}" created_at="{created}" uid="{number + 30}" user="{user}" {state}'
    return f"<changeset {attributes}>{inside}</changeset>"


def said_in(date: str) -> str:
    return f'<discussion><comment uid="9" user="b" date="{date}"><text>x</text></comment></discussion>'


def names(connection: Connection) -> dict[int, str]:
    return dict(connection.execute("SELECT id, name FROM users").fetchall())


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (1, 2, 1), (2, 1, 2)])
@pytest.mark.parametrize("years", [0, 10])
def test_a_comment_from_the_future_freezes_no_name(
    connection: Connection, order: tuple[int, ...], years: int
) -> None:
    files = {
        1: one(CLOSED.format(1), user="old-name") + one(CLOSED.format(2), 2, inside=said_in("2099-01-01T00:00:00Z")),
        2: one(CLOSED.format(5), user="new-name"),
    }  # fmt: skip
    for minute, sequence in enumerate(order):
        # Also when both are fetched long after: what was cut is no evidence, of the fetch neither.
        fetched = datetime(2026 + years, 1, 1, 0, 6 + minute, tzinfo=UTC)
        save(connection, sequence, files[sequence], fetched)
    assert names(connection) == {31: "new-name", 32: "a"}


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_files_of_it(connection: Connection, order: tuple[int, ...]) -> None:
    for sequence in order:
        with real_file(f"cases/comment-in-2099-{sequence}.osm").open("rb") as body:
            found = read_changesets(body, limit=datetime(2026, 11, 28, 22, 10 + 20 * sequence, tzinfo=UTC))
        assert (found.flags, found.unreadable) == ({"time_cut": 1} if sequence == 1 else {}, 0)
        save_changesets(connection, sequence, found)
    assert names(connection)[31] == "new-name"


def state(connection: Connection) -> tuple[bool, datetime | None]:
    (row,) = connection.execute("SELECT open, closed_at FROM changeset_metadata").fetchall()
    return row[0], row[1]


AT = {minute: datetime(2026, 1, 1, 0, minute, tzinfo=UTC) for minute in range(10)}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({1: 'open="true"'}, (True, None)),
        ({1: 'open="true" closed_at="2026-01-01T00:05:00Z"'}, (True, None)),
        ({1: 'open="true" closed_at="2098-01-01T00:05:00Z"'}, (True, None)),
        ({1: CLOSED.format(5)}, (False, AT[5])),
        ({1: 'open="true"', 2: CLOSED.format(5)}, (False, AT[5])),
        ({1: CLOSED.format(5), 2: 'open="true"'}, (False, AT[5])),  # once known, it stays
        ({1: CLOSED.format(5), 2: 'open="false"'}, (False, AT[5])),
        ({1: CLOSED.format(5), 2: CLOSED.format(4)}, (False, AT[4])),
        ({1: CLOSED.format(5), 2: 'open="true" closed_at="2026-01-01T00:07:00Z"'}, (False, AT[5])),
        ({1: 'open="true"', 2: CLOSED.format(5), 3: 'open="false"'}, (False, AT[5])),
        ({1: 'open="false" closed_at="2099-01-01T00:00:00Z"'}, (False, FETCHED)),
    ],
)  # fmt: skip
def test_an_open_one_has_no_closing_time_and_a_known_one_stays_in_any_order(
    connection: Connection, files: dict[int, str], expected: tuple[bool, datetime | None]
) -> None:
    for order in permutations(files):
        connection.execute("TRUNCATE changeset_metadata")
        for sequence in (*order, *order[:-1]):  # and some are read once more
            save(connection, sequence, one(files[sequence]))
        assert state(connection) == expected, order


def test_a_file_read_again_takes_back_the_closing_time_that_it_gave(connection: Connection) -> None:
    """As when an older version took the closing time that an open changeset announces."""
    save_changesets(connection, 2, file(changeset(1, closed=AT[5])))
    save(connection, 2, one('open="true" closed_at="2026-01-01T00:05:00Z"'))
    assert state(connection) == (True, None)
    save(connection, 3, one(CLOSED.format(7)))
    save(connection, 2, one('open="true"'))
    assert state(connection) == (False, AT[7])


def test_what_was_believed_of_the_future_is_cut_by_the_revision(empty: str) -> None:
    ahead = datetime.now(UTC) + timedelta(days=700)
    late = {"at": ahead, "uid": 5}
    upgrade(empty, "0004")
    with connect(empty) as connection:
        make_partitions(connection, 0, 100)
        early = changeset(11, closed=AT[5], created=AT[0], uid=6)
        wrong = changeset(10, closed=ahead, created=ahead, uid=7)
        replace_facts(connection, 5, diff(edits(10, **late), edits(11, uid=6, at=AT[4])))  # type: ignore[arg-type]
        save_changesets(connection, 1, file(wrong, newest=ahead))
        save_changesets(connection, 2, file(early, newest=AT[6]))
        save_changesets(
            connection, 3, file(changeset(12, uid=8), newest=ahead)
        )  # the ledger does not know it
        connection.execute(
            "INSERT INTO ledger (stream, sequence, result, fetched_at) VALUES ('changesets', 1, 'committed', %s),"
            " ('changesets', 2, 'committed', %s)",
            (AT[8], AT[8]),
        )
        connection.execute(
            "INSERT INTO changesets (id, measurements, counts, total_edits, augmented_diffs, updated_at, edited_at)"
            " SELECT changeset_id, measurements, counts, total_edits, ARRAY[sequence], now(), edited_at"
            " FROM changeset_edits"
        )
        migrate(empty)
        found: dict[int, datetime] = dict(connection.execute("SELECT id, name_at FROM users").fetchall())
        now = found.pop(8)
        assert AT[9] < now <= datetime.now(UTC)
        minute = datetime.fromtimestamp(1347432960 + 60 * 5, UTC)
        assert found == {5: minute, 6: AT[6], 7: AT[8]}
        rows = connection.execute(
            "SELECT changeset_id, created_at, closed_at FROM changeset_metadata WHERE changeset_id < 12 ORDER BY 1"
        ).fetchall()
        assert rows == [(10, AT[8], AT[8]), (11, AT[0], AT[5])]
        facts = connection.execute(
            "SELECT changeset_id, edited_at FROM changeset_edits ORDER BY 1"
        ).fetchall()
        assert facts == [(10, minute), (11, AT[4])]
        apply_queue(connection)
        assert verify(connection, "test").differences == []
        save_changesets(connection, 4, file(changeset(13, uid=7, user="new"), newest=AT[9]))
        assert names(connection)[7] == "new"
