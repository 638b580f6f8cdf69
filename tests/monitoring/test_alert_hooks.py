"""The alert hooks with a real command and a real server: what they are given, and how each of their failures reads."""

import json
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stats_assets.monitoring.alert_hooks import Command, Hook, HookFailed, Webhook, hooks_of, without_secrets
from stats_assets.monitoring.alerts import Message
from stats_assets.settings import Settings, SettingsError, load_settings
from tests.feeds.conftest import FeedServer
from tests.pids import with_variable

HOSTILE = 'a\'; touch made "$(touch made)" `touch made` \\ \u2028 é'
MESSAGE = Message(
    HOSTILE, {"change": "began", "key": "a: b", "at": datetime(2026, 1, 1, tzinfo=UTC).isoformat()}
)
SECRET = "/services/T0SECRET0/B0/xyzzysecret"  # noqa: S105 - a test's
SHORT = 0.5  # seconds of a hook's limit here


@pytest.fixture
def server() -> Iterator[FeedServer]:
    made = FeedServer()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def script(text: str, name: str = "hook") -> Path:
    path = Path(name)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def failure(hook: Hook) -> str:
    with pytest.raises(HookFailed) as raised:
        hook.deliver(MESSAGE)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_command_gets_the_message_and_no_shell_reads_it(folder: Path) -> None:
    code = "import os, sys; open('in', 'wb').write(sys.stdin.buffer.read());"
    code += " open('text', 'w').write(os.environ['ALERT_TEXT']); open('args', 'w').write(repr(sys.argv[1:]))"
    words = f'{sys.executable} -c "{code}" "two words" $HOME "`touch made`" "; touch made"'
    Command(words).deliver(MESSAGE)
    assert json.loads((folder / "in").read_bytes()) == {"text": HOSTILE} | MESSAGE.facts
    assert (folder / "text").read_text() == HOSTILE
    assert eval((folder / "args").read_text()) == ["two words", "$HOME", "`touch made`", "; touch made"]  # noqa: S307
    assert not (folder / "made").exists()


@pytest.mark.parametrize("where", [".", ".demo", ".demo/real-0123abcd"])
def test_a_relative_path_in_it_is_the_projects_from_the_demo_too(
    folder: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script("#!/bin/sh\necho it >> made\n")
    (folder / where).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder / where)
    for words in ("./hook", "sh hook", f"{sys.executable} -c 'import os; os.system(\"./hook\")'"):
        Command(words).deliver(MESSAGE)
    assert (folder / "made").read_text() == 3 * "it\n"


def test_what_does_not_read_and_what_leaves_something_running_is_not_waited_for() -> None:
    Command("true").deliver(MESSAGE)
    began = time.monotonic()
    hook = script("#!/bin/sh\nexec 0<&-\necho hello\nsleep 600 &\n")
    os.environ["A_MARK_OF_THIS_TEST"] = mark = f"{os.getpid()}"
    try:
        Command(f"./{hook}", limit=300).deliver(MESSAGE)
    finally:
        del os.environ["A_MARK_OF_THIS_TEST"]
    assert time.monotonic() - began < 300
    for pid in with_variable("A_MARK_OF_THIS_TEST", mark):
        os.kill(pid, 9)


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (None, 0, "there is no program ./hook"),
        ("#!/no/such/interpreter\n", 0o700, "there is no program ./hook, or what it is run by"),
        ("#!/bin/sh\n", 0o600, "./hook can't be run: Permission denied"),
        ("no program\n", 0o700, "./hook can't be run: Exec format error"),
        ("#!/bin/sh\nexit 3\n", 0o700, "./hook ended with code 3"),
        ("#!/bin/sh\necho out; echo 'no such\nhost' >&2; exit 1\n", 0o700, "code 1, saying: out no such host"),
        ("#!/bin/sh\nkill -9 $$\n", 0o700, "./hook was ended by SIGKILL"),
        ("#!/bin/sh\nyes | head -c 5000000; echo the end; exit 1\n", 0o700, "y y the end"),
        ("#!/bin/sh\necho https://me:hunter2@host/; exit 1\n", 0o700, "saying: https://***@host/"),
    ],
)  # fmt: skip
def test_a_command_that_fails(text: str | None, mode: int, said: str) -> None:
    if text is not None:
        script(text).chmod(mode)
    told = failure(Command("./hook"))
    assert told.startswith("ALERT_COMMAND: ")
    assert said in told
    assert len(told) < 700
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "what",
    [
        "sleep 600",
        "sleep 600 & wait",
        "exec >&- 2>&-; sleep 600",
        "trap '' TERM HUP INT; while :; do sleep 1; done",
        "yes",
    ],
)
def test_a_command_that_hangs_is_killed_with_all_of_its_own(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_MARK_OF_THIS_TEST", f"{os.getpid()} {what}")
    script(f"#!/bin/sh\n{what}\n")
    assert f"./hook did not end in {SHORT:g} s, and was killed" in failure(Command("./hook", limit=SHORT))
    until = time.monotonic() + 60
    while with_variable("A_MARK_OF_THIS_TEST", f"{os.getpid()} {what}"):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_web_address_gets_json_with_a_text(server: FeedServer) -> None:
    server.answer(SECRET, b"ok")
    Webhook(server.url + SECRET, "me").deliver(MESSAGE)
    [body] = server.posted[SECRET]
    assert json.loads(body) == {"text": HOSTILE} | MESSAGE.facts
    [headers] = server.requests[SECRET]
    assert (headers["Content-Type"], headers["User-Agent"]) == ("application/json", "me")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_has_delivered(server: FeedServer, status: int) -> None:
    server.answer(SECRET, b"" if status == 204 else b"x" * 100_000, status)
    Webhook(server.url + SECRET, "me").deliver(MESSAGE)


@pytest.mark.parametrize(
    ("reply", "said", "wait"),
    [
        ({"status": 404, "body": b"no_service"}, "it answered 404 Not Found, saying: no_service", None),
        ({"status": 500}, "it answered 500 Internal Server Error", None),
        ({"status": 599, "body": b"x" * 10_000_000}, "it answered 599, saying: xxx", None),
        ({"status": 429, "headers": {"Retry-After": "120"}}, "it answered 429 Too Many Requests", 120),
        ({"status": 503, "headers": {"Retry-After": "nonsense"}}, "it answered 503", None),
        ({"status": 302, "headers": {"Location": "/elsewhere"}}, "302 Found, which leads to another address", None),
        ({"status": 307, "headers": {"Location": SECRET}}, "307 Temporary Redirect, which leads", None),
        ({"status": 403, "body": f"bad {SECRET} xyzzysecret".encode()}, "403 Forbidden, saying: bad ***", None),
        ({"silent": True}, "no answer (RemoteDisconnected", None),
        ({"stall": 600}, f"no answer within {SHORT:g} s", None),
        ({"drip": 0.2, "slow_headers": True}, f"no answer within {SHORT:g} s", None),
    ],
)  # fmt: skip
def test_a_web_address_that_fails(
    server: FeedServer, reply: dict[str, object], said: str, wait: float | None
) -> None:
    server.answer(SECRET, **reply)  # type: ignore[arg-type]
    slow = "stall" in reply or "drip" in reply
    with pytest.raises(HookFailed) as raised:
        Webhook(server.url + SECRET, "me", limit=SHORT if slow else 60).deliver(MESSAGE)
    told = str(raised.value)
    assert told.startswith("ALERT_URL: http://127.0.0.1: ")
    assert said in told
    assert raised.value.retry_after == wait
    assert "SECRET" not in told
    assert "xyzzy" not in told
    assert server.requests["/elsewhere"] == []


def test_a_slow_page_of_an_error_ends_too(server: FeedServer) -> None:
    server.answer(SECRET, b"x" * 10_000, 500, drip=0.2)
    assert "500" in failure(Webhook(server.url + SECRET, "me", limit=SHORT))


def test_a_server_that_is_not_there_and_one_without_tls(server: FeedServer) -> None:
    server.answer(SECRET)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{held.getsockname()[1]}{SECRET}?token=hunter2"
        told = [failure(Webhook(nobody, "me"))]
    told.append(failure(Webhook(server.url.replace("http:", "https:") + SECRET, "me")))
    told.append(failure(Webhook(f"https://me:hunter2@no-such-host.invalid{SECRET}", "me")))
    assert "Connection refused" in told[0]
    assert "SSL" in told[1]
    assert "https://no-such-host.invalid: no answer (" in told[2]
    for one in told:
        assert "SECRET" not in one
        assert "hunter2" not in one


def test_of_an_address_nothing_is_said_but_its_host() -> None:
    url = "https://user:p%40ss@host.example/services/T000/abcdefgh?token=xyzzy12&tpl=yes"
    told = without_secrets(f"{url} p@ss p%40ss abcdefgh xyzzy12 /services/T000/abcdefgh host.example", url)
    assert told == "*** *** *** *** *** *** host.example"


def test_none_is_set(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hooks_of(load_settings()) == []
    monkeypatch.setenv("ALERT_COMMAND", "mail -s alert me")
    monkeypatch.setenv("ALERT_URL", server.url + SECRET)
    settings = load_settings()
    assert [hook.name for hook in hooks_of(settings)] == ["ALERT_COMMAND", "ALERT_URL"]
    assert "SECRET" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERT_COMMAND", "echo 'hunter2"),
        ("ALERT_COMMAND", "   "),
        ("ALERT_COMMAND", "\\"),
        ("ALERT_URL", "hooks.slack.com/services/hunter2"),
        ("ALERT_URL", "ftp://host/hunter2"),
        ("ALERT_URL", "https:///hunter2"),
        ("ALERT_URL", "https://host:99999/hunter2"),
        ("ALERT_URL", "https://host:port/hunter2"),
        ("ALERT_URL", "https://[host/hunter2"),
        ("ALERT_URL", "https://host/hunter2 and more"),
        ("ALERT_URL", "https://host/hunter2\n"),
    ],
)
def test_a_setting_that_can_t_be_used_is_named_and_not_repeated(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as raised:
        load_settings()
    assert "hunter2" not in str(raised.value)
    monkeypatch.setenv(name, "")
    assert hooks_of(load_settings()) == []
    assert name.lower() in Settings.model_fields
