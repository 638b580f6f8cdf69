"""The queue's limits while a backfill asks for more, and after it: live runs keep their slots, nothing stays."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from stats_assets.cli.backfill import MOST_TASKS
from stats_assets.orchestration.backfill import run_queue
from stats_assets.orchestration.backfill.run_queue import KEYS, MOST, NoRoom, asked, room

LIMITS = [{"key": "dagster/backfill", "limit": 2}, {"key": "other", "limit": 1}]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    coordinator = {
        "module": run_queue.__name__,
        "class": "RunQueue",
        "config": {"max_concurrent_runs": 6, "tag_concurrency_limits": LIMITS},
    }
    (tmp_path / "dagster").mkdir()
    with DagsterInstance.local_temp(
        str(tmp_path / "dagster"), overrides={"run_coordinator": coordinator}
    ) as made:
        yield made


def limits(instance: DagsterInstance) -> tuple[int, dict[str, int]]:
    found = instance.get_concurrency_config().run_queue_config
    assert found is not None
    return found.max_concurrent_runs, {one["key"]: one["limit"] for one in found.tag_concurrency_limits}


def test_room_is_given_and_taken_back_and_lapses(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = (6, {"dagster/backfill": 2, "other": 1})
    assert limits(instance) == usual
    with room(instance, "augmented_diffs", 20):
        assert limits(instance) == (24, {"dagster/backfill": 20, "other": 1}), "four are left to live runs"
        with room(instance, "changesets", 5):
            assert limits(instance) == (29, {"dagster/backfill": 25, "other": 1})
        with room(instance, "changesets", None):
            assert limits(instance)[0] == 24
    assert limits(instance) == usual
    with room(instance, "changesets", 1):
        assert limits(instance) == usual, "never less than without"
    with pytest.raises(KeyboardInterrupt), room(instance, "changesets", 9):
        raise KeyboardInterrupt
    assert limits(instance) == usual
    with monkeypatch.context() as patched:
        patched.setattr(run_queue, "RENEWED_SECONDS", 0.05)
        patched.setattr(run_queue, "LASTS_SECONDS", 30.0)
        with room(instance, "changesets", 9):
            [before] = until_of(instance)
            while until_of(instance) == [before]:
                time.sleep(0.05)
            assert asked(instance) == {"changesets": 9}
    instance.daemon_cursor_storage.set_cursor_values({KEYS["changesets"]: json.dumps([9, time.time() - 1])})
    assert limits(instance) == usual, "one that was killed"
    for nonsense in ("", "9", '["a", 1]', json.dumps([10**9, time.time() + 60])):
        instance.daemon_cursor_storage.set_cursor_values({KEYS["changesets"]: nonsense})
        assert limits(instance)[0] in (6, 6 + MOST - 2)


def until_of(instance: DagsterInstance) -> list[float]:
    found = instance.daemon_cursor_storage.get_cursor_values({KEYS["changesets"]})
    return [json.loads(value)[1] for value in found.values()]


def test_another_queue_says_so() -> None:
    with DagsterInstance.ephemeral() as other:
        with pytest.raises(NoRoom, match=r"dagster\.yaml"), room(other, "changesets", 9):
            pass
        with room(other, "changesets", None):
            pass


def test_the_options_limit_is_the_queues() -> None:
    assert MOST_TASKS == MOST
