"""The first minute on a new machine, again and again: `dev` in a fresh root, and commands at once when the UI answers.
On the Docker host, Dagster's records begun by all of its programs at once.
"""

import os
import shutil
import signal
import subprocess
import sys
import uuid
from functools import partial
from pathlib import Path

import psycopg
import pytest
from dagster_postgres.storage import DagsterPostgresStorage

from stats_assets.demo.feed import DemoFeed
from stats_assets.local.dagster_programs import answers_at
from tests.at_once import at_once
from tests.conftest import other_database
from tests.drills.waiting import until
from tests.place import open_folder
from tests.ports import free_ports

PROJECT = Path(__file__).parents[2]
ROUNDS = int(os.environ.get("ROUNDS", "20"))
PROGRAM = str(Path(sys.executable).with_name("stats-assets"))
DAGSTER = str(Path(sys.executable).with_name("dagster"))


@pytest.mark.timeout(3600)
def test_dev_and_all_commands_when_its_ui_answers(feed: DemoFeed) -> None:
    for number in range(ROUNDS):
        root = open_folder() / "a project"
        root.mkdir()
        for name in ("dagster.yaml", "workspace.yaml", "pyproject.toml"):
            shutil.copy(PROJECT / name, root)
        environment = os.environ | {
            "OVERPASS_URL": feed.url,
            "CHANGESETS_URL": feed.changesets_url,
            "STATS_DATA_DIR": ".data",
        }
        [port] = free_ports(1)
        begin = partial(subprocess.Popen[str], cwd=root, env=environment, text=True)
        dev = begin([PROGRAM, "dev", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            until(partial(answers_at, port), "the UI to answer")
            first = feed.world.changesets_first
            commands = [
                [PROGRAM, "status"],
                [
                    PROGRAM,
                    "backfill",
                    "--stream",
                    "changesets",
                    "--start",
                    str(first),
                    "--end",
                    str(first + 1),
                ],
                [DAGSTER, "sensor", "list", "-w", str(root / "workspace.yaml")],
                [DAGSTER, "run", "list"],
            ]
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            home = {"env": environment | {"DAGSTER_HOME": str(root)}, "cwd": "/"}
            running = [begin(words, **pipes, **(home if words[0] == DAGSTER else {})) for words in commands]
            for words, process in zip(commands, running, strict=True):
                out, err = process.communicate(timeout=200)
                fine = {2} if words[1] == "status" else {0}  # 2: a stream has not begun
                assert process.returncode in fine, f"round {number}: {words}\n{out}\n{err}"
                assert "Traceback" not in err, f"round {number}: {words}\n{err}"
        finally:
            dev.send_signal(signal.SIGINT)
            said = dev.communicate(timeout=100)[1]
        assert dev.returncode == 0, said
        assert "Traceback" not in said
        shutil.rmtree(root.parent, ignore_errors=True)


def test_the_docker_hosts_records_after_their_first_step(server: str) -> None:
    def migrated(url: str) -> None:
        storage = DagsterPostgresStorage(url)
        storage.run_storage.upgrade()  # type: ignore[attr-defined]  # as dagster itself calls it
        storage.event_log_storage.upgrade()
        storage.schedule_storage.upgrade()

    def opened(url: str) -> set[str]:
        storage = DagsterPostgresStorage(url)
        parts = (storage.run_storage, storage.event_log_storage, storage.schedule_storage)
        return {str(part.alembic_version()) for part in parts}

    for _ in range(10):
        name = f"dagster_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        url = other_database(server, name).replace("postgresql://", "postgresql+psycopg2://", 1)
        at_once(partial(migrated, url))
        answers = at_once(*[partial(opened, url)] * 4)
        assert len({str(answer) for answer in answers}) == 1
        with psycopg.connect(other_database(server, name)) as connection:
            assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
