"""Everything that is made once, made by several processes at the same moment: all of them go on with the same."""

import json
import os
import pwd
import random
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from stats_assets.demo.home import DemoHome
from stats_assets.embedded_postgres import place
from stats_assets.embedded_postgres.elsewhere import home_elsewhere, make_home_elsewhere
from stats_assets.feeds.archive import Archive
from stats_assets.feeds.body import Body
from stats_assets.files import write_first, write_whole
from stats_assets.linux import LockFile
from stats_assets.local.dagster_programs import DagsterChildren
from stats_assets.root import MARKER, find_project_root
from tests.at_once import Call, at_once, in_rounds
from tests.place import open_folder

ROUNDS = 10
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try being two users")


def test_homes_elsewhere_of_several_projects(tmp_path: Path) -> None:
    places = []
    for number in range(ROUNDS):
        folders = [tmp_path / str(number) / name for name in "abc"]
        for folder in folders:
            folder.mkdir(parents=True)
        places.append((tmp_path / str(number) / "var/lib/stats-assets", folders))
    made = in_rounds(
        *[
            [partial(make_home_elsewhere, one, elsewhere) for one in folders * 2]
            for elsewhere, folders in places
        ]
    )
    for (elsewhere, folders), homes in zip(places, made, strict=True):
        assert homes[:3] == homes[3:]
        assert len(set(homes)) == 3
        assert [home_elsewhere(folder, elsewhere) for folder in folders] == homes[:3]
        assert {path.name for path in elsewhere.iterdir()} == {home.name for home in homes}  # type: ignore[attr-defined]


def test_homes_of_folders_that_were_removed_and_moved(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    folders = [tmp_path / name for name in "abcd"]

    def remove(folder: Path) -> None:
        (folder / "elsewhere").unlink()
        folder.rmdir()

    rounds: list[list[Call]] = []
    for number in range(ROUNDS):
        moved = [tmp_path / f"{folder.name} {number}" for folder in folders[:2]]
        rounds += [
            [folder.mkdir for folder in folders],
            [partial(make_home_elsewhere, folder, elsewhere) for folder in folders],
            [
                partial(folder.rename, to) if to else list
                for folder, to in zip(folders, [*moved, None, None], strict=True)
            ],
            [partial(home_elsewhere, folder, elsewhere) for folder in moved * 2],
            [partial(remove, folder) for folder in (*moved, *folders[2:])],
        ]
    answers = in_rounds(*rounds)
    for homes, followed in zip(answers[1::5], answers[3::5], strict=True):
        assert followed == homes[:2] * 2
        assert len(set(homes)) == 4


@needs_root
def test_the_copy_of_the_binaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binaries = tmp_path / "package/pginstall/bin"
    binaries.mkdir(parents=True)
    for number in range(50):
        (binaries / str(number)).write_text("program")
    monkeypatch.setattr(place, "_binaries", lambda: binaries)
    monkeypatch.setattr(place, "_reaches", lambda *asked: False)
    user = pwd.getpwnam("nobody")

    def copied(elsewhere: Path) -> int:
        return len(list(place._binaries_for(user, elsewhere).iterdir()))

    assert (
        in_rounds(*[[partial(copied, tmp_path / str(number))] * 3 for number in range(ROUNDS)])
        == [[50] * 3] * ROUNDS
    )


@needs_root
def test_a_lock_of_root_and_its_folders_owner(tmp_path: Path) -> None:
    owner = pwd.getpwnam("nobody").pw_uid

    given = os.fchown

    def as_owner(path: Path) -> bool:
        os.setuid(owner)
        return LockFile(path).try_lock(shared=True)

    def as_root(path: Path) -> bool:
        def give(fd: int, uid: int, gid: int) -> None:
            # the moment that others can't be made to meet: it must not be seen before it is the owner's
            assert not path.exists() or path.stat().st_uid == owner
            given(fd, uid, gid)

        os.fchown = give  # this process is the test's alone
        return LockFile(path).try_lock(shared=True)

    paths = []
    for number in range(ROUNDS):
        folder = open_folder()
        os.chown(folder, owner, -1)
        paths.append(folder / f"lock{number}")
    locked = in_rounds(*[[partial(as_owner, path), partial(as_root, path)] * 2 for path in paths])
    assert locked == [[True] * 4] * ROUNDS
    for path in paths:
        assert [(file.name, file.stat().st_uid) for file in path.parent.iterdir()] == [(path.name, owner)]


def test_the_demos_world_and_folder(tmp_path: Path) -> None:
    roots = [tmp_path / str(number) for number in range(ROUNDS)]
    for root in roots:
        root.mkdir()
    found = in_rounds(*[[DemoHome(root, None).world] * 4 for root in roots])
    for root, worlds in zip(roots, found, strict=True):
        assert len(set(worlds)) == 1
        assert worlds[0] == DemoHome(root, None).world()
        assert [path.name for path in (root / ".demo").iterdir()] == ["world.json"]


def test_who_looks_while_the_demo_is_furnished_finds_its_root(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(f"{MARKER}\n" + "# and more\n" * 5000)
    home = DemoHome(tmp_path, None)
    settings = home.settings(home.world(), "http://127.0.0.1:1")
    home.furnish(tmp_path, settings)

    def furnish() -> None:
        for _ in range(50):
            home.furnish(tmp_path, settings)

    def look() -> bool:
        os.chdir(home.path)
        return all(find_project_root() == home.path for _ in range(2000))

    assert at_once(furnish, furnish, look, look) == [None, None, True, True]


def test_the_workspace_and_any_file_are_whole(tmp_path: Path) -> None:
    (tmp_path / ".dagster").mkdir()
    path = tmp_path / ".dagster/workspace.yaml"
    programs = DagsterChildren(tmp_path, 1, {}, "m")
    programs.children()

    def look() -> bool:
        return all(json.loads(path.read_text()) for _ in range(1000))

    def make() -> None:
        for _ in range(50):
            programs.children()

    assert at_once(make, make, look) == [None, None, True]
    write_whole(path, "")
    texts = [str(number) * 10_000 for number in range(4)]
    assert len(set(at_once(*[partial(write_first, tmp_path / "first", text) for text in texts]))) == 1
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == {"workspace.yaml", "first"}


def test_the_archives_folders_state_and_pruning(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    source = tmp_path / "body"
    source.write_bytes(b"<osm/>")

    def put(folder: Path, sequences: list[int]) -> None:
        archive = Archive(str(folder), "changesets")
        for sequence in sequences:
            archive.put(Body(sequence, source, "http://feed", 6, now, 0.1))
            archive.prune(now.replace(year=2000))

    folders = [tmp_path / str(number) for number in range(3)]
    sequences = random.sample(range(1000, 1020), 20)
    in_rounds(*[[partial(put, folder, sequences[part::2]) for part in (0, 1, 0, 1)] for folder in folders])
    for folder in folders:
        kept = {path.name for path in (folder / "changesets/000/001").iterdir()}
        assert kept == {f"{sequence - 1000:03}.osm.gz" for sequence in sequences}
        assert "sequence: 1019" in (folder / "changesets/state.yaml").read_text()
        for old in range(200):
            (folder / "changesets" / str(old)).touch()
    prunes = [partial(Archive(str(folder), "changesets").prune, datetime.now(UTC)) for folder in folders]
    for pruned in in_rounds(*[[prune] * 4 for prune in prunes]):
        assert sum(map(int, map(str, pruned))) == 220  # with the bodies


@needs_root
def test_what_root_puts_into_somebodys_archive_is_theirs() -> None:
    folder = open_folder()
    owner = pwd.getpwnam("nobody").pw_uid
    os.chown(folder, owner, -1)
    source = folder / "body"
    source.write_bytes(b"<osm/>")
    source.chmod(0o644)
    now = datetime.now(UTC)
    archive = Archive(str(folder / "archive"), "changesets")
    archive.put(Body(1, source, "http://feed", 6, now, 0.1))
    assert {path.stat().st_uid for path in (folder / "archive").rglob("*")} == {owner}

    def as_owner() -> str:
        os.setuid(owner)
        return archive.put(Body(2, source, "http://feed", 6, now, 0.1))

    assert at_once(as_owner) == [f"{folder}/archive/changesets/000/000/002.osm.gz"]
