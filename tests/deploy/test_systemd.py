"""The units for one machine: systemd takes them, their commands are ours, and what they may is little."""

import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from deploy.kit.render import HERE
from stats_assets.cli.main import app
from tests.deploy.test_templates import parse

UNITS = sorted((HERE / "systemd").glob("*.service"))
HOME = "/srv/stats-assets"
SAFE = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "CapabilityBoundingSet": "",
    "User": "stats",
    "Restart": "always",
}


def unit(path: Path) -> ConfigParser:
    """Its sections; raises where a name stands twice in one, but for the filter of calls."""
    found = ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#")
    found.optionxform = str  # type: ignore[assignment,method-assign]
    text = path.read_text()
    found.read_string(text.replace("SystemCallFilter=~", "SystemCallFilterWithout=~"))
    return found


@pytest.mark.parametrize("path", UNITS, ids=lambda one: one.stem)
def test_its_command_is_taken_and_it_may_little(path: Path) -> None:
    service = unit(path)["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program == f"{HOME}/.venv/bin/stats-assets"
    program_itself: Any = get_command(app)  # typer has a click of its own
    parse(program_itself, "stats-assets", words)
    assert {name: service[name] for name in SAFE} == SAFE
    assert "RemoveIPC" not in service, "an embedded PostgreSQL of the same user would lose its memory"
    assert "sched" not in service.get("SystemCallFilterWithout", ""), "serve asks for its limit of files"


def test_the_public_one_writes_nowhere() -> None:
    has = {path.stem: unit(path)["Service"].get("ReadWritePaths") for path in UNITS}
    assert has == {"stats-assets": HOME, "stats-assets-pages": None}


def test_systemd_takes_them(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze here")
    bin_ = tmp_path / ".venv" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "stats-assets").write_text("#!/bin/sh\n")
    (bin_ / "stats-assets").chmod(0o755)
    for path in UNITS:
        (tmp_path / path.name).write_text(path.read_text().replace(HOME, str(tmp_path)))
    files = [str(tmp_path / path.name) for path in UNITS]
    done = subprocess.run([program, "verify", *files], capture_output=True, text=True, check=False)  # noqa: S603
    about = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "stats-assets" in line]
    assert (done.returncode, about) == (0, [])


def test_its_page_names_what_is_there() -> None:
    page = (HERE / "systemd" / "README.md").read_text()
    assert set(re.findall(r"\]\((stats-assets[\w.-]*)\)", page)) == {path.name for path in UNITS}
    ports = {re.search(r"port (\d+)$", unit(path)["Service"]["ExecStart"])[1] for path in UNITS}  # type: ignore[index]
    assert all(port in page for port in ports)
