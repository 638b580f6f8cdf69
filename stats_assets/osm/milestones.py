"""MILESTONES_FILE: what can be reached, by rules in YAML. The packaged one's head explains its form.

Here: reading it, with its lines. Who has reached what is database/statistics/milestones.py's.
"""

from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import yaml

from stats_assets.lined_yaml import Reader, text_of
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


class _Reader(Reader):
    error = MilestonesError

    def read(self, text: str) -> tuple[Rule, ...]:
        root = self.root(text)
        if root is None:
            return ()
        entries = self.mapping(root, "the file")
        if len(entries) > MOST:
            self.refuse(root, f"there are more than {MOST} milestones")
        return tuple(self._rule(name, node) for name, node in entries.items())

    def _rule(self, name: str, node: yaml.Node) -> Rule:
        self.name(name, node)
        given = self.mapping(node, f"`{name}`", ("of", "metric", "keys", "least", "levels"))
        for needed in ("metric", "levels"):
            if needed not in given:
                self.refuse(node, f"`{name}` needs `{needed}`")
        owner = self.one_of(given["of"], tuple(METRICS)) if "of" in given else "user"
        metric = self.one_of(given["metric"], METRICS[owner])
        for key, metrics in (("keys", WITH_KEYS), ("least", WITH_LEAST)):
            if (key in given) != (metric in metrics):
                said = "needs" if metric in metrics else "has no"
                self.refuse(node, f"`{name}`: the metric {metric} {said} `{key}`")
        keys = tuple(self.text(item) for item in self.items(given["keys"])) if "keys" in given else ()
        least = self.number(given["least"]) if "least" in given else Decimal(1)
        levels = tuple(self.number(item) for item in self.items(given["levels"]))
        if list(levels) != sorted(set(levels)):
            self.refuse(given["levels"], f"`{name}`: levels rise")
        return Rule(name, owner, metric, keys, least, levels)

    def items(self, node: yaml.Node) -> list[yaml.Node]:
        """Not more than people can look at."""
        entries = super().items(node)
        if len(entries) > MOST:
            self.refuse(node, f"a list of 1 to {MOST} was expected")
        return entries
