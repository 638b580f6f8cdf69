"""MILESTONES_FILE: what can be reached, by rules in YAML. The packaged one's head explains its form.

Here: reading it, with its lines. Who has reached what is database/statistics/milestones.py's.
"""

import re
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple, NoReturn

import yaml

from stats_assets.lined_yaml import root_of, text_of
from stats_assets.mendable import Mendable

PACKAGED = Path(str(files("stats_assets") / "milestones" / "default.yaml"))
METRICS = {
    "user": (
        *("days", "months", "days_in_a_row", "returns", "countries", "hashtags", "categories", "editors"),
        *("changesets_with", "sum"),
    ),
    "hashtag": ("people", "days", "months", "sum"),
}
WITH_KEYS = ("sum", "changesets_with")
WITH_LEAST = ("returns", "countries", "hashtags")
MOST, MOST_BYTES = 100, 1 << 18
_NAME = re.compile("[a-z][a-z0-9_]{0,40}")


class MilestonesError(Mendable, ValueError):
    """A milestones file that can't be used: `file:line: reason`."""


class Rule(NamedTuple):
    """An entry of the file."""

    name: str
    owner: str
    metric: str
    keys: tuple[str, ...]
    least: Decimal
    levels: tuple[Decimal, ...]


def load_milestones(path: Path | None) -> tuple[Rule, ...]:
    """The rules of the file, or the packaged ones. Raises MilestonesError."""
    source = path or PACKAGED
    text = text_of(source, "the milestones file", MOST_BYTES, "no file of milestones", MilestonesError)
    return _Reader(str(source)).read(text)


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source

    def read(self, text: str) -> tuple[Rule, ...]:
        root = root_of(text, self._source, MilestonesError)
        if root is None:
            return ()
        entries = self._mapping(root, "the file")
        if len(entries) > MOST:
            self._refuse(root, f"there are more than {MOST} milestones")
        return tuple(self._rule(name, node) for name, node in entries.items())

    def _rule(self, name: str, node: yaml.Node) -> Rule:
        if not _NAME.fullmatch(name):
            self._refuse(
                node, f"`{name}` can't be a name: lower-case letters, digits, _ only, a letter first"
            )
        given = self._mapping(node, f"`{name}`", ("of", "metric", "keys", "least", "levels"))
        for needed in ("metric", "levels"):
            if needed not in given:
                self._refuse(node, f"`{name}` needs `{needed}`")
        owner = self._one_of(given["of"], tuple(METRICS)) if "of" in given else "user"
        metric = self._one_of(given["metric"], METRICS[owner])
        for key, metrics in (("keys", WITH_KEYS), ("least", WITH_LEAST)):
            if (key in given) != (metric in metrics):
                said = "needs" if metric in metrics else "has no"
                self._refuse(node, f"`{name}`: the metric {metric} {said} `{key}`")
        keys = tuple(self._text(item) for item in self._items(given["keys"])) if "keys" in given else ()
        least = self._number(given["least"]) if "least" in given else Decimal(1)
        levels = tuple(self._number(item) for item in self._items(given["levels"]))
        if list(levels) != sorted(set(levels)):
            self._refuse(given["levels"], f"`{name}`: levels rise")
        return Rule(name, owner, metric, keys, least, levels)

    def _mapping(self, node: yaml.Node, what: str, keys: tuple[str, ...] = ()) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, f"{what} must be a mapping (key: value)")
        entries: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = self._text(key_node)
            if keys and key not in keys:
                self._refuse(key_node, f"`{key}` is not known in {what}; one of: {', '.join(keys)}")
            if key in entries:
                self._refuse(key_node, f"`{key}` stands twice in {what}")
            entries[key] = value
        return entries

    def _items(self, node: yaml.Node) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode) or not 0 < len(node.value) <= MOST:
            self._refuse(node, f"a list of 1 to {MOST} was expected")
        return list(node.value)

    def _one_of(self, node: yaml.Node, known: tuple[str, ...]) -> str:
        text = self._text(node)
        if text not in known:
            self._refuse(node, f"`{text}` is not known here; one of: {', '.join(known)}")
        return text

    def _number(self, node: yaml.Node) -> Decimal:
        text = self._text(node)
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal(0)
        if not number.is_finite() or not 0 < number < 10**15:
            self._refuse(node, f"`{text}`: a number above 0 was expected")
        return number

    def _text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value or not node.value.isprintable():
            self._refuse(node, "a word was expected")
        return str(node.value)

    def _refuse(self, node: yaml.Node, reason: str) -> NoReturn:
        raise MilestonesError(f"{self._source}:{node.start_mark.line + 1}: {reason}")
