"""The system's parts are made once a process; by then all is loaded."""

import gc

import pytest

from stats_assets import garbage
from stats_assets.orchestration import current_system
from stats_assets.settings import Settings


def test_what_is_loaded_is_frozen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.unfreeze()
    monkeypatch.setattr(garbage, "kept", False)
    made = current_system._stats_of.__wrapped__
    made(Settings())
    frozen = gc.get_freeze_count()
    assert frozen > 10_000
    assert garbage.kept
    later = [[number] for number in range(1000)]
    made(Settings())
    assert gc.get_freeze_count() <= frozen
    assert later
