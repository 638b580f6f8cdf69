"""`stats-assets streams`: the sensors are on or off as the UI would have made them; without the code it says so."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from stats_assets.monitoring.switches import switches_of
from stats_assets.orchestration.switching import NoCode, opened, switch
from stats_assets.streams import STREAMS
from tests.ports import free_ports
from tests.workspaces import in_process


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "dagster")) as made:
        yield made


def test_on_and_off(instance: DagsterInstance) -> None:
    with in_process(instance) as workspace:
        assert switch(workspace, STREAMS, on=False) == []
        assert switch(workspace, STREAMS, on=True) == list(STREAMS)
        assert dict(switches_of(instance).on) == dict.fromkeys(STREAMS, True)
        assert switch(workspace, STREAMS, on=True) == []
        assert switch(workspace, ["changesets"], on=False) == ["changesets"]
        assert dict(switches_of(instance).on) == {"augmented_diffs": True, "changesets": False}


def test_a_code_server_out_of_reach_is_named(instance: DagsterInstance, tmp_path: Path) -> None:
    [port] = free_ports(1)
    server = {"host": "127.0.0.1", "port": port, "location_name": "stats_assets"}
    (tmp_path / "workspace.yaml").write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
    with opened(instance, tmp_path) as workspace, pytest.raises(NoCode, match="code server of stats_assets"):
        switch(workspace, STREAMS, on=True)
