"""The kind `definitions`: what is counted here, under which names, and by what."""

from stats_assets.database.answers.about import ATTRIBUTION, COUNTING
from stats_assets.database.answers.asked import Asking
from stats_assets.questions.answer import Value
from stats_assets.questions.vocabulary import CHANGES

_PLAIN = {
    "edits": "The sum of all counts: a feature in two categories is two edits.",
    "changesets": "Changesets with a counted feature.",
    "users": "People with a counted feature.",
    "days": "Days of the zone on which there is a counted feature.",
}


def answer(asking: Asking) -> dict[str, Value]:
    """The definitions' hash, the categories, and all columns."""
    vocabulary = asking.vocabulary
    columns: list[Value] = [{"name": name, "unit": "1", "what": what} for name, what in _PLAIN.items()]
    columns += [{"name": name, "unit": "1", "what": _what(name, "features")} for name in vocabulary.counts]
    columns += [
        {"name": name, "unit": "km2" if "_km2_" in name else "km", "what": _what(name, "length or area")}
        for name in vocabulary.measurements
    ]
    return {
        "hash": asking.counting.definitions,
        "categories": [
            {"name": name, "counts": [f"{name}_{change}" for change in CHANGES], "measures": list(measures)}
            for name, measures in vocabulary.categories
        ],
        "columns": columns,
        "clocks": [
            {"name": "upload", "what": "By the minute in which it was uploaded: (from, to]."},
            {
                "name": "changeset",
                "what": "A whole changeset at its time: closed, else opened, else last edited.",
            },
        ],
        "counting": COUNTING,
        "attribution": ATTRIBUTION,
    }


def _what(name: str, of: str) -> str:
    stem, _, change = name.rpartition("_")
    return f"{stem}: {of} {change}."
