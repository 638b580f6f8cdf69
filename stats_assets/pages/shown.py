"""How an answer's numbers are shown: short, exact on hover and in the data; labels of its columns."""

from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape

from stats_assets.texts import numbers
from stats_assets.texts.language import Language

KINDS = ("added", "modified", "deleted")
SIGNS = {"added": "+", "modified": "~", "deleted": "−"}
SMALL = Decimal("0.01")
Number = int | Decimal


def split(column: str) -> tuple[str, str]:
    """`buildings_added` is (buildings, added); what has no kind (`edits`, …) is itself and empty."""
    stem, _, kind = column.rpartition("_")
    return (stem, kind) if stem and kind in KINDS else (column, "")


def is_measure(stem: str) -> bool:
    """Whether it is a length or an area."""
    return stem.endswith(("_km", "_km2"))


def exactly(value: Number, text: str, language: Language) -> Markup:
    """A number as it is shown, with all its digits behind it."""
    digits = str(value) if isinstance(value, int) else f"{value:f}"
    if text == digits:
        return escape(text)
    full = numbers.exact(value, language.locale)
    title = Markup(' title="{}"').format(full) if full != text else Markup("")
    return Markup('<data value="{}"{}>{}</data>').format(digits if value else "0", title, text)


def count(value: Number, language: Language) -> Markup:
    """A whole number."""
    return exactly(value, numbers.whole(value, language.locale), language)


def number(value: Any, column: str, language: Language, *, metres: bool = False) -> Markup:
    """A column's value; `metres`: areas of this column are in m²."""
    if value is None:
        return Markup("–")
    if not isinstance(value, int | Decimal):
        value = Decimal(str(value))
    if not is_measure(split(column)[0]):
        return count(value, language)
    if metres:
        return exactly(value, numbers.square_metres(value, language.locale), language)
    return exactly(value, numbers.kilometres(value, language.locale), language)


def in_metres(values: Any, column: str) -> bool:
    """Whether a column of areas is better told in m²: all of it is small."""
    return split(column)[0].endswith("_km2") and all(abs(Decimal(str(v or 0))) < SMALL for v in values)


def named(stem: str, language: Language) -> str:
    """A category or a measure, as people call it; of an own categories file as it stands there, without the unit."""
    key = f"of_{stem}"
    if language.knows(key):
        return str(language.say(key))
    return stem.removesuffix("_km2").removesuffix("_km").replace("_", " ").capitalize()


def heading(column: str, language: Language, *, metres: bool = False) -> Markup:
    """A column's: `Buildings +`."""
    stem, kind = split(column)
    unit = ", m²" if metres else ", km²" if stem.endswith("_km2") else ", km" if stem.endswith("_km") else ""
    label = Markup("{}{}").format(named(stem, language), unit)
    if not kind:
        return label
    return Markup('{} <abbr class="{}" title="{}">{}</abbr>').format(
        label, kind, language.say(kind), SIGNS[kind]
    )


def plain_heading(column: str, language: Language) -> str:
    """The same for where there is no HTML (an option of a list)."""
    stem, kind = split(column)
    unit = ", km²" if stem.endswith("_km2") else ", km" if stem.endswith("_km") else ""
    return f"{named(stem, language)}{unit}" + (f" {SIGNS[kind]} {language.say(kind)}" if kind else "")
