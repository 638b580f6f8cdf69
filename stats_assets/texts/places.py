"""What countries are called, by CLDR; regions that it does not know keep the name that they came with."""

from babel import Locale
from babel.core import get_global

OWN = {"XKX": "XK"}
"""Codes of the regions file that ISO 3166 does not have."""


def country(code: str, locale: Locale, otherwise: str | None = None) -> str:
    """A region's name, its code where it has none."""
    two = OWN.get(code) or next(iter(get_global("territory_aliases").get(code, ())), code)
    known: str | None = locale.territories.get(two) if len(code) == 3 and code.isalpha() else None
    return known or otherwise or code
