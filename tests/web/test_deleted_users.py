"""OpenStreetMap's list of deleted users, from a real HTTP server: what it hides, and which list is not believed."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stats_assets.database import hidden_people
from stats_assets.database.connection import Connection
from stats_assets.feeds.deleted_users import ids
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.outcomes import FeedError
from stats_assets.ingest.deleted_users import refresh
from stats_assets.orchestration.deleted_users import (
    deleted_users_job,
    deleted_users_jobs,
    deleted_users_schedules,
)
from stats_assets.settings import Settings
from tests.conftest import Run
from tests.feeds.conftest import FeedServer, Reply

PATH = "/users_deleted/users_deleted.txt"
HEAD = b"# user IDs of deleted users.\n"


@pytest.fixture
def planet() -> Iterator[FeedServer]:
    server = FeedServer()
    yield server
    server.stop()


@pytest.fixture
def known(connection: Connection) -> Connection:
    """Three users are here, one of them without a name."""
    connection.execute("INSERT INTO users (id, name) VALUES (1, 'a'), (2, 'b')")
    connection.execute(
        "INSERT INTO aggregates (owner, owner_id, member_id, changesets, edits, counts, measurements, updated_at)"
        " VALUES ('user', 3, 0, 1, 1, '{}', '{}', now())"
    )
    return connection


def listed(*users: int) -> bytes:
    return HEAD + b"".join(b"%d\n" % user for user in users)


def read(planet: FeedServer, connection: Connection, **given: Any) -> Any:
    return refresh(connection, Http("test", pause=0.01), planet.url + PATH, **given)


def test_who_is_on_the_list_is_hidden_and_shown_again_when_no_longer(
    planet: FeedServer, known: Connection
) -> None:
    planet.replies[PATH] = [Reply(listed(*range(2, 30))), Reply(listed(*range(3, 31)))]
    assert read(planet, known) == (28, 2, 2, 0)
    assert hidden_people.hidden_ids(known) == [2, 3]
    hidden_people.hide(known, 2)
    assert read(planet, known, again=True) == (28, 1, 0, 1)
    assert hidden_people.hidden_ids(known) == [2, 3]  # who asked stays so, whatever the list says
    hidden_people.show(known, 2)
    assert hidden_people.hidden_ids(known) == [3]


def test_it_is_read_once_a_day(planet: FeedServer, known: Connection) -> None:
    planet.replies[PATH] = [Reply(gzip.compress(listed(1, 2)), headers={"Content-Encoding": "gzip"})]
    assert read(planet, known).known == 2
    last = hidden_people.last_read(known)
    assert last is not None
    assert read(planet, known) == last[0]
    assert len(planet.requests[PATH]) == 1
    known.execute("UPDATE deleted_users_list SET read_at = read_at - interval '21 h'")
    assert read(planet, known).known == 2
    assert planet.requests[PATH][1]["User-Agent"] == "test"


NO_LISTS = (
    Reply(b"", 404),
    Reply(b"<html>moved</html>"),
    Reply(b""),
    Reply(HEAD),
    Reply(listed(1, 2)),  # much shorter than the one before
    Reply(listed(*range(100)).rstrip(b"\n")),  # cut off within an id
    Reply(listed(*range(100)) + b"12x\n"),
    Reply(listed(*range(100)) + b"-5\n"),
    Reply(listed(*range(100)) + b"9" * 19 + b"\n"),
    Reply(listed(*range(100)) + b"1" * 300 + b"\n"),
    Reply(listed(*range(100)) + "٣\n".encode()),
    Reply(gzip.compress(listed(*range(100)))[:-9]),
    Reply(silent=True),
)


def test_a_list_that_is_none_changes_nothing(planet: FeedServer, known: Connection) -> None:
    known.execute("INSERT INTO deleted_users_list (read_at, listed) VALUES (now() - interval '2 days', 99)")
    known.execute("INSERT INTO hidden_people (user_id, reason) VALUES (2, 'deleted')")
    before = hidden_people.last_read(known)
    for reply in NO_LISTS:
        planet.replies[PATH] = [reply]
        with pytest.raises(FeedError):
            read(planet, known)
        assert hidden_people.hidden_ids(known) == [2], reply
        assert hidden_people.last_read(known) == before, reply


def test_the_command_says_what_was_read(planet: FeedServer, known: Connection, url: str, run: Run) -> None:
    planet.replies[PATH] = [Reply(listed(2, 5)), Reply(b"", 503)]
    environment = {"DATABASE_URL": url, "DELETED_USERS_URL": planet.url + PATH}
    done = run("people", "refresh", **environment)
    assert (done.returncode, "2 users are on the list; of 1 something is here" in done.stderr) == (0, True)
    assert "made daily: not read again" in run("people", "refresh", **environment).stderr
    failed = run("people", "refresh", "--again", **environment)
    assert (failed.returncode, "all stays as it was" in failed.stderr) == (1, True)
    assert "list of deleted users was read" in run("people", "list", **environment).stderr


def test_ids_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_bytes(b"# a comment\r\n\r\n7\r\n 8 \n#9\n10\n")
    assert list(ids(file, "x")) == [7, 8, 10]


def test_it_is_scheduled_where_people_are_shown_and_says_what_it_did(
    planet: FeedServer, known: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (deleted_users_jobs(Settings()), deleted_users_schedules(Settings())) == ([], [])
    [schedule] = deleted_users_schedules(Settings(people="full"))
    assert re.fullmatch(r"\d+ \d+ \* \* \*", str(schedule.cron_schedule))
    planet.replies[PATH] = [Reply(listed(2))]
    for name, value in {"DATABASE_URL": url, "DELETED_USERS_URL": planet.url + PATH}.items():
        monkeypatch.setenv(name, value)
    assert deleted_users_job.execute_in_process(raise_on_error=True).success
    assert hidden_people.hidden_ids(known) == [2]
    known.execute("DELETE FROM deleted_users_list")
    planet.replies[PATH] = [Reply(b"", 503)]
    failed = deleted_users_job.execute_in_process(raise_on_error=False)
    assert not failed.success
    assert hidden_people.hidden_ids(known) == [2]
