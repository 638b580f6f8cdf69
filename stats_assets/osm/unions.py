"""UNIONS_FILE: virtual hashtags, each of all hashtags that fit its patterns (`hotosm: [hotosm-*, hotasia]`).

Here: the YAML, read with its lines. How a union is kept is database/statistics/unions.py's.
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from stats_assets.lined_yaml import Reader, text_of
from stats_assets.mendable import Mendable

MOST, LONGEST = 100, 200
"""Unions of a file, and patterns of one; letters of a name or a pattern."""
MOST_BYTES = 1 << 18
NEVER = frozenset("\\'!\"#$%(),./;<=>?@[]^{|}~")
"""Signs that no hashtag holds (docs/definitions.md, section 6)."""

Unions = Mapping[str, tuple[str, ...]]


class UnionsError(Mendable, ValueError):
    """A unions file that can't be used: `file:line: reason`."""


def load_unions(path: Path | None) -> Unions:
    """Name → patterns; a name without `*` is a pattern of its own. Without a file there are none. Raises
    UnionsError.
    """
    if path is None:
        return {}
    text = text_of(path, "the unions file", MOST_BYTES, "no file of unions", UnionsError)
    return _Reader(str(path)).read(text)


class _Reader(Reader):
    error = UnionsError

    def read(self, text: str) -> Unions:
        root = self.root(text)
        if root is None:
            return {}
        if not isinstance(root, yaml.MappingNode):
            self.refuse(root, "names with their patterns were expected (`hotosm: [hotosm-*]`)")
        if len(root.value) > MOST:
            self.refuse(root, f"there are more than {MOST} unions")
        found: dict[str, tuple[str, ...]] = {}
        for key, value in root.value:
            name = self._word(key, "a name")
            if name in found:
                self.refuse(key, f"`{name}` stands twice")
            found[name] = self._patterns(name, value)
        return found

    def _patterns(self, name: str, node: yaml.Node) -> tuple[str, ...]:
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not items or len(items) > MOST:
            self.refuse(node, f"`{name}` needs 1 to {MOST} patterns")
        patterns = [self._word(item, "a pattern") for item in items]
        for item, pattern in zip(items, patterns, strict=True):
            if not pattern.replace("*", ""):
                self.refuse(item, f"`{pattern}` would be all hashtags")
        return tuple(dict.fromkeys((*patterns, *(() if "*" in name else (name,)))))

    def _word(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            self.refuse(node, f"{what} was expected")
        text = str(node.value)
        if text != text.lower() or NEVER & set(text) or any(c.isspace() or not c.isprintable() for c in text):
            self.refuse(
                node, f"`{text[:LONGEST]}`: {what} is lower case, without #, other such signs and white space"
            )
        if len(text) > LONGEST:
            self.refuse(node, f"{what} has at most {LONGEST} letters")
        return text
