"""How numbers look: whole ones, lengths, areas, percentages, in Latin digits in all languages.

Whole to 999,999, then three digits; km two decimals below 10, one below 1,000; km² likewise, below 0.01 in m².
"""

from decimal import ROUND_HALF_EVEN, Decimal

from babel import Locale
from babel.numbers import format_compact_decimal, format_decimal, format_percent

Number = int | Decimal
MILLION = 1_000_000
M2 = Decimal(1_000_000)
LATIN = "latn"


def whole(value: Number, locale: Locale) -> str:
    """A count."""
    if abs(Decimal(value)) < MILLION:
        return format_decimal(value, "#,##0", locale=locale, numbering_system=LATIN)
    digits = max(0, 2 - (len(str(abs(int(value)))) - 1) % 3)
    return format_compact_decimal(
        int(_three_digits(Decimal(value))),
        locale=locale.language,
        fraction_digits=digits,
        numbering_system=LATIN,
    )


def exact(value: Number, locale: Locale) -> str:
    """All its digits."""
    return format_decimal(value, "#,##0.#########", locale=locale, numbering_system=LATIN)


def kilometres(value: Number, locale: Locale) -> str:
    """A length in km, or an area in km², without its unit."""
    size = abs(Decimal(value))
    if not size:
        return "0"
    if size >= Decimal("999.95"):
        return whole(Decimal(value).quantize(Decimal(1), ROUND_HALF_EVEN), locale)
    pattern = "#,##0.00" if size < Decimal("9.995") else "#,##0.0"
    return format_decimal(value, pattern, locale=locale, numbering_system=LATIN)


def square_metres(value: Number, locale: Locale) -> str:
    """An area told in km², in m²."""
    return whole((Decimal(value) * M2).quantize(Decimal(1), ROUND_HALF_EVEN), locale)


def share(value: Number, of: Number, locale: Locale) -> str:
    """By how much more or less than `of`, with its sign."""
    change = (Decimal(value) - of) / of
    text = format_percent(abs(change), "#,##0%", locale=locale, numbering_system=LATIN)
    return f"{'+' if change >= 0 else '−'}{text}"


def _three_digits(value: Decimal) -> Decimal:
    return Decimal(f"{value:.3g}")
