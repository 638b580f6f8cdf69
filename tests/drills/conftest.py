"""A running demo for each file of drills. Drills are called by hand: `make drill`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills import stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All below this folder are drills."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.drill)


@pytest.fixture(scope="module")
def demo_stack() -> Iterator[stack.DemoStack]:
    """A demo that runs and is switched on; 30 minutes of history, one more every 3 seconds."""
    with stack.demo_stack() as running:
        yield running
