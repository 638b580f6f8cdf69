"""The parameters of an address as they were given: known, not repeated too often, text; and the refusal of one, with an
address that works. What each of them means is subjects.py's, chosen_window.py's, columns.py's and parsing.py's.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NoReturn

from stats_assets.questions.addresses import address, instead
from stats_assets.questions.answer import Given
from stats_assets.questions.parameters import ALL, OF_KIND
from stats_assets.questions.problem import Problem
from stats_assets.questions.question import Asked, Question
from stats_assets.questions.vocabulary import Vocabulary

_LONGEST = 300  # characters of a value: the longest hashtag or name has 255
_DEEPEST = 20  # how often an attempt is mended


class Values:
    """What is given. `read` makes the question of it, by which an attempt is tried. Raises Problem."""

    def __init__(
        self,
        kind: Asked,
        given: Given,
        now: datetime,
        vocabulary: Vocabulary,
        read: "Callable[[Values], Question]",
        depth: int = 0,
    ) -> None:
        self.kind, self.given, self.now, self.vocabulary = kind, given, now, vocabulary
        self._read, self._depth = read, depth
        self.notes: list[str] = []
        """What has to be said of how the values were understood."""
        self.all: dict[str, list[str]] = {}
        """By name, in their order."""
        most = sum(one.most for one in ALL.values())
        if len(given) > most:
            self.refuse(
                None,
                "too-many",
                "Too many parameters",
                f"{len(given):,} parameters: {most} are the most here.",
            )
        for name, value in given:
            self._take(name, value)

    def _take(self, name: str, value: str) -> None:
        known = OF_KIND[self.kind]
        if name not in known:
            said = f"of this question: {', '.join(known)}" if known else "here: this question takes none"
            others = [pair for pair in self.given if pair[0] in known]
            self.refuse(
                name[:60],
                "unknown-parameter",
                "A parameter that is not known",
                f"{name[:60]!r} is no parameter {said}.",
                others,
            )
        had = self.all.setdefault(name, [])
        most = ALL[name].most
        if len(had) == most:
            self.refuse(
                name,
                "repeated" if most == 1 else "too-many",
                "A parameter that is given too often",
                f"{name} is given more than {'once' if most == 1 else f'{most} times'}.",
                instead(self.given, {name: had[:1]}),
            )
        if name != "after" and len(value) > _LONGEST:
            self.refuse(
                name, "too-long", "A value that is too long", f"{name} has more than {_LONGEST} characters."
            )
        if not value.strip() or any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
            what = "empty" if not value.strip() else "not text: it holds a character that no text has"
            self.refuse(
                name, "bad-value", "A value that can't be used", f"{name} is {what}.", self.without(name)
            )
        had.append(value)

    def one(self, name: str) -> str | None:
        values = self.all.get(name)
        return values[0].strip() if values else None

    def choice(self, name: str) -> str:
        parameter = ALL[name]
        value = self.one(name) or parameter.default or ""
        if value not in parameter.choices:
            self.no_choice(name, value, parameter.choices)
        return value

    def no_choice(self, name: str, value: str, choices: tuple[str, ...] | list[str]) -> NoReturn:
        good = ALL[name].example if ALL[name].example in choices else choices[0]
        self.refuse(
            name,
            "bad-value",
            "A value that is not known",
            f"{value[:60]!r} is no {name}: {', '.join(choices)}.",
            self.having(name, good),
        )

    def listed(self, name: str, choices: tuple[str, ...] | list[str]) -> tuple[str, ...]:
        values = [part.strip() for value in self.all.get(name, []) for part in value.split(",")]
        for value in values:
            if value not in choices:
                self.no_choice(name, value, choices)
        return tuple(dict.fromkeys(values))

    def having(self, name: str, value: str | list[str]) -> Given:
        return instead(self.given, {name: value})

    def without(self, name: str) -> Given:
        return instead(self.given, {name: None})

    def refuse(
        self,
        parameter: str | None,
        name: str,
        title: str,
        detail: str,
        attempt: Given | None = None,
        status: int = 400,
    ) -> NoReturn:
        raise Problem(
            name,
            title,
            detail,
            status=status,
            parameter=parameter,
            attempt=None if attempt is None else self._working(attempt),
        )

    def _working(self, given: Given) -> str | None:
        """The attempt's address, mended until it parses: one that is refused too would be no help."""
        if self._depth == _DEEPEST:
            return None
        try:
            self._read(Values(self.kind, given, self.now, self.vocabulary, self._read, self._depth + 1))
        except Problem as problem:
            return problem.attempt
        return address(self.kind, given)
