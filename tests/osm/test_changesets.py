"""Reading changeset files (docs/feeds.md, section 3.2)."""

import gzip
import io
from datetime import UTC, datetime
from itertools import cycle, product
from resource import RUSAGE_SELF, getrusage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.osm.changesets import Changeset, ChangesetFile, read_changesets
from tests.conftest import examples, real_file
from tests.telling import telling

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
        ('open="false"', "", "open", False),
        ('created_at="2015-06-15T12:32:11Z"', 'created_at="2015-06-15T14:32:11.5+02:00"', "created_at", None),
    ],
)
def test_odd_values(old: str, new: str, field: str, value: object) -> None:
    (found,) = read(FULL.replace(old, new)).changesets
    if field == "created_at":
        value = datetime(2015, 6, 15, 12, 32, 11, 500_000, tzinfo=UTC)
    assert getattr(found, field) == value


def said(found: ChangesetFile) -> str:
    return "\n".join(found.examples)


@pytest.mark.parametrize(
    ("old", "new", "flag", "example"),
    [
        ('id="1"', "", "unreadable_id", "changeset without id: it has no id"),
        ('id="1"', 'id=""', "unreadable_id", "changeset without id: it has no id"),
        ('id="1"', 'id="x"', "unreadable_id", "changeset x: id 'x' can't be read"),
        ('id="1"', 'id="-1"', "unreadable_id", "id '-1'"),
        ('id="1"', 'id="1.0"', "unreadable_id", "id '1.0'"),
        ('id="1"', f'id="{10**300}"', "unreadable_id", "0000…' can't be read"),
        ('id="1"', f'id="{1 << 63}"', "unreadable_id", "can't be read"),
        (' created_at="2015-06-15T12:00:00Z"', "", "unreadable_timestamp", "changeset 1: it has no created_at"),
        ("2015-06-15T12:00:00Z", "yesterday", "unreadable_timestamp", "created_at 'yesterday' can't be read"),
        ("2015-06-15T12:00:00Z", "2015-06-15T12:00:00", "unreadable_timestamp", "created_at"),  # no zone
        ("2015-06-15T12:00:00Z", "2015-06-31T12:00:00Z", "unreadable_timestamp", "created_at"),
        ('id="1"', 'id="1" uid="x"', "unreadable_uid", "changeset 1: uid 'x' can't be read"),
        ('id="1"', 'id="1" uid=" "', "unreadable_uid", "uid"),
        ('id="1"', 'id="1" uid="-5"', "unreadable_uid", "uid"),
        ('id="1"', f'id="1" uid="{1 << 63}"', "unreadable_uid", "uid"),
    ],
)  # fmt: skip
def test_what_cant_be_read_is_said_and_the_rest_counts(old: str, new: str, flag: str, example: str) -> None:
    found = read(OPEN.replace(old, new), FULL)
    assert (len(found.changesets), found.flags, found.unreadable) == (1, {flag: 1}, 1)
    assert example in said(found)
    assert len(said(found)) < 200


@pytest.mark.parametrize(
    ("old", "new", "flag", "field", "value"),
    [
        ('num_changes="4"', 'num_changes="many"', "ignored_num_changes", "num_changes", 0),
        ('num_changes="4"', 'num_changes="-4"', "ignored_num_changes", "num_changes", 0),
        ('comments_count="1"', 'comments_count="1.5"', "ignored_comments_count", "comments_count", 0),
        ('min_lat="44.2"', "", "ignored_box", "min_lon", None),
        ('min_lat="44.2"', 'min_lat=""', "ignored_box", "min_lon", None),
        ('min_lat="44.2"', 'min_lat="NaN"', "ignored_box", "max_lat", None),
        ('min_lat="44.2"', 'min_lat="1e999"', "ignored_box", "max_lat", None),
        ("2015-06-15T13:34:33Z", "soon", "ignored_closed_at", "closed_at", None),
        ("2015-06-15T13:34:33Z", "soon", "ignored_closed_at", "open", False),
        ('open="false"', 'open="perhaps"', "ignored_open", "open", False),
        ("2016-01-01T00:00:00Z", "lately", "ignored_comment_date", "comments_count", 1),
        (' date="2016-01-01T00:00:00Z"', "", "ignored_comment_date", "comments_count", 1),
        ("iD 1.7.3", "x" * 256, "editor_too_long", "editor", "x" * 255),
        ("iD 1.7.3", f"{'x' * 254} y", "editor_too_long", "editor", "x" * 254),
        ("two;", f"{'x' * 256};{'y' * 255};", "hashtag_too_long", "hashtags", ("one", "y" * 255)),
    ],
)
def test_a_value_that_is_not_needed_costs_itself_and_is_said(
    old: str, new: str, flag: str, field: str, value: object
) -> None:
    assert FULL.replace(old, new) != FULL
    found = read(FULL.replace(old, new))
    assert [getattr(changeset, field) for changeset in found.changesets] == [value]
    assert (found.flags, found.unreadable) == ({flag: 1}, 0)
    assert said(found).startswith("changeset 5000000000: ")
    assert len(said(found)) < 200


@pytest.mark.parametrize(
    ("old", "new", "field", "value"),
    [
        ('id="5000000000"', f'id="{(1 << 63) - 1}"', "id", (1 << 63) - 1),
        ('uid="352373"', f'uid="{(1 << 63) - 1}"', "uid", (1 << 63) - 1),
        (' uid="352373"', "", "uid", None),
        (' user="Garrett &amp; B"', "", "user", None),
        ("2015-06-15T12:32:11Z", "1965-01-01T00:00:00Z", "created_at", datetime(1965, 1, 1, tzinfo=UTC)),
        ("2015-06-15T12:32:11Z", "0001-01-01T00:00:00Z", "created_at", datetime(1, 1, 1, tzinfo=UTC)),
        ('closed_at="2015-06-15T13:34:33Z"', 'closed_at=""', "closed_at", None),
        ('closed_at="2015-06-15T13:34:33Z" open="false"', "", "open", True),
        ('open="false"', 'open=""', "open", False),
        ('open="false"', 'open="true"', "closed_at", None),
        ('open="false"', 'open="true"', "open", True),
        ('2015-06-15T13:34:33Z" open="false"', 'never" open="true"', "closed_at", None),
        ("iD 1.7.3", "  iD 1.7.3 ", "editor", "iD 1.7.3"),
        ("iD 1.7.3", " ", "editor", None),
        ("iD 1.7.3", "", "editor", None),
        ("iD 1.7.3", f" {'x' * 255} ", "editor", "x" * 255),
        ('k="created_by"', 'k="created"', "editor", None),
        ('min_lat="44.2" max_lat="44.3" min_lon="-71.1" max_lon="1.0e-07"', "", "min_lat", None),
    ],
)
def test_values_that_are_fine_and_say_nothing_more(old: str, new: str, field: str, value: object) -> None:
    assert FULL.replace(old, new) != FULL
    found = read(FULL.replace(old, new))
    assert [getattr(changeset, field) for changeset in found.changesets] == [value]
    assert (found.flags, found.examples) == ({}, ())


def test_there_are_ten_examples_at_most() -> None:
    found = read(*(f'<changeset id="x{n}"/>' for n in range(100)))
    assert (found.flags, len(found.examples)) == ({"unreadable_id": 100}, 10)


LIMIT = datetime(2015, 6, 15, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "cut", "newest"),
    [
        ("2016-01-01T00:00:00Z", "2015-06-15T14:00:00Z", None, LIMIT),  # not beyond it
        ("2016-01-01T00:00:00Z", "2099-01-01T00:00:00Z", None, datetime(2015, 6, 15, 13, 34, 33, tzinfo=UTC)),
        ("2015-06-15T13:34:33Z", "2015-06-15T14:00:01Z", "closed_at", datetime(2015, 6, 15, 12, 32, 11, tzinfo=UTC)),
        ("2015-06-15T12:32:11Z", "9999-12-31T23:59:59Z", "created_at", datetime(2015, 6, 15, 13, 34, 33, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_time_beyond_the_file_is_cut_and_said(
    old: str, new: str, cut: str | None, newest: datetime
) -> None:
    text = FULL.replace(old, new)
    if cut:
        text = text.replace(' date="2016-01-01T00:00:00Z"', ' date="2015-01-01T00:00:00Z"')
    body = f"<osm>{text}</osm>".encode()
    found = read_changesets(io.BytesIO(body), limit=LIMIT)
    (changeset,) = found.changesets
    assert found.newest == newest  # what was cut is no evidence for names
    if newest == LIMIT:
        assert (found.flags, found.examples) == ({}, ())
        return
    assert (found.flags, found.unreadable) == ({"time_cut": 1}, 0)
    assert said(found).startswith(f"changeset 5000000000: {cut or 'a comment'}")
    assert new in said(found)
    assert changeset.created_at <= LIMIT
    if cut:
        assert getattr(changeset, cut) == LIMIT
        assert getattr(read_changesets(io.BytesIO(body)).changesets[0], cut) > LIMIT  # no limit is known


def test_a_file_from_the_future_is_as_new_as_its_fetch() -> None:
    body = io.BytesIO(f"<osm>{OPEN}</osm>".encode())
    found = read_changesets(body, limit=datetime(2014, 1, 1, tzinfo=UTC))
    assert found.newest == found.changesets[0].created_at == datetime(2014, 1, 1, tzinfo=UTC)


def test_an_open_one_s_closing_time_is_no_evidence() -> None:
    text = FULL.replace('open="false"', 'open="true"').replace("2015-06-15T13", "2098-06-15T13")
    found = read_changesets(io.BytesIO(f"<osm>{text}</osm>".encode()), limit=datetime(2020, 1, 1, tzinfo=UTC))
    assert (found.newest, found.flags) == (datetime(2016, 1, 1, tzinfo=UTC), {})


def comment(date: str, text: str) -> str:
    return f'<comment uid="1" user="x" date="{date}"><text>{text}</text></comment>\n'


LATE = "2020-02-02T02:02:02Z"
WHERE = ("before its tags", "behind its tags")
LONG = {
    "short comments": comment(LATE, "a") + comment("2019-01-01T00:00:00Z", "thanks &amp; more") * 50_000,
    "one comment of 6 MB": comment(LATE, "é &lt; " * 750_000),
    "one comment of 12 MB": comment(LATE, "0123456789ab" * 1_000_000),
    "text between the comments": comment(LATE, "a") + "x" * 5_000_000 + comment("2019-01-01T00:00:00Z", "b"),
    "parts that nobody knows": f"<x><y>{'<z>text</z>' * 100_000}{'x' * 3_000_000}</y></x>{comment(LATE, 'a')}",
    "late comes last": comment("2019-01-01T00:00:00Z", "x" * 100) * 30_000 + comment(LATE, "a"),
}  # fmt: skip


@pytest.mark.large
@pytest.mark.parametrize(
    ("case", "where"), telling(product(LONG, WHERE), *zip(LONG, cycle(WHERE), strict=False))
)
def test_a_long_discussion_costs_nothing(case: str, where: str) -> None:
    discussion = f"<discussion>{LONG[case]}</discussion>"
    tag = '<tag k="comment" v="#long"/>'
    inside = discussion + tag if where == "before its tags" else tag + discussion
    long = f'<changeset id="2" created_at="2015-06-15T12:00:00Z" open="true" comments_count="7">{inside}</changeset>'
    body = io.BytesIO(f"<osm>{OPEN}{long}{OPEN.replace('1', '3', 1)}</osm>".encode())
    before = getrusage(RUSAGE_SELF).ru_maxrss
    found = read_changesets(body)
    assert getrusage(RUSAGE_SELF).ru_maxrss - before < 60_000  # kB; the tree of it would take 100 MB and more
    assert found.envelope == ("osm", None, (), True, None)
    assert [(one.id, one.hashtags, one.comments_count) for one in found.changesets] == [
        (1, (), 0),
        (2, ("long",), 7),
        (3, (), 0),
    ]
    assert found.newest == datetime(2020, 2, 2, 2, 2, 2, tzinfo=UTC)
    assert found.flags == {}


@pytest.mark.large
def test_what_is_wrong_in_a_long_discussion_is_said_once_each() -> None:
    dates = [LATE, "never", "2019-01-01T00:00:00Z", "2098-01-01T00:00:00Z"] * 20_000
    inside = "".join(comment(date, "text") for date in dates)
    long = (
        f'<changeset id="2" created_at="2015-06-15T12:00:00Z"><discussion>{inside}</discussion></changeset>'
    )
    body = io.BytesIO(f"<osm>{OPEN}{long}</osm>".encode())
    found = read_changesets(body, limit=datetime(2026, 1, 1, tzinfo=UTC))
    assert found.flags == {"ignored_comment_date": 20_000, "time_cut": 20_000}
    assert found.newest == datetime(2020, 2, 2, 2, 2, 2, tzinfo=UTC)


TOO_LONG = {
    "tags": "".join(f'<tag k="k{n}" v="v"/>\n' for n in range(130_000)),
    "tags and a discussion": "".join(
        f'<tag k="k{n}" v="v"/>' + f"<discussion>{comment(LATE, 'a')}</discussion>" * (n % 100 == 0)
        for n in range(150_000)
    ),
    "tags of 1 MB": f'<tag k="comment" v="#{"x" * 1_000_000}"/>' * 8,
}


@pytest.mark.large
@pytest.mark.parametrize("case", telling(TOO_LONG, "tags of 1 MB"))
def test_a_changeset_of_absurd_size_costs_itself(case: str) -> None:
    long = f'<changeset id="2" created_at="2015-06-15T12:00:00Z">{TOO_LONG[case]}</changeset>'
    found = read(OPEN, long, FULL)
    assert found.envelope.complete
    assert [changeset.id for changeset in found.changesets] == [1, 5_000_000_000]
    assert (found.flags, found.unreadable) == ({"unreadable_size": 1}, 1)
    assert said(found) == "changeset 2: more than 3 MB of tags were not read"


@examples(60)
@given(
    st.lists(st.sampled_from(["text ", "<b>", "</b>", "<c/>", "x" * 70_000, "é&lt;", "<![CDATA[<d>]]>"]), max_size=30),
    st.integers(1, 5000),
)  # fmt: skip
def test_thinning_out_at_any_place_changes_nothing(pieces: list[str], chunk: int) -> None:
    text, open_ = "", 0
    for piece in pieces:
        open_ += (piece == "<b>") - (piece == "</b>")
        if open_ < 0:
            open_ = 0
            continue
        text += piece
    text += "</b>" * open_
    discussion = f"<discussion>{text}{comment(LATE, text) * 3}</discussion>"
    inside = f"<tag k='comment' v='#a'/>{comment(LATE, text)}{discussion}{text}"
    body = f'<osm>{OPEN}<changeset id="2" created_at="2015-06-15T12:00:00Z">{inside}</changeset>{FULL}</osm>'.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stats_assets.osm.document.CHUNK", chunk * 20)
        patch.setattr("stats_assets.osm.document.THIN_OUT_BYTES", chunk)
        thinned = read_changesets(io.BytesIO(body))
    assert thinned == read_changesets(io.BytesIO(body))
    assert (len(thinned.changesets), thinned.flags) == (3, {})


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


def test_the_small_inputs_that_were_read_wrongly() -> None:
    with real_file("cases/open-with-closing-time.osm").open("rb") as body:
        (found,) = read_changesets(body, limit=datetime(2026, 11, 28, 23, tzinfo=UTC)).changesets
    assert (found.open, found.closed_at, found.hashtags) == (True, None, ("alpha",))
    with gzip.open(real_file("cases/long-discussion.osm.gz")) as body:
        file = read_changesets(body)  # type: ignore[arg-type]
    assert file.envelope == ("osm", None, (), True, None)
    assert ([one.id for one in file.changesets], file.flags) == ([800, 801, 802, 870], {})


def test_a_control_character_costs_itself() -> None:
    with real_file("cases/control-character.osm").open("rb") as body:
        found = read_changesets(body)
    assert [one.id for one in found.changesets] == [7000001, 7000002, 7000003]
    assert (found.envelope.complete, found.envelope.error, found.unreadable) == (True, None, 0)
    assert found.flags == {"character_replaced": 1}
    assert len(found.examples) == 1


@pytest.mark.parametrize(
    "child",
    ["<changes/>", '<Changeset id="1"><tag k="a" v="b"/></Changeset>', '<x:changeset xmlns:x="y" id="1"/>'],
)
def test_what_else_stands_in_a_file_is_said(child: str) -> None:
    found = read_changesets(io.BytesIO(f"<osm>{OPEN}{child}</osm>".encode()))
    assert len(found.changesets) == 1
    assert found.flags
