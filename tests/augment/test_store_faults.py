"""What can go wrong with a store, and that nothing is lost: kills, full disks, two openers, damage."""

import errno
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import lmdb
import pytest

from stats_assets.augment import lmdb_store
from stats_assets.augment.lmdb_errors import meaning
from stats_assets.augment.lmdb_store import ASKED, BEGINNING, LmdbStore, Row
from stats_assets.augment.sealed_table import SealedTable
from stats_assets.augment.store import Place, Snapshot
from stats_assets.augment.store_errors import (
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreInUse,
    StoreMissing,
    StoreOfOtherFormat,
    StoreUnfit,
)
from stats_assets.augment.store_folder import DATA, FORMAT, file_system, require_local
from stats_assets.augment.versions import KINDS, Pending, Users, Version
from stats_assets.ingest.store_checking import check_on
from tests.augment.writing_on import NODES, made

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with nothing but its place."""
    path = tmp_path / "a store"
    with LmdbStore(path, create=True) as store, store.changing() as change:
        change.put_place(Place(0, 0, 0, 0))
    return path


def writer(*words: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.augment.writing_on", *map(str, words)]
    return subprocess.Popen(  # noqa: S603
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def require_whole(snapshot: Snapshot) -> int:
    """All that transaction n wrote is there, and nothing of another one. Returns n."""
    number = snapshot.place().sequence
    assert number is not None
    assert snapshot.tallies().get("transactions", 0) == number
    if number:
        for kind in KINDS:
            assert snapshot.settled(kind, 1) == made(kind, 1, number)
            assert snapshot.chain(kind, 2) == (Pending(made(kind, 2, number), number),)
        assert snapshot.users("node", number) == Users((1,), (1,))
        assert snapshot.users("node", number - 1) == (Users() if number - 1 not in NODES else Users((1,)))
        assert snapshot.users("way", number) == Users((), (1,))
        assert snapshot.pending_users("node", number) == Users((2,), (2,))
        assert list(snapshot.changed(0, 10**9)) == [(kind, 2) for kind in KINDS]
    return number


def test_whoever_is_killed_loses_no_more_than_the_open_transaction(folder: Path) -> None:
    dice = random.Random(23)  # noqa: S311
    printed = 0
    for _ in range(6):
        process = writer(folder)
        assert process.stdout
        process.stdout.readline()
        time.sleep(dice.random() / 10)
        process.send_signal(signal.SIGKILL)
        lines = process.communicate()[0].split()
        printed = int(lines[-1]) if lines else printed
        with LmdbStore(folder) as store, store.reading() as snapshot:
            number = require_whole(snapshot)
        assert number >= printed
        printed = number
    assert printed >= 6


def test_a_full_disk_is_told_and_nothing_is_lost(folder: Path) -> None:
    out, error = writer(folder, 1 << 20).communicate(timeout=60)
    *numbers, sentence, again = out.splitlines()
    assert not error
    assert int(again) == int(numbers[-1]) + 1
    assert sentence.startswith("StoreFull: The disk of the store")
    assert "free some space" in sentence
    with LmdbStore(folder) as store:
        with store.reading() as snapshot:
            assert require_whole(snapshot) == int(again) > 2
        with store.changing() as change:
            change.tally("again")


def test_a_second_opener_is_told_who_has_it(folder: Path) -> None:
    process = writer(folder)
    assert process.stdout
    process.stdout.readline()
    try:
        with pytest.raises(
            StoreInUse, match=rf"process {process.pid} on {socket.gethostname()} since 20\d\d-"
        ):
            LmdbStore(folder)
    finally:
        process.kill()
        process.communicate()
    with LmdbStore(folder), pytest.raises(StoreInUse, match=f"process {os.getpid()} "):
        LmdbStore(folder)


def test_looks_that_are_over_hold_nothing_of_the_store(folder: Path) -> None:
    """In a process that seldom collects garbage, as the code server, what is in a cycle stays for long."""
    over: list[Snapshot] = []
    with LmdbStore(folder) as store:
        for _ in range(300):  # LMDB has room for 126 readers
            with store.reading() as snapshot:
                over.append(snapshot)
                assert snapshot.place() == Place(0, 0, 0, 0)
        with pytest.raises(AttributeError):
            over[0].place()


def test_the_map_grows(tmp_path: Path) -> None:
    room = 1 << 20
    with LmdbStore(tmp_path / "store", create=True, room=room) as store:
        for number in range(1, 80):
            with store.changing() as change:
                for id in range(number * 500, (number + 1) * 500):
                    change.settle(made("node", id * 64, number))
        assert store.size > 2 * room
        # More than its room at once: refused, and all else is as it was.
        with pytest.raises(StoreFull), store.changing() as change:
            for id in range(100_000, 150_000):
                change.settle(made("node", id * 64, 1))
        with store.reading() as snapshot:
            assert snapshot.settled("node", 40_000 * 64 - 64) == made("node", 40_000 * 64 - 64, 79)
            assert snapshot.settled("node", 100_000 * 64) is None


def test_the_map_does_not_move_under_who_looks(tmp_path: Path) -> None:
    with LmdbStore(tmp_path / "store", create=True, room=1 << 20) as store:
        with store.changing() as change:
            change.settle(made("node", 1, 1))
        with store.reading() as snapshot:
            for number in range(2, 4):
                with store.changing() as change:
                    for id in range(number * 2000, (number + 1) * 2000):
                        change.settle(made("node", id * 64, number))
            assert snapshot.settled("node", 1) == made("node", 1, 1)
            assert snapshot.settled("node", 4000 * 64) is None


def line(id: int) -> Version:
    """A way of ten nodes."""
    return made("way", id, 1)._replace(refs=tuple(range(id * 10, id * 10 + 10)))


@pytest.fixture
def filled(folder: Path) -> Path:
    with LmdbStore(folder) as store, store.changing() as change:
        for id in range(2000):
            change.settle(made("node", id * 10, 1))
            change.settle(line(id))
    return folder


def read_all(folder: Path) -> None:
    with LmdbStore(folder) as store, store.reading() as snapshot:
        for id in range(2000):
            assert snapshot.settled("node", id * 10) == made("node", id * 10, 1)
            assert snapshot.settled("way", id) == line(id)
            assert snapshot.users("node", id) == Users((id // 10,))


def test_a_cut_file_is_told(filled: Path) -> None:
    data = filled / DATA
    whole = data.read_bytes()
    for part in (0, 1, 100, 4096, 8192, len(whole) // 2, len(whole) - 1):
        data.write_bytes(whole[:part])
        with pytest.raises(StoreError, match=r"damaged|no store of ours"):
            LmdbStore(filled)
    data.write_bytes(whole)
    read_all(filled)


def test_overwritten_bytes_are_told_and_never_taken_for_edits(filled: Path, tmp_path: Path) -> None:
    told = 0
    for seed in range(5):
        dice = random.Random(seed)  # noqa: S311
        broken = tmp_path / str(seed)
        shutil.copytree(filled, broken)
        with (broken / DATA).open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            for _ in range(size // 20_000):
                file.seek(dice.randrange(8192, size - 64))
                file.write(dice.randbytes(64))
        # In a process of its own: what LMDB itself might not stand must not end the tests.
        code = f"from tests.augment.test_store_faults import *; read_all(Path({str(broken)!r}))"
        run = subprocess.run(  # noqa: S603
            [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        if run.returncode:
            last = run.stderr.splitlines()[-1]
            assert "StoreDamaged: The store" in last, (seed, run.stderr)
            assert "load a planet anew" in last
            told += 1
    # Where no page in use was hit, all is well, and read_all has seen that it is.
    assert told > 2


def test_a_store_of_another_format_is_left_alone(folder: Path) -> None:
    with lmdb.open(str(folder), max_dbs=20) as environment:
        about = environment.open_db(b"about")
        with environment.begin(write=True) as transaction:
            SealedTable(transaction, about).put(b"format", b"%d" % (FORMAT + 1))
    before = (folder / DATA).read_bytes()
    with pytest.raises(StoreOfOtherFormat, match=f"format {FORMAT + 1}, this version reads {FORMAT}"):
        LmdbStore(folder)
    assert (folder / DATA).read_bytes() == before


def test_what_is_no_store_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match=r"no store in .*Load a planet"):
        LmdbStore(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    other = tmp_path / "other"
    with lmdb.open(str(other)) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"key", b"value")
    with pytest.raises(StoreMissing, match="no store of ours"):
        LmdbStore(other)
    full = tmp_path / "full"
    full.mkdir()
    (full / "photo.jpg").write_bytes(b"...")
    with pytest.raises(StoreMissing, match="not empty"):
        LmdbStore(full, create=True)
    (full / DATA).write_bytes(b"what is this" * 5000)
    with pytest.raises(StoreDamaged, match="damaged"):
        LmdbStore(full)


def test_no_right_to_it_is_told(folder: Path) -> None:
    (folder / "opened").unlink()
    (folder / "opened").mkdir()
    with pytest.raises(StoreError, match="can't be opened: Is a directory"):
        LmdbStore(folder)


def overwrite(folder: Path) -> None:
    """A byte of what somebody is called."""
    data = (folder / DATA).read_bytes()
    with (folder / DATA).open("r+b") as file:
        file.seek(data.rindex(b"user 1"))
        file.write(b"U")


def test_in_steps_the_check_reads_what_it_reads_at_once(filled: Path) -> None:
    with LmdbStore(filled) as store:
        seen: list[Row] = []

        def note(row: Row) -> bool:
            seen.append(row)
            return False

        assert store.check(enough=note) is None
        at, steps = BEGINNING, []
        while (row := store.check(at, lambda row: True)) is not None:
            steps.append(row)
            at = row
        assert steps == seen
        assert len(seen) == store.rows // ASKED > 1


def test_a_step_tells_what_was_overwritten_until_all_was_read_again(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmdb_store, "CHECKED", 0)  # as large ones are not, when they are opened
    whole = (filled / DATA).read_bytes()
    assert check_on(filled, 60).ended
    overwrite(filled)
    for _ in range(2):
        found = check_on(filled, 60)
        assert "damaged" in found.damage
        assert found.ended
    (filled / DATA).write_bytes(whole)
    steps = [check_on(filled, 0)]
    while steps[-1].table is not None:
        steps.append(check_on(filled, 0))
    assert len(steps) > 2
    assert [bool(step.damage) for step in steps] == [True] * (len(steps) - 1) + [False]


DAMAGE = (
    "CorruptedError", "InvalidError", "PageNotFoundError", "VersionMismatchError", "PanicError", "IncompatibleError",
    "NotFoundError", "CursorFullError", "PageFullError", "BadValsizeError",
)  # fmt: skip
ROOM = ("MapFullError", "TxnFullError")
KINDS_OF_ERRORS = [name for name in dir(lmdb) if name.endswith("Error")]


@pytest.mark.parametrize("name", KINDS_OF_ERRORS)
def test_only_damage_is_called_so(folder: Path, name: str) -> None:
    error = getattr(lmdb, name)("what it was doing")
    with LmdbStore(folder) as store:
        with pytest.raises(StoreError) as told, store.changing() as change:
            change.tally("never")
            raise error
        expected = StoreDamaged if name in DAMAGE else StoreFull if name in ROOM else StoreError
        assert type(told.value) is expected
        assert ("Move it away" in str(told.value)) == (name in DAMAGE)
        with store.reading() as snapshot:
            assert "never" not in snapshot.tallies()


def test_too_many_looks_are_no_damage(folder: Path) -> None:
    with (
        LmdbStore(folder) as store,
        ExitStack() as looks,
        pytest.raises(StoreError, match="more often") as told,
    ):
        for _ in range(200):  # LMDB has room for 126
            looks.enter_context(store.reading())
    assert type(told.value) is StoreError


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, StoreFull, "is full"),
        (errno.EDQUOT, StoreFull, "is full"),
        (errno.EIO, StoreFull, "or it fails"),
        (errno.ENOMEM, StoreError, "ulimit -v"),
        (errno.EACCES, StoreError, "disk and rights"),
        (errno.EROFS, StoreError, "disk and rights"),
        (errno.EINVAL, StoreError, "report it"),
    ],
)
def test_what_the_system_says_is_told(folder: Path, number: int, kind: type[StoreError], words: str) -> None:
    said = meaning(lmdb.Error(f"mdb_txn_commit: {os.strerror(number)}"), folder, 1 << 30)
    assert type(said) is kind
    assert words in str(said)
    assert "Move it away" not in str(said)


MOUNTS = """\
22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /mnt rw - nfs4 fs-123.efs.eu-central-1.amazonaws.com:/ rw,vers=4.1
31 30 253:1 / /mnt/disk rw master:1 - xfs /dev/vdb rw
32 22 0:41 / /with\\040space rw - fuse.sshfs host: rw
33 22 0:42 / /smb rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/store", "ext4"),
        ("/mnt/store", "nfs4"),
        ("/mnt/disk/a/store", "xfs"),
        ("/mntx/store", "ext4"),
        ("/with space/store", "fuse.sshfs"),
        ("/smb", "cifs"),
    ],
)
def test_a_network_s_file_system_is_refused(tmp_path: Path, path: str, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert file_system(Path(path), mounts) == kind
    if kind in ("ext4", "xfs"):
        require_local(Path(path), mounts)
    else:
        with pytest.raises(StoreUnfit, match=f"of type {kind}, .*EFS"):
            require_local(Path(path), mounts)


def test_this_machine_s_own_disk_is_known() -> None:
    assert file_system(Path("/proc")) == "proc"
    require_local(PROJECT)
