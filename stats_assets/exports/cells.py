"""What a column of a table holds, by its name: whole numbers, exact decimals, times, texts.

All answers use the same names for the same things, so that a name is enough.
"""

from datetime import UTC, datetime
from typing import Literal

from stats_assets.questions.answer import Value

Type = Literal["whole", "decimal", "time", "truth", "texts", "text"]

_TIMES = frozenset(
    {"from", "to", "first", "last", "created_at", "closed_at", "next_try", "as_of", "earned_at"}
)
_TRUTHS = frozenset({"running", "open", "tied"})
_TEXTS = frozenset({"hashtags"})
_TEXT = frozenset(
    {
        "name",
        "hashtag",
        "country",
        "editor",
        "user",
        "comment",
        "type",
        "key",
        "label",
        "match",
        "page",
        "what",
    }
    | {
        "why",
        "detail",
        "definitions",
        "unit",
        "of_hashtag",
        "of_country",
        "of_user",
        "badge",
        "earned",
        "title",
    }
)
_MEASURES = ("_km_added", "_km_modified", "_km_deleted", "_km2_added", "_km2_modified", "_km2_deleted")


def type_of(column: str) -> Type:
    """What stands in it. Counts are whole, lengths and areas decimal."""
    if column in _TIMES:
        return "time"
    if column in _TRUTHS:
        return "truth"
    if column in _TEXTS:
        return "texts"
    if column in _TEXT:
        return "text"
    return "decimal" if column.endswith(_MEASURES) else "whole"


def time_of(value: Value) -> datetime | None:
    """A time as answers write it, in UTC."""
    if not isinstance(value, str):
        return None
    return datetime.fromisoformat(value).astimezone(UTC)
