"""The login that may only read Dagster's records: how it comes to be, what it may, and a UI that goes by it alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import requests
import uvicorn
from dagster import AssetMaterialization, DagsterInstance
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster_webserver.webserver import DagsterWebserver
from sqlalchemy import Engine, event

from deploy.kit.render import HERE
from stats_assets.cli.migrate import READER, migrate
from stats_assets.database.given_login import GivenLoginError
from stats_assets.database.records_login import let_read
from stats_assets.definitions import defs
from stats_assets.orchestration.partitions import BLOCKS
from stats_assets.root import MARKER
from tests.conftest import database
from tests.drills.waiting import PATIENCE

DRIVER = "postgresql+psycopg2://"
"""Of the URLs that a deployment keeps for Dagster."""
NAME = "records_reader"


def storage() -> str:
    """As the kit's dagster.yaml has it."""
    text = (HERE / "dagster.ecs.yaml.tpl").read_text()
    return (
        f"{MARKER}\ntelemetry: {{enabled: false}}\n"
        + text[text.index("storage:\n") : text.index("# What runs say")]
    )


def as_role(url: str, name: str = NAME) -> str:
    return url.replace("//stats@", f"//{name}:hunter2@")


@pytest.fixture
def records(
    url: str, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SimpleNamespace]:
    """Both databases, and Dagster's home as a deployment has it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(storage())
    with database(server, "template1", gone=True) as owner:
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setenv("DAGSTER_DB_URI", owner.replace("postgresql://", DRIVER))
        monkeypatch.setenv(READER, as_role(owner).replace("postgresql://", DRIVER))
        yield SimpleNamespace(owner=owner, reader=as_role(owner), home=str(tmp_path))
        with psycopg.connect(owner, autocommit=True) as connection:
            for name in (NAME, "of_theirs"):
                if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).rowcount:
                    connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


WRITES = (
    "INSERT INTO instance_info (run_storage_id) VALUES ('x')",
    "UPDATE asset_keys SET cached_status_data = ''",
    "DELETE FROM event_logs",
    "TRUNCATE runs",
    "CREATE TABLE mine ()",
    "CREATE TEMPORARY TABLE mine ()",
    "DROP TABLE runs",
    "INSERT INTO later VALUES (1)",
    "SELECT lo_create(0)",
    "SELECT nextval('runs_id_seq')",
)


def test_it_reads_all_and_writes_nothing(records: SimpleNamespace) -> None:
    """By `migrate`, the first time and each other; tables that Dagster makes later, too."""
    for _ in range(2):
        migrate()
    with psycopg.connect(records.owner, autocommit=True) as owner:
        owner.execute("CREATE TABLE later (n int); INSERT INTO later VALUES (1)")
    with psycopg.connect(records.reader, autocommit=True) as reader:
        assert reader.execute("SELECT count(*) FROM instance_info").fetchone() == (1,), "or a page writes it"
        assert reader.execute("SELECT n FROM later").fetchone() == (1,)
        reader.execute("LISTEN run_events")  # a UI that shows a run's events as they come
        for guard in ("on", "off"):  # the session's own setting is a second guard, and no more
            reader.execute(f"SET default_transaction_read_only = {guard}".encode())
            for statement in WRITES if guard == "on" else WRITES[:-1]:
                if "TEMPORARY" in statement and guard == "off":
                    continue  # its own session's alone
                if "lo_create" in statement and guard == "off":
                    continue  # anybody's, in any database
                with pytest.raises(psycopg.Error):
                    reader.execute(statement.encode())


def test_a_login_of_theirs_keeps_its_password_and_must_not_write(records: SimpleNamespace) -> None:
    with psycopg.connect(records.owner, autocommit=True) as owner:
        owner.execute("CREATE ROLE of_theirs LOGIN PASSWORD 'of theirs'")
        kept = "SELECT rolpassword IS NULL, rolconfig FROM pg_roles WHERE rolname = 'of_theirs'"
        before = owner.execute(kept).fetchone()
        assert let_read(records.owner, as_role(records.owner, "of_theirs"))
        assert owner.execute(kept).fetchone() == before
        owner.execute("CREATE TABLE t (n int); GRANT INSERT ON t TO of_theirs")
        with pytest.raises(GivenLoginError, match="of_theirs is for the read-only UI, and may write t"):
            let_read(records.owner, as_role(records.owner, "of_theirs"))
    assert not let_read(records.owner, records.owner), "one login for both: nothing to do"


def test_who_may_make_no_role_is_told_what_to_ask_for(records: SimpleNamespace) -> None:
    with psycopg.connect(records.owner, autocommit=True) as owner:
        owner.execute("CREATE ROLE of_theirs LOGIN PASSWORD 'hunter2'")
    with pytest.raises(
        GivenLoginError, match=r"of_theirs may not make one .* CREATE ROLE records_reader LOGIN"
    ) as told:
        let_read(as_role(records.owner, "of_theirs"), records.reader)
    assert "hunter2" not in str(told.value)


@contextmanager
def ui(home: str) -> Iterator[Any]:
    """Dagster's UI, read-only, with the project's definitions; it asks the question and gives the answer."""
    target = LoadableTargetOrigin(module_name="stats_assets.definitions")
    code = InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(target, location_name="stats_assets"))
    with (
        DagsterInstance.from_config(home) as instance,
        WorkspaceProcessContext(instance, code, read_only=True) as context,
    ):
        app = DagsterWebserver(context).create_asgi_app()
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.01)
        address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        assert requests.get(address, timeout=PATIENCE).status_code == 200
        try:
            yield lambda text: requests.post(
                f"{address}/graphql", json={"query": text}, timeout=PATIENCE
            ).json()
        finally:
            server.should_exit = True
            thread.join()


PARTITIONS = """{assetNodes {assetKey {path} partitionStats {numMaterialized}}}"""
CHANGES = (
    'addDynamicPartition(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "stats_assets"}'
    ', partitionsDefName: "x", partitionKey: "y")',
    "wipeAssets(assetPartitionRanges: [])",
    'deletePipelineRun(runId: "x")',
    'setConcurrencyLimit(concurrencyKey: "x", limit: 1)',
    "setAutoMaterializePaused(paused: true)",
)


def test_the_read_only_ui_goes_by_it_and_nothing_is_refused(
    records: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pages of partitions would keep a cache by Dagster's own storage."""
    migrate()
    with DagsterInstance.from_config(records.home) as instance:
        partitions = BLOCKS["augmented_diffs"]
        instance.add_dynamic_partitions(partitions.name or "", ["000/000"])
        for spec in defs.resolve_all_asset_specs():
            if spec.partitions_def == partitions:
                instance.report_runless_asset_event(AssetMaterialization(spec.key, partition="000/000"))
        assert instance.event_log_storage.can_write_asset_status_cache(), "the owner's UI has it"
    monkeypatch.setenv("DAGSTER_DB_URI", records.reader.replace("postgresql://", DRIVER))
    refused: list[str] = []

    def note(context: Any) -> None:
        refused.append(str(context.original_exception))

    event.listen(Engine, "handle_error", note)
    try:
        with ui(records.home) as asked:
            answer = asked(PARTITIONS)
            assert {
                one["partitionStats"]["numMaterialized"]
                for one in answer["data"]["assetNodes"]
                if one["partitionStats"]
            } >= {1}
            assert (answer.get("errors"), refused) == (None, [])
            shown = str(asked("{instance {info}}"))
            assert ("event_log_storage: Events" in shown, "hunter2" in shown) == (True, False)
            for change in CHANGES:
                said = str(
                    asked(
                        "mutation {"
                        + change
                        + ("}" if "Limit" in change or "Paused" in change else " {__typename}}")
                    )
                )
                assert "Unauthorized" in said, change
    finally:
        event.remove(Engine, "handle_error", note)
    assert refused == []
