"""Categories: which features are roads, buildings, …, and what of them is measured (docs/definitions.md, section 3).

Here: the YAML table, and classifying tags by it. Not here: what a length or an area is (geometry, measures).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import yaml

from stats_assets.lined_yaml import Reader, text_of
from stats_assets.mendable import Mendable
from stats_assets.osm.caching import LONGEST, remembered
from stats_assets.osm.values import storable

ELEMENTS = ("node", "way", "relation")
MOST = 1 << 18
"""Bytes of a file, a hundred times the packaged one: YAML takes seconds for each MB before it can be refused."""
_RULE_KEYS = ("elements", "any", "except", "otherwise", "length", "area")


class CategoriesError(Mendable, ValueError):
    """A categories file that can't be used: `file:line: reason`."""


# Parts of a value that say nothing: a key without any other is as if it were not there.
_NOTHING = frozenset(("", "no"))


@remembered(4096)
def parts(value: str) -> tuple[str, ...]:
    """A tag value's parts as they are compared: lower-cased, split on `;`, trimmed (docs/definitions.md, section 3)."""
    return tuple(part.strip() for part in value.lower().split(";"))


@dataclass(frozen=True)
class Condition:
    """A key with a value among `values`, or, negated, with one that is not among them; None: any value.

    Empty parts and `no` are no values, unless `values` names `no` itself.
    """

    key: str
    values: frozenset[str] | None = None
    negated: bool = False

    def holds(self, value: str) -> bool:
        if self.values is None:
            return not _NOTHING.issuperset(parts(value))
        if self.negated:
            return not (self.values | _NOTHING).issuperset(parts(value))
        return not self.values.isdisjoint(parts(value))


@dataclass(frozen=True)
class Category:
    """An entry of the categories file; its head explains them."""

    name: str
    elements: tuple[str, ...] = ELEMENTS
    any: tuple[Condition, ...] = ()
    exceptions: tuple[str, ...] = ()
    otherwise: bool = False
    length: str | None = None
    area: str | None = None


class Categories:
    """The table. `hash` is that of its meaning: comments, order and layout don't matter."""

    def __init__(self, categories: tuple[Category, ...]) -> None:
        self.categories = {category.name: category for category in categories}
        self.otherwise = next((category.name for category in categories if category.otherwise), None)
        self._rules: dict[str, dict[str, list[tuple[str, Condition]]]] = {kind: {} for kind in ELEMENTS}
        for category in categories:
            for condition in category.any:
                for kind in category.elements:
                    self._rules[kind].setdefault(condition.key, []).append((category.name, condition))
        self._known = lru_cache(maxsize=4096)(self._named)
        self._settled = lru_cache(maxsize=1000)(self._settle)
        meaning = sorted(_meaning(category) for category in categories)
        self.hash = hashlib.sha256(json.dumps(meaning).encode()).hexdigest()

    @classmethod
    def load(cls, path: Path | str | None = None) -> "Categories":
        """The packaged table, or the one at `path`. Raises CategoriesError."""
        source = files("stats_assets.osm") / "data" / "categories.yaml" if path is None else Path(path)
        text = text_of(source, "the categories file", MOST, "no table of categories", CategoriesError)
        return cls(_Reader(str(source)).read(text))

    def of(self, element: str, tags: Mapping[str, str]) -> tuple[str, ...]:
        """The names of the categories that an element (node, way, relation) with these tags is in."""
        rules = self._rules[element]
        found: list[str] = []
        for key, value in tags.items():
            if key in rules:
                found += (self._known if len(value) <= LONGEST else self._named)(element, key, value)
        if not found:
            return (self.otherwise,) if self.otherwise is not None and tags else ()
        return self._settled(tuple(found))

    def _named(self, element: str, key: str, value: str) -> tuple[str, ...]:
        return tuple(name for name, condition in self._rules[element][key] if condition.holds(value))

    def _settle(self, found: tuple[str, ...]) -> tuple[str, ...]:
        exceptions = {name: self.categories[name].exceptions for name in found}
        return tuple(sorted(name for name in exceptions if not any(e in found for e in exceptions[name])))


def _meaning(category: Category) -> list[object]:
    conditions = sorted(
        [c.key, sorted(c.values) if c.values is not None else None, c.negated] for c in category.any
    )
    return [
        category.name,
        sorted(category.elements),
        conditions,
        sorted(category.exceptions),
        category.otherwise,
        category.length,
        category.area,
    ]


class _Reader(Reader):
    """Scalars stay text: `no` is a value here, not a bool."""

    error = CategoriesError

    def read(self, text: str) -> tuple[Category, ...]:
        root = self.root(text)
        if root is None:
            raise CategoriesError(f"{self._source}:1: the file is empty; `categories:` was expected")
        table = self.mapping(root, "the file", ("categories",))
        if "categories" not in table:
            self.refuse(root, "`categories:` is missing")
        entries = self.mapping(table["categories"], "`categories`")
        if not entries:
            self.refuse(table["categories"], "there is no category")
        categories = tuple(self._category(name, node, entries) for name, node in entries.items())
        self._check_names(categories, entries)
        return categories

    def _check_names(self, categories: tuple[Category, ...], nodes: Mapping[str, yaml.Node]) -> None:
        measured: set[str] = set()
        for category in categories:
            for name in filter(None, (category.length, category.area)):
                if name in measured or name in nodes:
                    node = nodes[category.name]
                    self.refuse(node, f"`{name}` is used twice; each measure needs its own name")
                measured.add(name)
        rest = [category.name for category in categories if category.otherwise]
        if len(rest) > 1:
            self.refuse(nodes[rest[1]], f"`otherwise` is already said of `{rest[0]}`")

    def _category(self, name: str, node: yaml.Node, names: Mapping[str, yaml.Node]) -> Category:
        self.name(name, node)
        rule = self.mapping(node, f"category `{name}`", _RULE_KEYS)
        if "otherwise" in rule:
            if self.text(rule["otherwise"]) != "true" or len(rule) > 1:
                self.refuse(rule["otherwise"], "`otherwise: true` stands alone in its category")
            return Category(name, otherwise=True)
        if "any" not in rule:
            self.refuse(node, f"category `{name}` needs `any` (or `otherwise: true`)")
        elements = self._texts(rule["elements"], ELEMENTS) if "elements" in rule else ELEMENTS
        exceptions = self._texts(rule["except"], tuple(names)) if "except" in rule else ()
        if name in exceptions:
            self.refuse(rule["except"], f"category `{name}` can't be its own exception")
        length, area = (
            self.name(self.text(rule[key]), rule[key]) if key in rule else None for key in ("length", "area")
        )
        conditions = tuple(self._condition(item) for item in self.items(rule["any"]))
        return Category(name, elements, conditions, exceptions, length=length, area=area)

    def _condition(self, node: yaml.Node) -> Condition:
        if isinstance(node, yaml.ScalarNode):
            return Condition(self.text(node))
        entries = self.mapping(node, "a condition")
        if len(entries) != 1:
            self.refuse(node, "a condition is one key, or one key with its values")
        ((key, values),) = entries.items()
        if isinstance(values, yaml.MappingNode):
            negated = self.mapping(values, f"`{key}`", ("not",))
            if "not" not in negated:
                self.refuse(values, f"`{key}`: values, or `not:` with values, were expected")
            return Condition(key, self._values(negated["not"]), negated=True)
        return Condition(key, self._values(values))

    def _values(self, node: yaml.Node) -> frozenset[str]:
        values = self._texts(node)
        for value, item in zip(values, self.items(node), strict=True):
            if parts(value) != (value,):
                self.refuse(
                    item, f"`{value}` can never match: values are lower case, without `;` or outer space"
                )
        return frozenset(values)

    def _texts(self, node: yaml.Node, known: tuple[str, ...] | None = None) -> tuple[str, ...]:
        if known is None:
            return tuple(self.text(item) for item in self.items(node))
        return tuple(dict.fromkeys(self.one_of(item, known) for item in self.items(node)))

    def is_text(self, value: str) -> bool:
        """As in the map's data, where a sign may be invisible."""
        return bool(value) and storable(value) == value
