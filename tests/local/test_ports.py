"""Ports that a stack can't have: a sentence that names the option, exit code 2, nothing left behind."""

import shutil
import socket
from pathlib import Path

import pytest

from stats_assets.local.dagster_programs import reserve
from stats_assets.local.demo import run_demo
from stats_assets.local.stack import StackError, port_held
from tests.conftest import Run
from tests.ports import free_ports

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("value", ["0", "-1", "65536", "9" * 30, "abc", ""])
def test_what_is_no_port(value: str, run: Run, project: Path) -> None:
    for command, option in (("dev", "--port"), ("demo", "--feed-port")):
        answer = run(command, f"{option}={value}")
        assert (answer.returncode, answer.stdout) == (2, "")
        assert f"Invalid value for '{option}': " in answer.stderr
    assert {path.name for path in project.iterdir()} == {"dagster.yaml"}


@pytest.mark.parametrize(
    ("command", "option"),
    [(("dev",), "--port"), (("demo",), "--feed-port"), (("demo", "--feed-only"), "--feed-port")],
)
def test_a_port_that_is_taken(command: tuple[str, ...], option: str, run: Run, project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = run(*command, option, str(port))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert f"Port {port} is in use by another program. Choose another with {option}." in answer.stderr


def test_one_port_for_two(run: Run, project: Path) -> None:
    answer = run("demo", "--port", "8090")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "--port and --feed-port are both 8090" in answer.stderr
    with pytest.raises(StackError, match="both"):
        run_demo(4000, 4000)


def test_a_port_that_is_not_for_this_user(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = socket.socket.bind

    def refusing(own: socket.socket, address: object) -> None:
        if isinstance(address, tuple):
            raise PermissionError(13, "Permission denied")
        bind(own, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "bind", refusing)
    with pytest.raises(StackError, match=r"Port 80 is not for this user.*--port"), port_held(80, "--port"):
        pass
    monkeypatch.undo()
    held = reserve(free_ports(1)[0])
    assert held is not None
    held.close()
