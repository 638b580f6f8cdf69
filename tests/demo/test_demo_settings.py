"""Of what a person has set for the live project, what counts in the demo, too; the rest is said."""

import shutil
from pathlib import Path

import pytest
import requests

from stats_assets.augment.planet import load_planet
from stats_assets.augment.window import minute_of
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.home import DemoHome
from stats_assets.demo.world.world import World
from stats_assets.local.dagster_programs import environment
from stats_assets.local.demo import _taken_over, run_demo
from stats_assets.local.stack import StackError
from stats_assets.osm.categories import Categories, CategoriesError
from stats_assets.settings import Settings, SettingsError
from tests.conftest import Run
from tests.drills.waiting import PATIENCE
from tests.ports import free_ports

PROJECT = Path(__file__).parents[2]
MINE = "categories:\n  huts:\n    any: [building]\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with categories of its own."""
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    (tmp_path / "mine.yaml").write_text(MINE)
    monkeypatch.delenv("STATS_DATA_DIR")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("where", [".env", "the environment"])
def test_the_demo_counts_by_what_the_person_named_and_says_what_it_does_not_use(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    given = {
        "CATEGORIES_FILE": "mine.yaml",
        "REFRESHMENTS_ROWS": "3",
        "DATABASE_URL": "postgresql://me:hunter2@h/theirs",
        "POLL_SECONDS": "9",
        "USER_AGENT": "",
    }
    if where == ".env":
        (root / ".env").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    for name, value in given.items() if where != ".env" else ():
        monkeypatch.setenv(name, value)
    (root / "below").mkdir()
    monkeypatch.chdir(root / "below")
    taken = _taken_over(root)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("The demo has its own DATABASE_URL, POLL_SECONDS: what ")
    assert "hunter2" not in said.err
    home = DemoHome(root, None)
    settings = home.settings(home.world(), "http://127.0.0.1:1", taken)
    home.furnish(root, settings)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    monkeypatch.chdir(home.path)
    for name in given:
        monkeypatch.delenv(name, raising=False)
    by_hand = Settings()
    for name, value in environment(home.path, settings).items():
        monkeypatch.setenv(name, value)
    for found in (by_hand, Settings()):  # a command's, and a process's of the stack
        assert found.categories_file == root / "mine.yaml"
        assert (found.refreshments_rows, found.database_url, found.poll_seconds) == (3, None, 15)
        assert list(Categories.load(found.categories_file).categories) == ["huts"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"CATEGORIES_FILE": "not there.yaml"}, "CATEGORIES_FILE: .*not there.yaml is not there"),
        ({"REGIONS_FILE": "."}, "REGIONS_FILE: .* is no file"),
        ({"REFRESHMENTS_ROWS": "9"}, "REFRESHMENTS_ROWS"),
        ({"CATEGORIES_FILE": "dagster.yaml"}, "dagster.yaml:"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_started(
    root: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], says: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises((SettingsError, CategoriesError), match=says):
        run_demo(1)
    assert not (root / ".demo/.env").exists()


@pytest.mark.parametrize("files", ["there", "gone"])
def test_the_feed_alone_leaves_the_settings_that_the_whole_demo_does(
    root: Path, monkeypatch: pytest.MonkeyPatch, files: str
) -> None:
    def ended(*given: object) -> int:
        raise StackError("as far as that")

    monkeypatch.setattr("stats_assets.local.supervisor.Supervisor.run", ended)
    monkeypatch.setattr("stats_assets.local.dagster_programs.DagsterChildren.make_records", ended)
    (root / ".env").write_text("CATEGORIES_FILE=mine.yaml\nREFRESHMENTS_ROWS=3\nALERT_URL=https://h/secret\n")
    monkeypatch.setenv("ALERT_COMMAND", "true")
    written = []
    for feed_only in (False, True, False):
        if files == "gone" and feed_only:  # which counts nothing
            (root / "mine.yaml").unlink()
        with pytest.raises((StackError, SettingsError), match=r"as far as that|is not there"):
            run_demo(*free_ports(2), feed_only=feed_only)
        written.append((root / ".demo/.env").read_text().splitlines())
        for line in written[-1]:
            assert not line.startswith("ALERT_")
    # each has ports of its own
    [first, second, third] = [[line for line in one if "127.0.0.1" not in line] for one in written]
    assert first == second == third
    assert any(line.startswith("CATEGORIES_FILE") for line in second)
    assert "REFRESHMENTS_ROWS='3'" in second


def test_commands_in_the_demos_folder_say_what_the_environment_does_not_change(root: Path, run: Run) -> None:
    home = DemoHome(root, None)
    home.furnish(root, home.settings(home.world(), "http://127.0.0.1:1"))
    (home.path / ".env").write_text("STATS_DATA_DIR=/dev/null\nPOLL_SECONDS=4\n")  # no server is started
    answer = run("database-url", DAGSTER_HOME=str(home.path), CATEGORIES_FILE="x.yaml")
    assert "not the environment's CATEGORIES_FILE." in answer.stderr
    quiet = run("database-url", DAGSTER_HOME=str(home.path), POLL_SECONDS="4")
    assert "not the environment's" not in quiet.stderr


def test_by_osmchange_alone_the_demo_makes_its_augmented_diffs_of_the_feed_s_planet(
    root: Path, tmp_path: Path
) -> None:
    home = DemoHome(root, None, osmchange=True)
    world = home.world()
    settings = home.settings(world, "http://127.0.0.1:1")
    assert settings["OSMCHANGE_URL"] == "http://127.0.0.1:1/osmchange"
    home.put_planet(world)
    with DemoFeed(World(world.seed, world.first), history=1) as feed:
        planet = requests.get(feed.planet_url, timeout=PATIENCE).content
    assert Path(settings["PLANET_FILE"]).read_bytes() == planet
    store = tmp_path / "store"
    place = load_planet(Path(settings["PLANET_FILE"]), store)
    assert minute_of(place.begins) + 1 == world.first
    assert DemoHome(root, None).settings(world, "http://127.0.0.1:1")["OSMCHANGE_URL"] == ""
    with pytest.raises(StackError, match="leave out --directory"):
        run_demo(osmchange=True, directory=tmp_path)
