"""The supervisor with real children: restarts, back-off, ends in order, nothing left however it is ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stats_assets.local.child import Child, Keeping, Pace
from stats_assets.local.supervisor import MARK
from stats_assets.processes import is_alive
from tests.drills.waiting import PATIENCE
from tests.pids import with_variable

MAIN = """
import json, os, sys
from pathlib import Path
from stats_assets.local.child import Child, Pace
from stats_assets.local.supervisor import AlreadyRunning, Supervisor
folder = Path(sys.argv[1])
asked = json.loads(sys.argv[2])
children = [
    Child(
        name,
        [sys.executable, "-c", code],
        dict(os.environ),
        folder,
        lambda name=name: not name.startswith("slow") or (folder / f"{name}.ready").exists(),
    )
    for name, code in asked["children"].items()
]
try:
    pace = Pace(first=0.05, longest=0.2, stop=asked["stop"])
    with Supervisor(folder, quiet=asked["quiet"], pace=pace) as supervisor:
        sys.exit(supervisor.run(children, lambda: print("all ready", flush=True) is None))
except AlreadyRunning as error:
    sys.exit(str(error))
"""
LEADER = """
import os, pty, signal, subprocess, sys
pid, terminal = pty.fork()
if pid == 0:
    signal.signal(signal.SIGHUP, lambda *_: None)  # as make, who waits for its children then
    sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))
sys.stdin.readline()
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
NOHUP = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
WRITES_ITS_PID = "import os; from pathlib import Path; Path(f'{NAME}.pid').write_text(str(os.getpid()));"
STAYS = "import time; time.sleep(1000)"


def wait_for(condition: Callable[[], object], what: str) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, f"waited in vain: {what}"
        time.sleep(0.02)


class Stage:
    """A folder with supervisors in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def supervisor(
        self, *, quiet: bool = False, stop: float = 30, below: str = "", **children: str
    ) -> subprocess.Popen[str]:
        """With these children, name and code; each writes its process id first. `below`: code that starts it."""
        codes = {name: f"NAME = {name!r}; {WRITES_ITS_PID} {code}" for name, code in children.items()}
        asked = json.dumps({"children": codes, "quiet": quiet, "stop": stop})
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *(["-c", below] if below else []), "-c", MAIN, str(self.folder), asked],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def pid(self, name: str) -> int:
        try:
            return int((self.folder / f"{name}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def pid_of(self, name: str, *, other_than: int = 0) -> int:
        """Waits until it runs, or runs anew."""
        wait_for(lambda: self.pid(name) not in (0, other_than), f"{name} to start")
        return self.pid(name)

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text()

    def left(self) -> list[int]:
        return with_variable(MARK, str(self.folder / "supervisor.lock"))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    for process in stage.started:
        process.kill()
        process.communicate()
    wait_for(lambda: not stage.left(), "all processes to end")


def test_it_ends_with_its_terminal_also_where_nobody_passes_the_hangup_on(stage: Stage) -> None:
    leader = stage.supervisor(below=LEADER, feed=STAYS)
    stage.pid_of("feed")
    leader.communicate("now\n", timeout=PATIENCE)
    assert leader.returncode == 0
    assert not stage.left()


def test_under_nohup_it_outlives_the_hangup(stage: Stage) -> None:
    supervisor = stage.supervisor(below=NOHUP, feed=STAYS)
    feed = stage.pid_of("feed")
    supervisor.send_signal(signal.SIGHUP)
    os.kill(feed, signal.SIGKILL)
    stage.pid_of("feed", other_than=feed)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(PATIENCE) == 0


def test_children_start_in_order_and_all_end_at_ctrl_c(stage: Stage) -> None:
    supervisor = stage.supervisor(feed=STAYS, slow=STAYS, web=STAYS)
    stage.pid_of("slow")
    time.sleep(0.5)
    assert not stage.pid("web"), "web was started before slow was ready"
    (stage.folder / "slow.ready").touch()
    stage.pid_of("web")
    assert supervisor.stdout is not None
    assert supervisor.stdout.readline() == "all ready\n"
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.communicate(timeout=PATIENCE)[0] == ""
    assert supervisor.returncode == 0
    assert not stage.left()


def test_a_killed_child_is_started_again_and_the_others_stay(stage: Stage) -> None:
    supervisor = stage.supervisor(one=STAYS, two=STAYS)
    one, two = stage.pid_of("one"), stage.pid_of("two")
    os.kill(one, signal.SIGKILL)
    stage.pid_of("one", other_than=one)
    assert stage.pid("two") == two
    supervisor.terminate()
    said = supervisor.communicate(timeout=PATIENCE)[1]
    assert "one was ended by SIGKILL" in said
    assert "two was ended" not in said
    assert supervisor.returncode == 0


def test_a_child_that_always_fails_is_tried_with_growing_pauses_and_quoted(stage: Stage) -> None:
    supervisor = stage.supervisor(
        bad="import sys; print('hello', file=sys.stderr); sys.exit('no such thing')"
    )
    assert supervisor.stderr is not None
    pauses: list[str] = []
    while len(pauses) < 4:
        line = supervisor.stderr.readline()
        assert line
        if "starting it again in" in line:
            assert "ended with code 1" in line
            assert "saying last: no such thing" in line
            pauses.append(line.partition("again in ")[2].partition(" ")[0])
    assert pauses == ["0.05", "0.1", "0.2", "0.2"]


def test_a_program_that_is_not_there_does_not_stop_the_others(stage: Stage) -> None:
    supervisor = stage.supervisor(gone="import os; os.unlink('x')", other=STAYS)
    stage.pid_of("other")
    assert supervisor.poll() is None


@pytest.mark.parametrize("quiet", [False, True])
def test_output_goes_to_logs_and_unless_quiet_to_the_terminal(stage: Stage, quiet: bool) -> None:
    supervisor = stage.supervisor(
        quiet=quiet, chatty=f"print('grüße\\nand more'); print('end', end='', flush=True); {STAYS}"
    )
    wait_for(
        lambda: (stage.folder / "logs/chatty.log").exists() and "and more" in stage.log("chatty"), "its log"
    )
    supervisor.terminate()
    said = supervisor.communicate(timeout=PATIENCE)[1]
    assert stage.log("chatty") == "grüße\nand more\nend"
    assert ("chatty | grüße\nchatty | and more\nchatty | end\n" in said) is not quiet


def test_logs_are_bounded_and_their_end_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stats_assets.local.child._LOG_BYTES", 10_000)
    log, go = tmp_path / "talker.log", tmp_path / "go"
    code = (
        "import os, time\n"
        "for n in range(5_000): print(n)\n"
        "print('half a ', end='', flush=True)\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
        "print('line\\nthe end', end='')"
    )
    keeping = Keeping(Child("talker", [sys.executable, "-c", code], dict(os.environ), tmp_path), log, Pace())
    keeping.start_if_due({})
    wait_for(lambda: log.read_text().endswith("half a "), "the first half")
    lines = keeping.heard()
    assert log.stat().st_size == 0
    assert (tmp_path / "talker.log.1").read_text().endswith("4999\nhalf a ")
    go.touch()
    wait_for(lambda: not keeping.alive, "the end")
    lines += keeping.heard()
    assert lines == [*map(str, range(5_000)), "half a line", "the end"]
    assert log.read_text() == "line\nthe end"
    assert "saying last: the end; starting it again in 0.5 s" in (keeping.ended() or "")
    assert keeping.ended() is None


def test_a_flood_of_output_is_bounded_and_its_end_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stats_assets.local.child._LOG_BYTES", 10_000)
    monkeypatch.setattr("stats_assets.local.child._HEARD_BYTES", 1_000)
    log = tmp_path / "talker.log"
    code = "for n in range(9_000): print(n)"
    keeping = Keeping(Child("talker", [sys.executable, "-c", code], dict(os.environ), tmp_path), log, Pace())
    keeping.start_if_due({})
    wait_for(lambda: not keeping.alive, "the end")
    assert keeping.heard()[-1] == "8999"
    assert log.stat().st_size == 0
    assert (tmp_path / "talker.log.1").stat().st_size == 20_000


def test_logs_can_be_removed_and_are_there_again_with_the_next_start(stage: Stage) -> None:
    shouts = "print('here', os.getpid(), flush=True);"
    supervisor = stage.supervisor(one=f"{shouts} {STAYS}")
    one = stage.pid_of("one")
    assert supervisor.stderr is not None
    said = iter(supervisor.stderr.readline, "")
    assert any(line == f"one | here {one}\n" for line in said), "what is said before is told before"
    shutil.rmtree(stage.folder / "logs")
    os.kill(one, signal.SIGKILL)
    again = stage.pid_of("one", other_than=one)
    wait_for((stage.folder / "logs/one.log").exists, "a new log")
    wait_for(lambda: stage.log("one"), "its first line")
    supervisor.terminate()
    rest = supervisor.communicate(timeout=PATIENCE)[1]
    assert stage.log("one") == f"here {again}\n"
    assert "Traceback" not in rest


def test_all_ends_when_the_folder_is_removed(stage: Stage) -> None:
    supervisor = stage.supervisor(one=STAYS, two=f"{WITH_CHILDREN} {STAYS}", stop=0.5)
    stage.pid_of("grandchild")
    mark = stage.folder / "supervisor.lock"
    stage.folder.rename(stage.folder.with_name("removed"))
    said = supervisor.communicate(timeout=PATIENCE)[1]
    assert supervisor.returncode == 1
    assert f"{stage.folder} was removed" in said
    assert "Traceback" not in said
    assert not with_variable(MARK, str(mark))


def test_a_second_one_says_that_the_first_runs(stage: Stage) -> None:
    first = stage.supervisor(one=STAYS)
    pid = stage.pid_of("one")
    second = stage.supervisor(one=STAYS)
    said = second.communicate(timeout=PATIENCE)[1]
    assert second.returncode == 1
    assert f"runs already for {stage.folder.parent} (process {first.pid})" in said
    assert stage.pid("one") == pid


DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
WITH_CHILDREN = (
    "import subprocess, sys;"
    f"code = \"NAME='grandchild'; {WRITES_ITS_PID} {DEAF} {STAYS}\";"
    "subprocess.Popen([sys.executable, '-c', code], start_new_session=True);"
)


def test_deaf_children_and_their_children_are_killed_after_a_while(stage: Stage) -> None:
    supervisor = stage.supervisor(stop=0.5, deaf=f"{DEAF} {WITH_CHILDREN} {STAYS}")
    stage.pid_of("grandchild")
    supervisor.terminate()
    supervisor.communicate(timeout=PATIENCE)
    assert supervisor.returncode == 0
    assert not stage.left()


SHARES = (
    "import multiprocessing; from pathlib import Path;"
    "event = multiprocessing.get_context('spawn').Event();"
    "Path('semaphore').write_text(event._flag._semlock.name);"
)


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_what_a_killed_grandchild_shared_in_memory_is_removed(stage: Stage, how: str) -> None:
    """Dagster's code server shares semaphores with each run; Python's resource tracker removes a killed one's."""
    code = f"{DEAF} {SHARES} NAME='grandchild'; {WRITES_ITS_PID} {STAYS}"
    parent = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {code!r}], start_new_session=True);"
    )
    supervisor = stage.supervisor(stop=0.5, one=f"{parent} {STAYS}")
    stage.pid_of("grandchild")
    semaphore = Path("/dev/shm", f"sem.{(stage.folder / 'semaphore').read_text().removeprefix('/')}")  # noqa: S108
    assert semaphore.exists()
    getattr(supervisor, how)()
    supervisor.communicate(timeout=PATIENCE)
    wait_for(lambda: not stage.left(), "all processes to end")
    assert not semaphore.exists()


def test_a_second_ctrl_c_does_not_wait(stage: Stage) -> None:
    supervisor = stage.supervisor(stop=1000, deaf=f"{DEAF} {WITH_CHILDREN} {STAYS}")
    stage.pid_of("grandchild")
    supervisor.send_signal(signal.SIGINT)
    time.sleep(0.3)
    supervisor.send_signal(signal.SIGINT)
    supervisor.communicate(timeout=PATIENCE)
    assert not stage.left()


def test_nothing_survives_a_killed_supervisor_and_the_next_one_starts(stage: Stage) -> None:
    first = stage.supervisor(stop=0.5, one=f"{DEAF} {WITH_CHILDREN} {STAYS}")
    one, grandchild = stage.pid_of("one"), stage.pid_of("grandchild")
    first.kill()
    stage.supervisor(one=STAYS)
    stage.pid_of("one", other_than=one)
    assert not is_alive(one)
    assert not is_alive(grandchild)
