"""Reading changeset files (feed facts, 3.2)."""

import gzip
import io
from datetime import UTC, datetime

import pytest

from stats_assets.osm import Changeset, ChangesetFile, read_changesets
from tests.conftest import real_file

OPEN = '<changeset id="1" created_at="2015-06-15T12:00:00Z" open="true"/>'
FULL = """
<changeset id="5000000000" created_at="2015-06-15T12:32:11Z" closed_at="2015-06-15T13:34:33Z" open="false"
  num_changes="4" user="Garrett &amp; B" uid="352373" min_lat="44.2" max_lat="44.3" min_lon="-71.1" max_lon="1.0e-07"
  comments_count="1">
  <tag k="created_by" v="iD 1.7.3"/>
  <tag k="comment" v="Roads #One"/>
  <tag k="hashtags" v="two;#one"/>
  <discussion><comment uid="1" user="x" date="2016-01-01T00:00:00Z"><text>#no
    <b>hashtag</b></text></comment></discussion>
</changeset>"""


def read(*changesets: str, end: str = "</osm>") -> ChangesetFile:
    return read_changesets(io.BytesIO(("<osm>" + "".join(changesets) + end).encode()))


def test_all_of_a_changeset() -> None:
    found = read(FULL)
    assert found.changesets == (
        Changeset(
            id=5_000_000_000,
            created_at=datetime(2015, 6, 15, 12, 32, 11, tzinfo=UTC),
            closed_at=datetime(2015, 6, 15, 13, 34, 33, tzinfo=UTC),
            open=False,
            num_changes=4,
            uid=352373,
            user="Garrett & B",
            min_lon=-71.1,
            min_lat=44.2,
            max_lon=1e-7,
            max_lat=44.3,
            comments_count=1,
            editor="iD 1.7.3",
            comment="Roads #One",
            hashtags=("one", "two"),
        ),
    )
    assert found.newest == datetime(2016, 1, 1, tzinfo=UTC)
    assert (found.envelope.root, found.envelope.complete, found.envelope.error) == ("osm", True, None)


def test_as_little_as_there_can_be() -> None:
    (found,) = read(OPEN).changesets
    assert found[2:] == (None, True, 0, None, None, None, None, None, None, 0, None, None, ())


@pytest.mark.parametrize(
    ("old", "new", "field", "value"),
    [
        ('uid="352373"', 'uid="0"', "uid", None),
        ('uid="352373"', 'uid=""', "uid", None),
        ('user="Garrett &amp; B"', 'user=""', "user", None),
        ('min_lat="44.2"', "", "min_lon", None),
        ('min_lat="44.2"', 'min_lat="NaN"', "max_lat", None),
        ('min_lat="44.2"', 'min_lat="1e999"', "max_lat", None),
        ('num_changes="4"', 'num_changes="many"', "num_changes", 0),
        ('open="false"', "", "open", False),
        ('created_at="2015-06-15T12:32:11Z"', 'created_at="2015-06-15T14:32:11.5+02:00"', "created_at", None),
    ],
)
def test_odd_values(old: str, new: str, field: str, value: object) -> None:
    (found,) = read(FULL.replace(old, new)).changesets
    if field == "created_at":
        value = datetime(2015, 6, 15, 12, 32, 11, 500_000, tzinfo=UTC)
    assert getattr(found, field) == value


@pytest.mark.parametrize(
    ("old", "new", "tally"),
    [
        ('id="1"', 'id="x"', "unreadable_id"),
        ('id="1"', f'id="{10**30}"', "unreadable_id"),
        ('created_at="2015-06-15T12:00:00Z"', "", "unreadable_timestamp"),
    ],
)
def test_what_cant_be_read_is_tallied(old: str, new: str, tally: str) -> None:
    found = read(OPEN.replace(old, new), FULL)
    assert (len(found.changesets), found.tallies) == (1, {tally: 1})


def test_empty_and_cut_files() -> None:
    assert read().changesets == ()
    assert (read().newest, read().envelope.complete) == (None, True)
    cut = read(OPEN, FULL[:-9], end="")
    assert (len(cut.changesets), cut.envelope.complete, cut.envelope.error) == (
        1,
        False,
        "the document ends early",
    )


def test_the_hash_is_that_of_the_changesets() -> None:
    assert read(OPEN).content_hash != read(FULL).content_hash
    other = read_changesets(io.BytesIO(b'<osm generator="x">' + OPEN.encode() + b"</osm>"))
    assert other.content_hash == read(OPEN).content_hash


def test_a_real_file() -> None:
    with gzip.open(real_file("245.osm.gz")) as body:
        found = read_changesets(body)  # type: ignore[arg-type]
    assert found.envelope == ("osm", None, (), True, None)
    assert len(found.changesets) == 25
    assert found.tallies == {}
    first = found.changesets[0]
    assert (first.id, first.user, first.editor, first.num_changes) == (31982803, "GarrettB", "Potlatch 2", 4)
    assert first.comment == "Added Emerald Pool Waterfall"
    assert (first.min_lon, first.min_lat, first.max_lon, first.max_lat) == (
        -71.0646843,
        44.2371354,
        -71.0048652,
        44.2430624,
    )
    assert sum(changeset.open for changeset in found.changesets) > 0
    assert found.newest == datetime(2015, 6, 15, 13, 35, 1, tzinfo=UTC)
