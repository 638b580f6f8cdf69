"""A person's YAML file as nodes, which know their lines: read within bounds, refused with the line and the reason.

What may stand in which file is for its reader to say, who names the error that is raised.
"""

from importlib.resources.abc import Traversable
from pathlib import Path

import yaml


def text_of(
    source: Path | Traversable, what: str, most: int, nothing: str, error: type[ValueError], /
) -> str:
    """The text of `what` ("the unions file"); of more than `most` bytes it is `nothing` ("no file of unions")."""
    try:
        with source.open("rb") as file:
            content = file.read(most + 1)
        if len(content) <= most:
            return content.decode()
    except (OSError, ValueError) as unread:
        raise error(f"{source}: {what} can't be read: {unread}") from unread
    raise error(f"{source}: of more than {most >> 10} KB, which is {nothing}")


def root_of(text: str, source: str, error: type[ValueError], /) -> yaml.Node | None:
    """Its root; None: the file is empty. Scalars stay text."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise error(f"{source}{line}: not YAML: {fault.problem}") from fault
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as fault:
        raise error(f"{source}:1: not YAML: {fault}") from fault
