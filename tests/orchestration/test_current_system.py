"""The system's parts are made once a process; by then all is loaded."""

import gc
from functools import partial

import pytest

from stats_assets import garbage
from stats_assets.orchestration import current_system
from stats_assets.settings import Settings


def test_what_is_loaded_is_frozen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    monkeypatch.setattr(garbage, "kept", False)
    for what in ("collect", "freeze"):  # not truly: what the tests' process has loaded is frozen, too
        monkeypatch.setattr(gc, what, partial(done.append, what))
    monkeypatch.setattr(gc, "set_threshold", lambda *numbers: done.append(numbers))
    made = current_system._stats_of.__wrapped__
    made(Settings())
    assert done == ["collect", "freeze", garbage.MORE_OBJECTS]
    assert garbage.kept
    made(Settings())
    assert len(done) == 3
