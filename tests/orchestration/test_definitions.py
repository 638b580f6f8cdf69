"""What Dagster loads is what definitions.yaml says: a change shows in its diff."""

from stats_assets.definitions import defs
from stats_assets.monitoring.failing_jobs import BY_ITSELF
from tests.orchestration.graph import FILE, started_by_themselves, text_of


def test_what_dagster_loads_is_as_the_file_has_it() -> None:
    assert FILE.read_text(encoding="utf-8") == text_of(defs), "if it is meant: make graph"


def test_the_jobs_that_run_by_themselves_are_those_that_sensors_and_schedules_start() -> None:
    assert set(BY_ITSELF) == started_by_themselves(defs)
    assert len(set(BY_ITSELF)) == len(BY_ITSELF)
