"""An events file: what it makes, and the line and reason of each fault."""

from pathlib import Path

import pytest

from stats_assets.mendable import Mendable
from stats_assets.pages.events import EventsError, read_events
from tests.pages import content
from tests.pages.conftest import EVENTS, client_of


def reading(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_an_event_is_an_address(tmp_path: Path) -> None:
    (event,) = read_events(reading(tmp_path / "events.yaml", EVENTS)).values()
    assert event.hashtags == ("osmnepal", "missingmaps")
    assert event.query == (
        ("title", "Mapathon <b>Kathmandu</b>"),
        ("from", "2025-02-20T14:00"),
        ("to", "2025-02-20T17:30"),
        ("tz", "Asia/Kathmandu"),
        ("user", "mapper-1101"),
        ("team", "Red:mapper-1101,1103"),
        ("team", "Blue:1107"),
        ("target", "buildings_added:2000"),
        ("target", "road_km_added:41.2"),
    )
    assert read_events(None) == read_events(reading(tmp_path / "empty.yaml", "# none yet\n")) == {}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("events:\n  a: [x]\n", 2, "`a` must be a mapping"),
        ("event:\n  a: {hashtags: x}\n", 1, "`event` is not known in the file; one of: events"),
        ("events:\n  A b: {hashtags: x}\n", 2, "can't stand in an address"),
        ("events:\n  a:\n    title: x\n", 2, "a has no hashtags"),
        ("events:\n  a:\n    hashtags: []\n", 3, "a has no hashtags"),
        (
            "events:\n  a:\n    hashtags: x\n    form: 2025-02-20\n",
            4,
            "`form` is not known in `a`; one of: title",
        ),
        ("events:\n  a:\n    hashtags: x\n    from: soon\n", 4, "'soon' is no time"),
        ("events:\n  a:\n    hashtags: x\n    from: 2025-02-30T14:00\n", 4, "is no time"),
        ("events:\n  a:\n    hashtags: x\n    tz: Nairobi\n", 4, "is no time zone"),
        ("events:\n  a:\n    hashtags: x\n    targets: {edits: many}\n", 4, "a number above 0 was expected"),
        (
            "events:\n  a:\n    hashtags: x\n    targets:\n      edits: -5\n",
            5,
            "a number above 0 was expected",
        ),
        ("events:\n  a:\n    hashtags: x\n    teams: [Red]\n", 4, "`teams` must be a mapping"),
        ("events:\n  a: {hashtags: x}\n  a: {hashtags: y}\n", 3, "`a` stands twice in `events`"),
        ("- a\n", 1, "the file must be a mapping"),
        ("events:\n  [a]: {hashtags: x}\n", 2, "a word was expected"),
        ("events:\n  ' a': {title: x}\n", 2, "a has no hashtags"),
        ("events: {a: {hashtags: [x, '']}}\n", 1, "a word was expected"),
        ("events: [\n", 2, "not YAML"),
        ("\x00", 1, "not YAML"),
        ("[" * 1_000, 1, "not YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    path = reading(tmp_path / "events.yaml", text)
    with pytest.raises(EventsError) as refused:
        read_events(path)
    said = str(refused.value)
    assert str(path) in said and reason in said
    assert f"{path}:{line}:" in said
    with pytest.raises(Mendable):  # at the server's start, not at the first visit
        client_of(content.answer, events_file=path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(EventsError, match=r"nothing\.yaml: the events file can't be read"):
        read_events(tmp_path / "nothing.yaml")
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EventsError, match="can't be read"):
        read_events(tmp_path / "odd.yaml")
    (tmp_path / "long.yaml").write_text("# events\n" * 200_000)
    with pytest.raises(EventsError, match="of more than 1024 KB, which is no file of events"):
        read_events(tmp_path / "long.yaml")
