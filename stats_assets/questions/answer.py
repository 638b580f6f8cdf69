"""An answer as all who show it take it: API, pages, exports, pictures, reports.

The shapes are the API's (docs/api.md); how they are found is database/answers/.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal[
    "totals",
    "series",
    "leaderboard",
    "changesets",
    "newcomers",
    "search",
    "trending",
    "coverage",
    "definitions",
    "badges",
]
Value = None | bool | int | str | Decimal | Sequence["Value"] | Mapping[str, "Value"]
Given = Sequence[tuple[str, str]]
"""A question's parameters as they stand in its address, in order, a name as often as it is given."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and what was found."""

    kind: Kind
    given: Given
    content: Mapping[str, Value]
    """What `/api/v1/KIND` sends as JSON (times are texts, numbers int or Decimal, never float)."""
