"""A person's YAML file as nodes, which know their lines: read within bounds, refused with the line and the reason.

What may stand in which file is for its reader to say, who names the error that is raised.
"""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import ClassVar, NoReturn

import yaml

from stats_assets.mendable import reason_of

_NAME = re.compile("[a-z][a-z0-9_]{0,40}")


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
        raise error(f"{source}: {what} can't be read: {reason_of(unread, source)}") from unread
    raise error(f"{source}: of more than {most >> 10} KB, which is {nothing}")


class Reader:
    """What the readers of all such files have in common. Each method raises the reader's error, with the line."""

    error: ClassVar[type[ValueError]]

    def __init__(self, source: str) -> None:
        self._source = source

    def root(self, text: str) -> yaml.Node | None:
        """The file's root; None: it is empty. Scalars stay text."""
        try:
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as fault:
            mark = fault.problem_mark or fault.context_mark
            line = f":{mark.line + 1}" if mark else ""
            raise self.error(f"{self._source}{line}: not YAML: {fault.problem}") from fault
        except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as fault:
            raise self.error(f"{self._source}:1: not YAML: {fault}") from fault

    def mapping(
        self, node: yaml.Node, what: str, keys: tuple[str, ...] | None = None
    ) -> dict[str, yaml.Node]:
        """Its values by their keys, of which each is among `keys`, and stands once."""
        entries: dict[str, yaml.Node] = {}
        for key_node, value in self.pairs(node, what):
            key = self.text(key_node)
            if keys is not None and key not in keys:
                self.refuse(key_node, f"`{key}` is not known in {what}; one of: {', '.join(keys)}")
            if key in entries:
                self.refuse(key_node, f"`{key}` stands twice in {what}")
            entries[key] = value
        return entries

    def pairs(self, node: yaml.Node, what: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Keys and values as they stand there."""
        if not isinstance(node, yaml.MappingNode):
            self.refuse(node, f"{what} must be a mapping (key: value)")
        yield from node.value

    def items(self, node: yaml.Node) -> list[yaml.Node]:
        """The entries of a list that isn't empty."""
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self.refuse(node, "a list with at least one entry was expected")
        return list(node.value)

    def one_of(self, node: yaml.Node, known: tuple[str, ...]) -> str:
        """A word among those that are known."""
        text = self.text(node)
        if text not in known:
            self.refuse(node, f"`{text}` is not known here; one of: {', '.join(known)}")
        return text

    def name(self, name: str, node: yaml.Node) -> str:
        """A word that can be a column's name."""
        if not _NAME.fullmatch(name):
            self.refuse(node, f"`{name}` can't be a name: lower-case letters, digits, _ only, a letter first")
        return name

    def number(self, node: yaml.Node) -> Decimal:
        """Above 0."""
        text = self.text(node)
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal(0)
        if not number.is_finite() or not 0 < number < 10**15:
            self.refuse(node, f"`{text}`: a number above 0 was expected")
        return number

    def text(self, node: yaml.Node) -> str:
        """A word, or several."""
        if not isinstance(node, yaml.ScalarNode) or not self.is_text(node.value):
            self.refuse(node, "a word was expected")
        return str(node.value)

    def is_text(self, value: str) -> bool:
        """Whether a scalar says something that can be shown."""
        return bool(value.strip()) and value.isprintable()

    def refuse(self, node: yaml.Node, reason: str) -> NoReturn:
        """Raise the error: `file:line: reason`."""
        raise self.error(f"{self._source}:{node.start_mark.line + 1}: {reason}")
