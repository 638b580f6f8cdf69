"""What make has made of config-aws.mk: it reads `$` and `#` as its own, and what it takes away is not in the value."""

import re
from collections.abc import Mapping
from pathlib import Path

LINE = re.compile(r"^[ ]*(?:export[ ]+|override[ ]+)*(\w+)[ \t]*(?::{0,3}|\?|\+)=[ \t]*(.*)$")
COMMENT = re.compile(r"(?<!\\)#.*$")
REFERENCE = re.compile(r"\$[({](\w+)[)}]")
CALL = re.compile(r"\$[({][a-z]+ .*$")
"""Such as $(shell pass show stats)."""


def complaints(path: Path, names: Mapping[str, object], environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable of these names whose line make does not take as it is written; never its value."""
    if not path.exists():
        return []
    wrong = []
    known = {*environment} | {
        found[1] for line in path.read_text().splitlines() if (found := LINE.match(line))
    }
    for line in path.read_text().splitlines():
        found = LINE.match(line)
        if found and found[1] in names:
            wrong += _complaints(found[1], found[2], known)
    return wrong


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
