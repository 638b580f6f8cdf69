"""A field is explained below it, where editors show it, and not in the docstring of its class (docs/decisions.md)."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "stats_assets"


def explained_above(source: str) -> list[str]:
    """`Class.field` of each field that the docstring of its class explains, as in "size: how many"."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            said = ast.get_docstring(node) or ""
            fields = [
                one.target.id
                for one in node.body
                if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
            ]
            found += [
                f"{node.name}.{name}"
                for name in fields
                if re.search(rf"(?<![\w.]){name}`?(?:, `?\w+`?)*: ", said)
            ]
    return found


def test_no_class_explains_its_fields_above_them() -> None:
    wrong = {
        path.relative_to(PACKAGE).as_posix(): found
        for path in sorted(PACKAGE.rglob("*.py"))
        if "demo" not in path.parts and (found := explained_above(path.read_text(encoding="utf-8")))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("docstring", "found"),
    [
        ("A thing.", []),
        ("A thing. size: how big.", ["Thing.size"]),
        ("A thing. `size`: how big.", ["Thing.size"]),
        ("A thing.\n\n    size, said: how big, and what.\n    ", ["Thing.size", "Thing.said"]),
        ("A thing of a size. What it said is kept.", []),
    ],
)
def test_what_is_explained_above_is_found(docstring: str, found: list[str]) -> None:
    source = f'class Thing:\n    """{docstring}"""\n\n    size: int\n    """How big."""\n    said: str\n'
    assert explained_above(source) == found
