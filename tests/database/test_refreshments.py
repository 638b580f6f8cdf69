"""The rows of `refreshments` are as many as the setting says, from the next run of the statistics on."""

import pytest
from dagster import DagsterInstance

from stats_assets.database.connection import Connection
from stats_assets.definitions import defs


def test_the_old_servers_three_rows_by_a_setting(
    connection: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    for given, rows in (("", 4), ("3", 3), ("", 4)):
        monkeypatch.setenv("REFRESHMENTS_ROWS", given)
        with DagsterInstance.ephemeral() as instance:
            assert defs.resolve_job_def("statistics_job").execute_in_process(instance=instance).success
        found = connection.execute("SELECT mat_view FROM refreshments WHERE updated_at > 'epoch'").fetchall()
        assert len(found) == rows
