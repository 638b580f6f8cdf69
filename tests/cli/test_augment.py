"""`stats-assets augment`: a directory of documents, of files alone."""

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from stats_assets.augment.difference import minute
from stats_assets.augment.directory import LOCK, Directory
from stats_assets.feeds.sequences import path_of
from tests.augment.judging import actions_of
from tests.conftest import Run

FIRST = 2_360_000
SINCE = minute(FIRST)[0]


def moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(SINCE + seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def point(id: int, version: int, at: int, lon: float) -> str:
    return (
        f'<node id="{id}" version="{version}" timestamp="{moment(at)}" changeset="7" uid="1" user="anna"'
        f' lat="1.5" lon="{lon}"/>'
    )


def planet(folder: Path, *elements: str, timestamp: str = f' timestamp="{moment(-10)}"') -> Path:
    file = folder / "planet.osm"
    file.write_text(f'<osm version="0.6"{timestamp}>{"".join(elements)}</osm>')
    return file


def replicated(folder: Path, files: dict[int, str]) -> Path:
    """A replication directory: of each file its changes; it reaches two seconds into the next minute."""
    root = folder / "replication"
    for number, changes in files.items():
        file = root / f"{path_of(number)}.osc.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        document = f'<osmChange version="0.6"><modify>{changes}</modify></osmChange>'
        file.write_bytes(gzip.compress(document.encode()))
        state = f"sequenceNumber={number}\ntimestamp={moment(60 * number + 2)}\n".replace(":", "\\:")
        (root / f"{path_of(number)}.state.txt").write_text(state)
        (root / "state.txt").write_text(state)
    return root


def documents(folder: Path) -> dict[int, list[str]]:
    """By minute, counted from the first: what each action changes."""
    found = {}
    for file in (folder / "out").rglob("*.adiff.xml.gz"):
        number = int("".join(file.relative_to(folder / "out").parts).split(".")[0])
        found[number - FIRST] = [act.change for act in actions_of(file)]
    return found


def test_every_minute_up_to_the_newest_change_gets_a_document(run: Run, tmp_path: Path) -> None:
    feed = replicated(tmp_path, {1: point(1, 2, 30, 8), 2: "", 3: point(2, 1, 150, 9), 4: "", 5: ""})
    file = planet(tmp_path, point(1, 1, -500, 7))
    done = run("augment", "--planet", str(file), "--osmchange", str(feed), "--out", "out")
    assert done.returncode == 0, done.stderr
    assert documents(tmp_path) == {0: ["modify"], 1: [], 2: ["create"]}
    assert done.stdout == f"3 documents with 2 actions, of 5 files, the newest is {FIRST + 2}.\n"
    assert f"sequence: {FIRST + 2}\nsettled: {FIRST + 2}\n" in (tmp_path / "out" / "state.yaml").read_text()


def test_a_range_is_made_as_it_is_asked_for(run: Run, tmp_path: Path) -> None:
    feed = replicated(tmp_path, {1: point(1, 2, 30, 8), 2: "", 3: point(2, 1, 150, 9)})
    file = planet(tmp_path, point(1, 1, -500, 7))
    arguments = ("--planet", str(file), "--osmchange", str(feed), "--out", "out")
    done = run("augment", *arguments, "--start", str(FIRST + 2), "--end", str(FIRST + 5), "--json")
    assert documents(tmp_path) == {2: ["create"], 3: [], 4: [], 5: []}
    assert json.loads(done.stdout) | {"versions": {}} == {
        "documents": 4,
        "actions": 1,
        "first": FIRST + 2,
        "newest": FIRST + 5,
        "settled": FIRST + 5,
        "files": 3,
        "file": 3,
        "reached": moment(182).replace("Z", "+00:00"),
        "versions": {},
        "late": [],
        "passed": [],
        "held": [],
    }


def test_a_store_is_gone_on_with_and_its_planet_is_read_once(run: Run, tmp_path: Path) -> None:
    file = planet(tmp_path, point(1, 1, -500, 7))
    arguments = ("augment", "--planet", str(file), "--out", "out", "--store", "store")
    assert run(*arguments, "--osmchange", str(replicated(tmp_path, {1: point(1, 2, 30, 8)}))).returncode == 0
    file.unlink()
    late = point(2, 1, 50, 9)
    feed = replicated(tmp_path, {2: late, 3: point(1, 3, 150, 9)})
    done = run(*arguments, "--osmchange", str(feed))
    assert (done.returncode, "not read again" in done.stderr) == (0, True)
    assert documents(tmp_path) == {0: ["modify", "create"], 1: [], 2: ["modify"]}
    assert f"settled: {FIRST - 1}\n" in (tmp_path / "out" / "state.yaml").read_text()


def test_a_file_that_is_missing_ends_the_reading_with_a_sentence(run: Run, tmp_path: Path) -> None:
    feed = replicated(tmp_path, {1: point(1, 2, 30, 8), 2: point(1, 3, 90, 9), 3: point(1, 4, 150, 9)})
    (feed / f"{path_of(2)}.osc.gz").unlink()
    file = planet(tmp_path, point(1, 1, -500, 7))
    done = run("augment", "--planet", str(file), "--osmchange", str(feed), "--out", "out")
    assert done.returncode == 1
    assert f"{path_of(2)}.osc.gz: no such file" in done.stderr
    assert documents(tmp_path) == {0: ["modify"]}
    assert f"settled: {FIRST - 1}\n" in (tmp_path / "out" / "state.yaml").read_text()


def test_a_file_that_is_cut_ends_the_reading_with_a_sentence(run: Run, tmp_path: Path) -> None:
    feed = replicated(tmp_path, {1: point(1, 2, 30, 8), 2: point(1, 3, 90, 9)})
    file = feed / f"{path_of(2)}.osc.gz"
    file.write_bytes(file.read_bytes()[:-20])
    done = run("augment", "--planet", str(planet(tmp_path)), "--osmchange", str(feed), "--out", "out")
    assert (done.returncode, "What comes after that was not read." in done.stderr) == (1, True)
    assert documents(tmp_path) == {0: ["create"]}


def test_what_is_late_is_said(run: Run, tmp_path: Path) -> None:
    files = dict.fromkeys(range(1, 80), "") | {1: point(1, 2, 30, 8), 79: point(2, 1, 31, 9)}
    file = planet(tmp_path, point(1, 1, -500, 7))
    feed = replicated(tmp_path, files)
    done = run("augment", "--planet", str(file), "--osmchange", str(feed), "--out", "out")
    assert "are in a later one: 1, among them node 2 version 1." in done.stderr


def test_the_planet_s_time_can_be_given(run: Run, tmp_path: Path) -> None:
    feed = replicated(tmp_path, {1: point(1, 2, 30, 8)})
    file = planet(tmp_path, point(1, 1, -500, 7), timestamp="")
    arguments = ("augment", "--planet", str(file), "--osmchange", str(feed), "--out", "out")
    refused = run(*arguments)
    assert (refused.returncode, "--at" in refused.stderr) == (2, True)
    assert run(*arguments, "--at", moment(-10)).returncode == 0
    assert documents(tmp_path) == {0: ["modify"]}


def test_wrong_use_is_said_in_a_sentence(run: Run, tmp_path: Path) -> None:
    file = str(planet(tmp_path))
    (tmp_path / "file").write_text("nothing")
    cases = {
        ("--out", "out"): "--planet FILE",
        ("--planet", "none.osm", "--out", "out"): "none.osm",
        ("--planet", "file", "--out", "out"): "file",
        ("--planet", file, "--out", "https://example.org/diffs"): "--out",
        ("--planet", file, "--out", "out", "--start", str(FIRST - 1)): f"the first that can is {FIRST}",
        ("--planet", file, "--out", "out", "--start", "9", "--end", "8"): "--end 8",
        ("--planet", file, "--out", "out", "--at", "noon"): "--at 'noon'",
        ("--planet", file, "--out", "out", "--osmchange", "ftp://example.org"): "--osmchange",
        ("--planet", file, "--out", "file", "--end", str(FIRST)): "file",
        ("--planet", file, "--out", "out", "--end", str(FIRST + 2000)): f"up to minute {FIRST - 1}",
    }
    for arguments, said in cases.items():
        done = run("augment", *arguments)
        assert (done.returncode, said in done.stderr) == (2, True), (arguments, done.stderr)
    assert [file.name for file in tmp_path.glob("out/*")] in ([], [LOCK])


def test_what_lies_before_the_planet_or_after_osmchange_is_said(run: Run, tmp_path: Path) -> None:
    feed = replicated(tmp_path, {1: point(1, 2, 30, 8), 2: ""})
    file = planet(tmp_path, point(1, 1, -500, 7))
    arguments = ("augment", "--planet", str(file), "--osmchange", str(feed), "--out", "out")
    early = run(*arguments, "--end", str(FIRST - 1))
    assert (early.returncode, f"the first that can is {FIRST}" in early.stderr) == (2, True), early.stderr
    for younger in (("--at", moment(86_400)), ("--start", str(FIRST + 1_440))):
        done = run(*arguments, *younger)
        assert f"Nothing can be made yet of minute {FIRST + 1_440}," in done.stderr
        assert (done.returncode, documents(tmp_path)) == (0, {})


def test_a_store_is_checked_whole(run: Run, tmp_path: Path) -> None:
    file = planet(tmp_path, *(point(id, 1, -500, 7) for id in range(1, 50)))
    arguments = ("augment", "--planet", str(file), "--out", "out", "--store", "store")
    assert run(*arguments, "--osmchange", str(replicated(tmp_path, {1: ""}))).returncode == 0
    done = run("augment", "--check", "--store", "store", "--json")
    assert (done.returncode, json.loads(done.stdout)["whole"]) == (0, True), done.stderr
    data = tmp_path / "store" / "data.mdb"
    data.write_bytes(data.read_bytes().replace(b"anna", b"emma"))
    done = run("augment", "--check", "--store", "store", "--json")
    assert (done.returncode, json.loads(done.stdout)["whole"]) == (1, False), done.stderr
    assert "is damaged" in done.stderr
    for wrong in (("--check",), ("--check", "--store", "none"), ("--store", "store")):
        assert run("augment", *wrong).returncode == 2


def test_a_second_maker_is_not_let_into_the_same_directory(run: Run, tmp_path: Path) -> None:
    arguments = (
        "--planet",
        str(planet(tmp_path)),
        "--osmchange",
        str(replicated(tmp_path, {1: point(1, 1, 30, 8)})),
    )
    with Directory(str(tmp_path / "out")).alone():
        done = run("augment", *arguments, "--out", "out")
    assert done.returncode == 2
    assert (
        f"Another maker writes into the directory {tmp_path / 'out'}: process {os.getpid()} on" in done.stderr
    )
    assert documents(tmp_path) == {}
    assert run("augment", *arguments, "--out", "out").returncode == 0
    assert documents(tmp_path) == {0: ["create"]}
