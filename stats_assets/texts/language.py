"""A language: its sentences with their plurals, and which one a visitor wants.

Sentences are whole, in LANGUAGE.yaml beside this module: a text, or one a plural category of CLDR. How numbers
and times look is numbers.py's and times.py's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib import resources

import yaml
from babel import Locale, negotiate_locale
from markupsafe import Markup, escape

from stats_assets.texts import numbers

ENDONYMS = {
    "en": "English",
    "fr": "Français",
    "es": "Español",
    "pt": "Português",
    "sw": "Kiswahili",
    "ne": "नेपाली",
    "ar": "العربية",
}
LANGUAGES = tuple(ENDONYMS)
RIGHT_TO_LEFT = frozenset({"ar"})
Text = str | Mapping[str, str]
_WANTED = re.compile(r"([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q\s*=\s*([0-9.]+))?\s*")


@dataclass(frozen=True)
class Language:
    """`code` is what stands in `lang=`; sentences may be asked for by their keys alone."""

    code: str
    texts: Mapping[str, Text]

    @property
    def locale(self) -> Locale:
        """CLDR's."""
        return _locale(self.code)

    @property
    def tag(self) -> str:
        """CLDR's name of it, with Latin digits, as browsers take it."""
        return str(self.locale).replace("_", "-") + "-u-nu-latn"

    @property
    def direction(self) -> str:
        """As HTML's `dir` has it."""
        return "rtl" if self.code in RIGHT_TO_LEFT else "ltr"

    def knows(self, key: str) -> bool:
        """Whether there is such a sentence."""
        return key in self.texts

    def say(self, key: str, **values: object) -> Markup:
        """The sentence. `n` chooses its plural; numbers are written as the language does, names are escaped.

        Raises KeyError: no such sentence, or a value that it needs is not given.
        """
        text = self.texts[key]
        if not isinstance(text, str):
            number = values["n"]
            assert isinstance(number, int | Decimal)  # noqa: S101 -- a plural without a number is a bug
            text = text.get(self.locale.plural_form(number), text["other"])
        return escape(text).format_map({name: self._shown(value) for name, value in values.items()})

    def _shown(self, value: object) -> Markup:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return escape(numbers.whole(value, self.locale))
        if isinstance(value, date | datetime):
            raise TypeError("a time is given as a text: times.py")
        return escape(value)


def name(text: object) -> Markup:
    """A name in a sentence: of either direction, it leaves the rest as it is."""
    return Markup("<bdi>{}</bdi>").format(text)


@cache
def language(code: str) -> Language:
    """One of LANGUAGES."""
    text = resources.files(__package__).joinpath(f"{code}.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Language(code, yaml.load(text, loader))  # noqa: S506 -- a safe one


def wanted(chosen: str | None, accepted: str | None) -> Language:
    """The language of `?lang=`, else the best of Accept-Language, else English."""
    if chosen and (code := chosen.lower().split("-")[0]) in LANGUAGES:
        return language(code)
    return language(negotiate_locale(_accepted(accepted or ""), LANGUAGES, sep="-") or "en")


def _accepted(header: str) -> Sequence[str]:
    found: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:500].split(",")):
        if match := _WANTED.fullmatch(part.strip()):
            try:
                quality = float(match[2] or 1)
            except ValueError:
                continue
            if quality > 0:
                found.append((-quality, place, match[1]))
    return [tag.split("-")[0].lower() for _, _, tag in sorted(found)]


@cache
def _locale(code: str) -> Locale:
    return Locale.parse("en_GB" if code == "en" else code)  # days before months, as all others have it
