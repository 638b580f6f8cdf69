"""Which variants of a test `make test` tries: the telling ones. The others are drills. No test is here."""

from collections.abc import Iterable
from typing import TypeVar

import pytest
from _pytest.mark.structures import ParameterSet

T = TypeVar("T")


def telling(values: Iterable[T], *kept: T) -> list[T | ParameterSet]:
    """All of them, for `parametrize`; all but those kept are drills. A tuple is the values of several arguments.

    Raises ValueError when one that is to be kept is none of them.
    """
    every = list(values)
    if unknown := [one for one in kept if one not in every]:
        raise ValueError(f"there is no variant {unknown}: the variants are {every}")
    return [one if one in kept else drill(*(one if isinstance(one, tuple) else (one,))) for one in every]


def drill(*values: object) -> ParameterSet:
    """One set of values, for `parametrize`, that is a drill."""
    return pytest.param(*values, marks=pytest.mark.drill)
