"""Commands begin quickly: they import nothing heavy that they don't use. Modules are counted here, never seconds."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from stats_assets.cli import main
from stats_assets.cli.main import COMMANDS, app
from stats_assets.database.connection import Connection
from stats_assets.database.ledger import stream_rows
from stats_assets.demo.feed import DemoFeed
from stats_assets.mendable import Mendable
from stats_assets.streams import Stream
from tests.drills.waiting import PATIENCE

COUNTING = ("lxml", "numpy", "pyproj", "shapely")
HEAVY = (
    *COUNTING,
    "alembic",
    "botocore",
    "dagster",
    "fsspec",
    "grpc",
    "pandas",
    "s3fs",
    "sqlalchemy",
    "upath",
)

# Each call in a fork of one process, which has imported all commands' modules, as for --help, and nothing else.
EACH = """
import json, os, sys
from typer.main import get_command
from stats_assets.cli.main import app, main
dict(get_command(app).commands)
cases, heavy, answer = json.loads(sys.argv[1])
for words in cases:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    sys.argv, code = ["stats-assets", *words], None
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    finally:
        with open(answer, "a") as file:
            print(json.dumps([code, [name for name in heavy if name in sys.modules]]), file=file)
        os._exit(0)
"""


def heavy_of(
    cases: Sequence[Sequence[str]], folder: Path, environment: Mapping[str, str] | None = None
) -> list[tuple[int, list[str]]]:
    """Of each call of `stats-assets`: its exit code, and which of HEAVY were imported at its end."""
    answer = folder / "answer"
    given = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER_", "COV_"))}
    subprocess.run(  # noqa: S603
        [sys.executable, "-c", EACH, json.dumps([cases, HEAVY, str(answer)])],
        cwd=folder,
        env=given | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    return [(code, found) for code, found in map(json.loads, answer.read_text().splitlines())]


def test_what_needs_nothing_heavy_imports_nothing_heavy(tmp_path: Path) -> None:
    assert [name for name in HEAVY if find_spec(name) is None] == []  # else they would never be found
    dead = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    cases: dict[tuple[str, ...], int] = {
        ("--help",): 0,  # which imports all commands' modules
        ("hashtags", "#a"): 0,
        ("database-url",): 0,
        ("sql", "SELECT 1"): 2,  # an error, too, is said without
        ("status",): 3,
    }
    assert dict(zip(cases, heavy_of(list(cases), tmp_path, dead), strict=True)) == {
        words: (code, []) for words, code in cases.items()
    }


def test_at_work_they_need_no_dagster_and_no_shapes_either(
    url: str, feed: DemoFeed, connection: Connection, tmp_path: Path
) -> None:
    heads: dict[Stream, int] = {"augmented_diffs": feed.head, "changesets": feed.changesets_head}
    for stream, head in heads.items():
        with stream_rows.driving(connection, stream, "somebody's"):
            stream_rows.begin(connection, stream, head + 1)
    # Dagster's records are there, and would be asked of a stream that does not tick.
    (tmp_path / "dagster.yaml").write_text("# stats-assets\n")
    cases: dict[tuple[str, ...], int] = {
        ("status",): 2,  # the invented world is of another time
        ("sql", "SELECT 1"): 0,
        ("facts",): 0,
        ("retry",): 0,
        ("verify", "--sample"): 0,
        ("seek", "--stream", "changesets", "--sequence", str(feed.changesets_head)): 0,
        ("migrate",): 0,
    }
    reads = ("stats", "dagster.yaml")
    environment = {"DATABASE_URL": url, "OVERPASS_URL": feed.url, "CHANGESETS_URL": feed.changesets_url}
    *found, (_, needed) = heavy_of([*cases, reads], tmp_path, environment)
    assert dict(zip(cases, found, strict=True)) == {words: (code, []) for words, code in cases.items()}
    assert set(COUNTING) <= set(needed)  # they are seen, where a file is read


def test_each_command_is_the_function_of_its_name() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    modules = {path.stem for path in Path(main.__file__).parent.glob("*.py")}
    for name in COMMANDS:
        plain = name.replace("-", "_")
        assert plain in modules
        callback = group.commands[name].callback
        assert callback is not None
        assert (callback.__module__, callback.__name__) == (f"stats_assets.cli.{plain}", plain)
    assert "main" not in group.commands  # a module beside the commands' is none
    with pytest.raises(KeyError):
        group.commands["main"]


def test_no_error_for_people_is_a_bug() -> None:
    """What the command line said before of each kind, it says because of what that is."""
    from stats_assets.cli.error_sentences import sentences
    from stats_assets.database.connection import DatabaseUnreachable
    from stats_assets.osm.regions import RegionsError
    from stats_assets.settings import SettingsError

    for kind in (DatabaseUnreachable, RegionsError, SettingsError):
        assert issubclass(kind, Mendable)
        assert sentences(kind("It is so. Do that.")) == ["stats-assets: It is so. Do that."]
    assert sentences(ValueError("a bug")) == []
