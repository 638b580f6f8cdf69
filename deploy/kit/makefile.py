"""What make has made of config-aws.mk: it reads `$` and `#` as its own, and what it takes away is not in the value."""

import os
import re
import subprocess
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from deploy.kit.variables import AWS, LOCAL

LINE = re.compile(r"^[ ]*(?:export[ ]+|override[ ]+)*(\w+)[ \t]*(?::{0,3}|\?|\+)=[ \t]*(.*)$")
COMMENT = re.compile(r"(?<!\\)#.*$")
REFERENCE = re.compile(r"\$[({](\w+)[)}]")
CALL = re.compile(r"\$[({][a-z]+ .*$")
"""Such as $(shell pass show stats)."""
OTHERS = {"CONTAINERS", *AWS, *LOCAL}
"""What may stand in either file; and what begins with AWS_ may be AWS's."""


def values(folder: Path, names: Mapping[str, object]) -> dict[str, str]:
    """What make has for these names, for a step that make does not call; empty: without make or config-aws.mk."""
    if not (folder / "config-aws.mk").exists():
        return {}
    told = ["make", "--silent", "--no-print-directory", "-C", str(folder), "variables"]
    try:
        done = subprocess.run(told, capture_output=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return {}
    found = dict(os.fsdecode(one).split("=", 1) for one in done.stdout.split(b"\0") if b"=" in one)
    return {name: found[name] for name in (*names, "CONTAINERS") if name in found}


def complaints(path: Path, names: Mapping[str, object], environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable of these names whose line make does not take as it is written; never its value."""
    if not path.exists():
        return []
    wrong = []
    text = path.read_text()
    known = {*environment} | {found[1] for line in text.splitlines() if (found := LINE.match(line))}
    used = {*REFERENCE.findall(text)}
    for line in text.splitlines():
        found = LINE.match(line)
        if found and found[1] in names:
            wrong += _complaints(found[1], found[2], known)
        elif found and found[1] not in used and (meant := _meant(found[1], names)):
            wrong.append(f"{found[1]} is no variable of the kit. Did you mean {meant}?")
    return wrong


def _meant(name: str, names: Mapping[str, object]) -> str:
    """The variable that the name is nearly; empty: it is a name of its own."""
    near = get_close_matches(name, [*names], 1, 0.87 if name.startswith("AWS_") else 0.8)
    return near[0] if near and name not in OTHERS else ""


def _complaints(name: str, raw: str, known: set[str]) -> list[str]:
    wrong = []
    comment = COMMENT.search(raw)
    value = raw[: comment.start()] if comment else raw
    if comment and comment.start() and not raw[comment.start() - 1].isspace():
        wrong.append(
            f"{name} has a #, from which on make reads a comment. Write %23 in a URL, and \\# elsewhere"
        )
    left = REFERENCE.sub(lambda one: "" if one[1] in known else one[0], CALL.sub("", value.replace("$$", "")))
    if "$" in left:
        wrong.append(
            f"{name} has a $, which make reads as a variable of its own. Write %24 in a URL, and $$ elsewhere"
        )
    if value.rstrip().endswith("\\"):
        wrong.append(f"{name} ends in a \\, which make reads as: goes on in the next line")
    return wrong
