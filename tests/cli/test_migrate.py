"""`stats-assets migrate --additive-only`: what a deployment asks before it replaces code that is at work."""

import shutil
from pathlib import Path

import psycopg

from stats_assets.cli.forward_only import EXIT
from stats_assets.database.migrations import upgrade
from stats_assets.database.migrations.found import NEWEST
from tests.conftest import Run, database

PROJECT = Path(__file__).parents[2]


def test_nothing_is_done_where_code_of_before_could_not_go_on(run: Run, server: str, tmp_path: Path) -> None:
    with database(server, "template1") as empty:
        refuses_before_and_migrates(run, empty, tmp_path)


def refuses_before_and_migrates(run: Run, empty: str, tmp_path: Path) -> None:
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(PROJECT / name, tmp_path)
    upgrade(empty, "0008")
    refused = run("migrate", "--additive-only", DATABASE_URL=empty)
    assert (refused.returncode, "0009" in refused.stderr) == (EXIT, True)
    assert version(empty) == "0008"
    assert run("migrate", DATABASE_URL=empty).returncode == 0
    assert version(empty) == NEWEST
    assert run("migrate", "--additive-only", DATABASE_URL=empty).returncode == 0


def version(url: str) -> str:
    with psycopg.connect(url) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchall()[0][0])
