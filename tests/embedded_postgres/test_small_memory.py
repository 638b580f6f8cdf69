"""An embedded server where /dev/shm is as small as a container's."""

import logging
from pathlib import Path

import pytest

from stats_assets.embedded_postgres import server_settings
from stats_assets.embedded_postgres.server_settings import for_small_memory


def test_a_small_dev_shm_is_said_and_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(server_settings, "ENOUGH", 0)
    assert for_small_memory() == {}
    monkeypatch.setattr(server_settings, "ENOUGH", 1 << 62)
    with caplog.at_level(logging.WARNING):
        assert for_small_memory() == {"dynamic_shared_memory_type": "mmap"}
    assert "--shm-size" in caplog.text
    monkeypatch.setattr(server_settings, "SHARED_MEMORY", tmp_path / "nowhere")
    assert for_small_memory() == {"dynamic_shared_memory_type": "mmap"}
