"""What a run logs by Python's logging is in its log in Dagster: once, as `dagster.yaml` has it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance

from stats_assets.database.connection import Connection
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from tests.orchestration.test_stream_sensor import DIFFS, environment, start, tick  # noqa: F401 - fixtures
from tests.telling import telling

ROOT = Path(__file__).parents[2]
FILES = ("dagster.yaml", "deploy/dagster.ecs.yaml.tpl", "deploy/dagster.local.yaml")


@pytest.fixture
def minutes() -> int:
    return 3


def python_logs(file: str) -> Any:
    return yaml.safe_load((ROOT / file).read_text())["python_logs"]


@pytest.mark.parametrize("file", telling(FILES, FILES[-1]))
def test_a_line_of_a_run_is_one_event(
    file: str, feed: DemoFeed, connection: Connection, capfd: pytest.CaptureFixture[str]
) -> None:
    feed.faults.put(faults.cut(), stream=DIFFS, sequence=feed.head - 1)
    with DagsterInstance.ephemeral(settings={"python_logs": python_logs(file)}) as instance:
        (request,) = tick(instance).run_requests or ()
        start(instance, request)
        (run,) = instance.get_runs(limit=1)
        logged = [entry.user_message for entry in instance.all_logs(run.run_id) if not entry.is_dagster_event]
    lines = [message for message in logged if message.startswith(f"{feed.head - 1}: ")]
    assert len(lines) == 1
    assert capfd.readouterr().err.count(lines[0]) == 1
