"""JSON with exact decimals: no number goes through a float, none has an exponent, text stays as it is written."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

from stats_assets.questions.answer import Value

_text = json.JSONEncoder(ensure_ascii=False).encode


def plain(number: Decimal) -> str:
    """As a person writes it: 41.203, 0; never 1E+3."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def written(value: Value) -> str:
    """The JSON. Raises TypeError for a float, or what else no answer holds."""
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_text(str(key))}:{written(part)}" for key, part in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(map(written, value)) + "]"
    raise TypeError(f"{type(value).__name__} is in no answer: {value!r}")
