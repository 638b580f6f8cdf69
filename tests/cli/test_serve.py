"""`stats-assets serve`, called wrongly: sentences and exit codes. At work it is tests/web's and the drills'."""

import shutil
import socket
from pathlib import Path

import pytest

from stats_assets.local.stack import pages_port, shown, web_children
from stats_assets.settings import Settings, SettingsError, load_settings
from stats_assets.web.running import NotServing, check_public, listen
from tests.conftest import Run

PROJECT = Path(__file__).parents[2]


def test_what_it_cannot_serve_is_a_sentence(run: Run, tmp_path: Path) -> None:
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    refused = run("serve", "--host", "0.0.0.0", CONTACT="me@example.org")  # noqa: S104
    assert refused.returncode == 2
    assert "PEOPLE is not set" in refused.stderr
    assert "docs/operations.md" in refused.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run("serve", "--port", str(port))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert f"Port {port} is in use by another program. Choose another with --port." in answer.stderr


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1", "x" * 70, "2001:db8::1"])
def test_an_address_that_is_not_this_machine_s(host: str) -> None:
    with pytest.raises(NotServing, match=r"is no address of this machine"):
        listen(host, 0)


def test_a_public_server_must_say_what_it_shows_and_whom_to_ask() -> None:
    with pytest.raises(NotServing, match=r"PEOPLE and CONTACT are not set"):
        check_public(Settings(), "192.0.2.1")
    check_public(Settings(people="none", contact="https://example.org/contact"), "192.0.2.1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("people", "some"),
        ("contact", "me"),
        ("contact", "javascript:alert(1)"),
        ("contact", '"><script>@x'),
        ("contact", "https://"),
        ("answer_seconds", "0"),
        ("web_connections", "0"),
        ("limit_seconds", "-1"),
        ("trusted_proxies", "balancer"),
        ("trusted_proxies", "10.0.0.0/99"),
        ("deleted_users_url", "ftp://example.org/list"),
        ("deleted_users_url", "https://"),
    ],
)
def test_wrong_settings_are_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name.upper()):
        load_settings(**{name: value})


def test_a_port_that_is_taken_costs_the_pages_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pages_port(port) as pages:
            assert pages is None
        assert f"no pages and no API now: Port {port} is in use" in capsys.readouterr().err
    with pages_port(3000, 3000) as pages:
        assert pages is None
    assert "--web-port" in capsys.readouterr().err
    assert (shown(None), web_children(None, tmp_path, {})) == ({}, [])
    with pages_port(port) as pages:
        assert shown(pages) == {"Pages, API": f"http://127.0.0.1:{port}"}
        [child] = web_children(pages, tmp_path, {})
        assert child.optional
        assert child.argv[-3:] == ["serve", "--port", str(port)]
