"""The alert hooks: a command of the operator's, and a web address of theirs. How each is given a message, within a
limit of time and output, and how its failure reads. What it is told, and when, is alerts.py's.
"""

import json
import os
import selectors
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
import urllib3

from stats_assets.feeds.deadlines import Deadline, DeadlineAdapter, cutting
from stats_assets.feeds.outcomes import masked
from stats_assets.feeds.second_try import seconds_to_wait
from stats_assets.mendable import cause_of
from stats_assets.monitoring.alerts import Message, one_line
from stats_assets.root import live_root
from stats_assets.settings import Settings

LIMIT = 20.0  # seconds for one message
HEARD = 2000  # bytes of what a hook says that are kept
SHOWN = 300  # characters of them that are said


class HookFailed(Exception):
    """The message was not delivered; the text says which hook, and why, without any secret of its address.

    retry_after: seconds for which its server wants to be left alone.
    """

    def __init__(self, hook: str, why: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(f"{hook}: {one_line(why)}")


class Hook(Protocol):
    """What is told of alerts."""

    name: str
    """The setting's."""

    def deliver(self, message: Message) -> None:
        """Raises HookFailed."""


def hooks_of(settings: Settings) -> list[Hook]:
    """Those that are set."""
    found: list[Hook] = []
    if settings.alert_command is not None:
        found.append(Command(settings.alert_command))
    if settings.alert_url is not None:
        found.append(Webhook(settings.alert_url, settings.user_agent))
    return found


class Command:
    """A program that gets the message as JSON on its standard input, and the text as ALERT_TEXT; by no shell.

    Relative paths in it begin at the project's root, for the demo, too. It has delivered when it ends with 0. At the
    time's end it is killed, with all that it has started in its group.
    """

    name = "ALERT_COMMAND"

    def __init__(self, command: str, *, limit: float = LIMIT) -> None:
        program, *arguments = shlex.split(command)
        with suppress(RuntimeError):  # ~somebody
            program = str(Path(program).expanduser()) if program.startswith("~") else program
        self._words = [program, *arguments]
        self._folder = live_root(Path.cwd())
        self._limit = limit

    def deliver(self, message: Message) -> None:
        """Raises HookFailed."""
        with tempfile.TemporaryFile() as given:  # who does not read it, or not all, is not waited for
            given.write(json.dumps(message.as_json(), ensure_ascii=False).encode() + b"\n")
            given.seek(0)
            try:
                process = subprocess.Popen(  # noqa: S603 - the operator's own command
                    self._words,
                    cwd=self._folder,
                    stdin=given,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env=os.environ
                    | {"ALERT_TEXT": message.text, "ALERT_CHANGE": str(message.facts["change"])},
                )
            except FileNotFoundError:
                raise HookFailed(
                    self.name, f"there is no program {self._words[0]}, or what it is run by"
                ) from None
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error)
                raise HookFailed(self.name, f"{self._words[0]} can't be run: {why}") from None
        try:
            said = self._listen(process)
        finally:
            if process.poll() is None:
                _kill(process)
            if process.stdout is not None:
                process.stdout.close()
        code = process.returncode
        if code != 0:
            how = f"ended with code {code}" if code > 0 else f"was ended by {_signal(-code)}"
            raise HookFailed(self.name, f"{self._words[0]} {how}{said}")

    def _listen(self, process: "subprocess.Popen[bytes]") -> str:
        """What it said last. Raises HookFailed when it does not end in time."""
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        out, until, heard = process.stdout.fileno(), time.monotonic() + self._limit, b""
        os.set_blocking(out, False)
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            # Not to the end of its output: what it leaves running may hold that open.
            while process.poll() is None:
                if time.monotonic() >= until:
                    _kill(process)
                    raise HookFailed(
                        self.name,
                        f"{self._words[0]} did not end in {self._limit:g} s, and was killed{_said(heard)}",
                    )
                if not selector.get_map():
                    time.sleep(0.02)
                elif selector.select(0.05):
                    chunk = os.read(out, 1 << 16)
                    heard = (heard + chunk)[-HEARD:]
                    if not chunk:
                        selector.unregister(out)
        with suppress(BlockingIOError):
            heard = (heard + os.read(out, 1 << 16))[-HEARD:]
        return _said(heard)


class Webhook:
    """An address that gets the message by POST, as JSON with `text`. It has delivered when the answer is a 2xx.

    It is not followed to another address: what is posted there would be lost, or read by others.
    """

    name = "ALERT_URL"

    def __init__(self, url: str, user_agent: str, *, limit: float = LIMIT) -> None:
        self._url = url
        self._user_agent = user_agent
        self._limit = limit

    def deliver(self, message: Message) -> None:
        """Raises HookFailed."""
        until = time.monotonic() + self._limit
        heard = b""
        try:
            with requests.Session() as session:
                for scheme in ("http://", "https://"):
                    session.mount(scheme, DeadlineAdapter(max_retries=0))
                answer = session.post(
                    self._url,
                    data=json.dumps(message.as_json()).encode(),
                    headers={"Content-Type": "application/json", "User-Agent": self._user_agent},
                    timeout=Deadline(until, self._limit / 2, self._limit),  # type: ignore[arg-type] # as in feeds/http_client.py
                    allow_redirects=False,
                    stream=True,
                )
                with answer, cutting(until - time.monotonic(), answer.raw.shutdown):
                    if not answer.ok or answer.is_redirect:
                        with suppress(urllib3.exceptions.HTTPError, OSError, ValueError):
                            heard = answer.raw.read(HEARD, decode_content=True) or b""
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if time.monotonic() >= until:
                raise self._failed(f"no answer within {self._limit:g} s") from None
            raise self._failed(f"no answer ({cause_of(error)})") from None
        if 200 <= answer.status_code < 300:
            return
        phrase = HTTPStatus(answer.status_code).phrase if answer.status_code in set(HTTPStatus) else ""
        what = f"it answered {answer.status_code} {phrase}".rstrip()
        if 300 <= answer.status_code < 400:
            raise self._failed(f"{what}, which leads to another address: name that one")
        raise self._failed(f"{what}{_said(heard)}", seconds_to_wait(answer.headers.get("Retry-After")))

    def _failed(self, why: str, retry_after: float | None = None) -> HookFailed:
        parts = urlsplit(self._url)
        shown = f"{parts.scheme}://{parts.hostname}"
        return HookFailed(self.name, f"{shown}: {without_secrets(why, self._url)}", retry_after)


def without_secrets(text: str, url: str) -> str:
    """The text, in which nothing of the address but its host is left: a webhook's path or password is all one needs."""
    for piece in sorted(set(_secrets(url)), key=len, reverse=True):
        text = text.replace(piece, "***")
    return text


def _secrets(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    whole = f"{parts.path}?{parts.query}"
    found = [url, whole, parts.path, parts.query, parts.fragment, parts.username or "", parts.password or ""]
    found += parts.path.split("/")
    found += [value for _, value in parse_qsl(parts.query)]
    for piece in found:
        yield from (
            one for one in (piece, unquote(piece), requests.utils.requote_uri(piece)) if len(one) >= 4
        )


def _said(heard: bytes) -> str:
    text = masked(one_line(heard.decode(errors="replace"), HEARD))
    return f", saying: {text[-SHOWN:]}" if text else ""


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _signal(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
