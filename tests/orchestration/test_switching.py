"""`stats-assets streams`: the sensors are on or off as the UI would have made them; without the code it says so."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from stats_assets.monitoring.switches import switches_of
from stats_assets.orchestration.switching import NoCode, opened, switch
from stats_assets.streams import STREAMS
from tests.conftest import Run
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
    with opened(instance, tmp_path) as workspace, pytest.raises(NoCode) as refused:
        switch(workspace, STREAMS, on=True)
    said = str(refused.value)
    assert said.startswith("The code server of stats_assets doesn't answer: nothing runs here now")
    assert "Start it (stats-assets dev, or demo)" in said
    assert "Error" not in said


def test_code_that_cant_be_loaded_is_named_without_a_class(
    instance: DagsterInstance, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    module = {"module_name": "stats_assets.nowhere", "location_name": "stats_assets"}
    (tmp_path / "workspace.yaml").write_text(json.dumps({"load_from": [{"python_module": module}]}))
    with opened(instance, tmp_path) as workspace, pytest.raises(NoCode) as refused:
        switch(workspace, STREAMS, on=True)
    assert str(refused.value) == (
        "The code of stats_assets can't be loaded: No module named 'stats_assets.nowhere'. Mend that, and say it again."
    )
    assert capfd.readouterr() == ("", "")


def test_where_no_stack_ever_ran_they_are_switched_and_it_is_said_that_nothing_runs(
    run: Run, tmp_path: Path
) -> None:
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(Path(__file__).parents[2] / name, tmp_path)
    for to, hints in (("on", 1), ("off", 0)):
        done = run("streams", to)
        assert (done.returncode, done.stdout) == (0, "")
        said = done.stderr.splitlines()
        assert said[:2] == [f"augmented_diffs is {to} now.", f"changesets is {to} now."]
        assert [line.startswith("No daemon of Dagster's runs here now") for line in said[2:]] == [
            True
        ] * hints
