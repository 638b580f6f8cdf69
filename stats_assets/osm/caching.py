"""Remembering what short texts mean, in bounded memory: by their length, not only by their number.

Here: the decorator. Not here: what is worth remembering.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

LONGEST = 255  # characters of an OSM tag's value, or of a user's name: more can't come from OSM
_Text = TypeVar("_Text", bound=str | None)
_T = TypeVar("_T")


def remembered(entries: int) -> Callable[[Callable[[_Text], _T]], Callable[[_Text], _T]]:
    """For a function of one text: keep its answers for so many texts, of those that OSM can hold."""

    def around(work: Callable[[_Text], _T]) -> Callable[[_Text], _T]:
        kept = lru_cache(maxsize=entries)(work)

        @wraps(work)
        def answer(text: _Text) -> _T:
            return kept(text) if text is None or len(text) <= LONGEST else work(text)

        return answer

    return around
