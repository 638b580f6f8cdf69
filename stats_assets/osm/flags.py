"""Why a sequence is flagged: what of its body was not read, or not taken as it stands, with a few examples.

Here: counting by reason, and keeping few examples of many. Not here: what is a reason.
"""

from collections import Counter

EXAMPLES = 10


class Flags:
    """`counts` by reason, in any order; `examples` are lines for a person."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def add(self, reason: str, example: str, number: int = 1) -> None:
        self.counts[reason] += number
        examples = self._examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append(example)

    @property
    def examples(self) -> tuple[str, ...]:
        """At most 10, of each reason in turn, so that a frequent one hides no other."""
        turns = range(EXAMPLES)
        found = [kept[n] for n in turns for _, kept in sorted(self._examples.items()) if n < len(kept)]
        return tuple(found[:EXAMPLES])
