"""What must not change a count: order, chunks, the direction of ways; and what adds up: two diffs in one."""

import io
import re
from collections import Counter
from random import Random
from typing import Any

import pytest

from stats_assets.osm.diff import count_diff
from stats_assets.osm.statistics import ChangesetStatistics
from tests.fuzz.comparing import categories, regions
from tests.fuzz.making import Maker

SEEDS = range(40)
ACTION = re.compile("<action .*?(?:</action>|/>\n)", re.DOTALL)
MEMBER = re.compile("(?:<member (?:(?!<member|</relation|<tag).)*)+", re.DOTALL)
NDS = re.compile("(?:<nd [^>]*/>)+")


class Made:
    """A document of a seed's that is not damaged, in its parts."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - not for secrets
        text = Maker(self.random, 0).document().decode()
        self.actions = text.split("\n")[2:-2]
        self.text = text

    def with_actions(self, actions: list[str]) -> bytes:
        return "\n".join([*self.text.split("\n")[:2], *actions, "</osm>"]).encode()


class Slow(io.BytesIO):
    """A body that comes in chunks of so many bytes."""

    def __init__(self, body: bytes, most: int) -> None:
        super().__init__(body)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size, self._most) if size and size > 0 else self._most)


def count(body: bytes | io.BytesIO) -> dict[int, Any]:
    file = io.BytesIO(body) if isinstance(body, bytes) else body
    found = count_diff(file, categories=categories(), regions=regions())
    assert found.envelope.complete
    assert not found.envelope.error
    return {one.changeset: near(one) for one in found.changesets}


def near(one: ChangesetStatistics) -> Any:
    """Areas but for their last digits, which depend on where a ring begins."""

    def rounded(numbers: Any) -> Any:
        return {key: round(value, 7 if "_km2_" in key else 9) for key, value in numbers.items()}

    countries = {
        code: (part.edit_count, part.counts, rounded(part.measurements))
        for code, part in one.countries.items()
    }
    return one._replace(measurements=rounded(one.measurements), countries={}), countries


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_actions(seed: int) -> None:
    made = Made(seed)
    shuffled = made.random.sample(made.actions, len(made.actions))
    assert count(made.with_actions(shuffled)) == count(made.with_actions(made.actions))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_members(seed: int) -> None:
    made = Made(seed)

    def shuffled(match: re.Match[str]) -> str:
        members = re.findall("<member (?:(?!<member).)*", match[0], re.DOTALL)
        return "".join(made.random.sample(members, len(members)))

    assert count(MEMBER.sub(shuffled, made.text).encode()) == count(made.text.encode())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_direction_of_ways(seed: int) -> None:
    """Each line of positions turned round, on both sides alike."""
    made = Made(seed)

    def turned(match: re.Match[str]) -> str:
        return "".join(reversed(re.findall("<nd [^>]*/>", match[0])))

    assert count(NDS.sub(turned, made.text).encode()) == count(made.text.encode())


@pytest.mark.parametrize("most", [1, 7, 100, 65_537])
def test_the_size_of_chunks(most: int) -> None:
    for seed in range(0, 40, 4 if most > 1 else 20):
        body = Made(seed).text.encode()
        assert count(Slow(body, most)) == count(body)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_diffs_in_one(seed: int) -> None:
    """Of other changesets, and other nodes."""
    first, second = Made(seed), Made(seed + 1000)
    other = [
        re.sub('changeset="([0-9]+)"', lambda m: f'changeset="{int(m[1]) + 1000}"', action)
        for action in second.actions
    ]
    other = [re.sub('(id|ref)="([0-9]+)"', r'\1="5\2"', action) for action in other]
    other = [action.replace('type="5', 'type="') for action in other]
    together = count(first.with_actions(first.actions + other))
    assert together == count(first.with_actions(first.actions)) | count(first.with_actions(other))


def test_the_documents_have_something_to_turn() -> None:
    seen = Counter(
        tag for seed in SEEDS for tag in ("<member ", "<nd ", "<action ") if tag in Made(seed).text
    )
    assert min(seen.values()) > 10
