"""Which answers a fault befalls: by path, stream and sequence, so many of them, for so long, or by chance.

The faults themselves are faults.py's. As JSON a rule is what a person sends to the demo's /faults.
"""

import json
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from inspect import Parameter, signature
from threading import Lock
from typing import Any

from stats_assets.demo.answers.faults import KINDS, Answer, Fault, Request
from stats_assets.demo.answers.osmchange_faults import OSMCHANGE_KINDS


@dataclass(eq=False)
class Rule:
    """A fault, and which answers it befalls.

    times: how many more of them; None: all. until: on the clock of time.monotonic; None: for good. probability: of
    each.
    """

    fault: Fault
    path: str
    stream: str | None
    sequence: int | None
    times: int | None
    until: float | None
    probability: float

    def befalls(self, request: Request, chance: random.Random) -> bool:
        return (
            self.times != 0
            and (self.until is None or time.monotonic() < self.until)
            and fnmatchcase(request.path, self.path)
            and self.stream in (None, request.stream)
            and self.sequence in (None, request.sequence)
            and (self.probability >= 1 or chance.random() < self.probability)
        )


class Faults:
    """The faults that are in force. Safe to change while the feed serves. `befallen`: answers spoiled, by rule."""

    def __init__(self, seed: int = 1) -> None:
        self._rules: list[Rule] = []
        self._lock = Lock()
        self._chance = random.Random(seed)  # noqa: S311 - not for secrets
        self.befallen = 0

    def put(
        self,
        fault: Fault,
        *,
        path: str = "*",
        stream: str | None = None,
        sequence: int | None = None,
        times: int | None = None,
        seconds: float | None = None,
        probability: float = 1.0,
    ) -> Rule:
        """`path`: a pattern with `*`, compared with the request's path and query."""
        until = None if seconds is None else time.monotonic() + seconds
        rule = Rule(fault, path, stream, sequence, times, until, probability)
        with self._lock:
            self._rules.append(rule)
        return rule

    def put_json(self, wanted: Mapping[str, Any]) -> Rule:
        """A rule as a person writes it: `fault`, its `arguments`, and those of `put`. Raises ValueError."""
        given = dict(wanted)
        name = given.pop("fault", None)
        kinds = {**KINDS, **OSMCHANGE_KINDS}
        if name not in kinds:
            raise ValueError(f"There is no fault {name!r}. There are: {', '.join(sorted(kinds))}.")
        arguments = given.pop("arguments", {})
        _require(f"The fault {name}", signature(kinds[name]).parameters.values(), arguments)
        _require("A rule", list(signature(self.put).parameters.values())[1:], given)
        return self.put(kinds[name](**arguments), **given)

    def remove(self, rule: Rule) -> None:
        with self._lock:
            self._rules.remove(rule)

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def spoil(self, request: Request, answer: Answer) -> Answer:
        with self._lock:
            for rule in self._rules:
                if rule.befalls(request, self._chance):
                    rule.times = None if rule.times is None else rule.times - 1
                    answer = rule.fault(answer)
                    self.befallen += 1
        return answer


def _require(what: str, takes: Iterable[Parameter], given: object) -> None:
    """Raises ValueError, which says what it takes, where that was not given."""
    known = {one.name: one for one in takes}
    said = ", ".join(
        f"{name} ({_kind(one)}{'' if one.default is not Parameter.empty else ', needed'})"
        for name, one in known.items()
    )
    fits = isinstance(given, dict) and all(
        name in known and _fits(known[name], value) for name, value in given.items()
    )
    needed = [name for name, one in known.items() if one.default is Parameter.empty]
    if not fits or not isinstance(given, dict) or not given.keys() >= set(needed):
        raise ValueError(f"{what} takes {said or 'nothing'}; it was given {json.dumps(given)}.")


def _fits(parameter: Parameter, value: object) -> bool:
    kinds = parameter.annotation
    if isinstance(value, bool):
        return False
    return isinstance(value, kinds) or (isinstance(value, int) and isinstance(0.0, kinds))


def _kind(parameter: Parameter) -> str:
    """Of its annotation, int, float, str, or one of them and None."""
    for kind, word in ((str, "text"), (float, "a number")):
        if isinstance(kind(), parameter.annotation):
            return word
    return "a whole number"
