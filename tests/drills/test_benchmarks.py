"""Each benchmark of `make bench` at its smallest size: that it works and gives its figures, not what they are."""

import pytest

from benchmarks.__main__ import MODULES, measured

pytestmark = pytest.mark.drill


@pytest.mark.parametrize("name", MODULES)
def test_a_small_one_gives_the_figures_of_its_targets(name: str) -> None:
    found = measured(name, small=True)
    assert {one.target for one in found} == {*MODULES[name]}
    assert all(one.ours > 0 for one in found)
