"""How others' errors read in a sentence of ours: no numbers, no path twice, no class where it says nothing."""

import errno
import os
from pathlib import Path

import pytest
import requests

from stats_assets.feeds.http_client import Http
from stats_assets.feeds.outcomes import BadAnswer
from stats_assets.mendable import cause_of, reason_of, without_class


def test_a_refusal_of_the_system_is_its_words_and_names_another_file_alone() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/x")
    assert reason_of(full, Path("/data/x")) == "No space left on device"
    assert reason_of(full, "/data") == "No space left on device (/data/x)"
    assert reason_of(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) == "No space left on device"
    assert reason_of(ValueError("no number")) == "no number"
    assert reason_of(OSError("said by a library")) == "said by a library"


def test_what_is_behind_an_error_has_its_class_only_where_it_says_something() -> None:
    with pytest.raises(requests.ConnectionError) as refused:
        requests.get("http://127.0.0.1:1", timeout=5)
    assert cause_of(refused.value) == "Connection refused"
    assert cause_of(TimeoutError("timed out")) == "TimeoutError: timed out"


def test_a_feed_that_is_down_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadAnswer) as failure:
        Http(user_agent="tests", timeout=5).ask("http://127.0.0.1:1/state.txt")
    assert "no whole answer (Connection refused): unreachable or cut off" in str(failure.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dagster._core.errors.DagsterImportError: no module", "no module"),
        ("ModuleNotFoundError: No module named 'x'", "No module named 'x'"),
        ("(sqlite3.OperationalError) unable to open database file", "unable to open database file"),
        ("roads: no such key", "roads: no such key"),
        ("(see above) it fails", "(see above) it fails"),
    ],
)
def test_a_line_of_others_loses_its_class(line: str, said: str) -> None:
    assert without_class(line) == said
