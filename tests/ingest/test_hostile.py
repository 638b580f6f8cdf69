"""What an enemy, or a broken program, could put into a feed: a defined result, and nothing lost of the rest.

Documents that do not parse, entities and decompression are in tests/osm/test_document.py and feeds/test_body.py.
"""

import bz2
import gzip
import random
import uuid
from collections.abc import Callable
from resource import RUSAGE_SELF, getrusage

import pytest

from stats_assets.database.connection import Connection
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.ledger import ledger
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.database.statistics.passes import sample
from stats_assets.demo.answers.faults import Answer
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.system import Stats
from tests.telling import telling

MANY = 100_000


def incompressible(length: int) -> str:
    """Letters that no index can pack."""
    return "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyzäöüß", k=length))  # noqa: S311


def changeset(number: int, **tags: str) -> str:
    inside = "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())
    return (
        f'<changeset id="{number}" created_at="2026-11-22T00:00:00Z" closed_at="2026-11-22T00:00:10Z"'
        f' open="false" uid="7" user="eve">{inside}</changeset>'
    )


FILES: dict[str, Callable[[], str]] = {
    "a hashtag of 3 MB": lambda: changeset(1, comment=f"#{incompressible(3_000_000)}"),
    "a hashtag of 10 MB": lambda: changeset(1, comment=f"#{'x' * 10_000_000}"),
    "a hashtag of 5,000 letters": lambda: changeset(1, hashtags=incompressible(5_000)),
    "an editor of 1 MB": lambda: changeset(1, created_by=incompressible(1_000_000)),
    "a name of 1 MB": lambda: changeset(1).replace('"eve"', f'"{incompressible(1_000_000)}"'),
    "a comment of 3 MB": lambda: changeset(1, comment=incompressible(3_000_000)),
    "1,000 hashtags": lambda: changeset(1, hashtags=";".join(f"tag{n}" for n in range(MANY // 100))),
    "100,000 tags": lambda: changeset(1, **{f"k{n}": "#x" for n in range(MANY)}),
    "an id beyond 63 bits": lambda: changeset(1 << 63),
    "a user beyond 63 bits": lambda: changeset(1).replace('"7"', f'"{1 << 63}"'),
    "the last id": lambda: changeset((1 << 63) - 1, comment="#last"),
    "SQL": lambda: changeset(
        1, comment="#a'); DROP TABLE changesets; --", created_by="'; DELETE FROM users; --"
    ),
    # A character that XML forbids costs that character.
    "a NUL": lambda: changeset(1, comment="a\0b"),
    "a NUL by its number": lambda: changeset(1, comment="a&#0;b"),
    "a lone surrogate": lambda: changeset(1, comment="a\ud800b"),
    "a lone surrogate by its number": lambda: changeset(1, comment="a&#xD800;b"),
}


@pytest.mark.parametrize("case", telling(FILES, *list(FILES)[::2]))
def test_a_hostile_changeset_harms_no_other(
    case: str, feed: DemoFeed, world: World, stats: Stats, url: str, connection: Connection
) -> None:
    hostile, good = FILES[case](), changeset(5, comment="#good", created_by="iD")
    body = gzip.compress(
        f"<osm>{good.replace('5', '4', 1)}{hostile}{good}</osm>".encode(errors="surrogatepass")
    )
    sequence = world.changesets_first
    feed.faults.put(lambda answer: Answer(200, answer.kind, body), stream="changesets", sequence=sequence)
    report = run_range(stats.work("changesets"), url, str(uuid.uuid4()), sequence, sequence + 1)
    assert (report.committed, report.failed) == (2, {})
    make_partitions(connection, 0, 1)
    connection.execute(
        "INSERT INTO changeset_edits (sequence, changeset_id, user_id, edited_at, total_edits, counts, measurements)"
        " SELECT 1, changeset_id, user_id, now(), 1, '{\"roads_added\": 1}', '{}' FROM changeset_metadata"
    )
    connection.execute(
        "INSERT INTO statistics_queue (changeset_id, sequence) SELECT changeset_id, 1 FROM changeset_edits"
    )
    apply_queue(connection)
    row = connection.execute("SELECT changeset_count FROM hashtag_statistics WHERE tag = 'good'").fetchone()
    assert row == (2,)
    assert sample(connection).differences == []


def test_a_hundred_thousand_hashtags_are_read_and_kept(
    feed: DemoFeed, world: World, stats: Stats, url: str, connection: Connection
) -> None:
    body = framed(changeset(1, hashtags=";".join(f"tag{n}" for n in range(MANY))).encode())
    sequence = world.changesets_first
    feed.faults.put(lambda answer: Answer(200, answer.kind, body), stream="changesets", sequence=sequence)
    assert run_range(stats.work("changesets"), url, "run", sequence, sequence + 1).committed == 2
    kept = "SELECT cardinality(hashtags) FROM changeset_metadata WHERE changeset_id = 1"
    assert connection.execute(kept).fetchone() == (MANY,)


def framed(inside: bytes) -> bytes:
    return gzip.compress(b"<osm>" + changeset(4).encode() + inside + b"</osm>")


DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "an entity of its own": lambda: gzip.compress(
        b'<!DOCTYPE osm [<!ENTITY e SYSTEM "file:///etc/passwd">]><osm>&e;</osm>'
    ),
    "1 GB of white space": lambda: gzip.compress(b"<osm>") + gzip.compress(b" " * (1 << 20)) * 1024,
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_a_hostile_document_fails_alone(
    case: str, feed: DemoFeed, world: World, stats: Stats, url: str, connection: Connection
) -> None:
    body, first = DOCUMENTS[case](), world.changesets_first
    feed.faults.put(lambda answer: Answer(200, answer.kind, body), stream="changesets", sequence=first + 1)
    before = getrusage(RUSAGE_SELF).ru_maxrss
    report = run_range(stats.work("changesets"), url, str(uuid.uuid4()), first, first + 4)
    assert getrusage(RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
    assert (report.committed, list(report.failed)) == (4, [first + 1])
    (row,) = ledger.rows(connection, "changesets", [first + 1])
    assert (row.work, row.attempts) == ("waiting", 1)
    assert len(report.failed[first + 1]) < 500


def test_a_value_of_10_mb_costs_itself_and_is_said(
    feed: DemoFeed, world: World, stats: Stats, url: str, connection: Connection
) -> None:
    body = framed(changeset(1, comment=f"#{'x' * 10_000_000}", hashtags="#kept").encode())
    first = world.changesets_first
    feed.faults.put(lambda answer: Answer(200, answer.kind, body), stream="changesets", sequence=first + 1)
    before = getrusage(RUSAGE_SELF).ru_maxrss
    report = run_range(stats.work("changesets"), url, str(uuid.uuid4()), first, first + 4)
    assert getrusage(RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
    assert (report.committed, report.failed) == (5, {})
    kept = connection.execute("SELECT hashtags FROM changeset_metadata WHERE changeset_id = 1").fetchone()
    tally = connection.execute("SELECT sequence, tally FROM ledger WHERE flagged IS NOT NULL").fetchall()
    assert (kept, tally) == ((["kept"],), [(first + 1, {"value_left_out": 1})])


def test_what_is_packed_otherwise_is_named_in_the_stream(
    feed: DemoFeed, world: World, stats: Stats, url: str, connection: Connection
) -> None:
    body, first = bz2.compress(b"<osm></osm>"), world.changesets_first
    feed.faults.put(lambda answer: Answer(200, answer.kind, body), stream="changesets", sequence=first + 1)
    report = run_range(stats.work("changesets"), url, str(uuid.uuid4()), first, first + 4)
    assert (report.committed, list(report.failed)) == (4, [first + 1])
    assert "compressed with bzip2: only gzip and plain XML can be read" in report.failed[first + 1]
