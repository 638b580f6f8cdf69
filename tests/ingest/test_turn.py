"""A run's turn to ask: one at a time, over one connection, which is made anew when it has ended."""

import pytest

from stats_assets.database import locks
from stats_assets.database.connection import Connection, connect
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest import turn as turn_module
from stats_assets.ingest.run import run_range
from stats_assets.ingest.turn import Turn
from stats_assets.system import Stats


@pytest.fixture
def minutes() -> int:
    return 3


def is_free(connection: Connection) -> bool:
    if free := locks.try_for(connection, locks.FETCH):
        locks.release(connection, locks.FETCH)
    return free


def test_a_run_has_one_connection_for_all_its_requests(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Connection] = []

    def counted(url: str, **how: str) -> Connection:
        made.append(connect(url, **how))
        return made[-1]

    monkeypatch.setattr(turn_module, "connect", counted)
    report = run_range(stats.work("augmented_diffs"), stats.url, "run", world.first, feed.head)
    assert report.committed == 3
    assert [one.closed for one in made] == [True]
    assert is_free(connection)


def test_it_is_given_back_whatever_happens_meanwhile(url: str, connection: Connection) -> None:
    turn = Turn(url, "augmented_diffs")
    for _ in range(2):
        with pytest.raises(LookupError), turn.taken():
            assert not is_free(connection)
            raise LookupError
        assert is_free(connection)
    turn.close()


def test_a_connection_that_has_ended_is_made_anew(url: str, connection: Connection) -> None:
    turn = Turn(url, "augmented_diffs")
    with turn.taken() as first:  # in the midst of it
        connection.execute("SELECT pg_terminate_backend(%s, 10000)", (first.info.backend_pid,))
    with turn.taken() as second:
        assert not is_free(connection)
    connection.execute("SELECT pg_terminate_backend(%s, 10000)", (second.info.backend_pid,))
    with turn.taken() as third:
        assert not is_free(connection)
    assert len({first, second, third}) == 3
    turn.close()
