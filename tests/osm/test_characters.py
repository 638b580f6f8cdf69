"""A character that XML forbids, and a byte that is none, cost themselves, not the document; other damage costs that."""

import codecs
import gzip
import io
import random
from typing import Any

import pytest

from stats_assets.osm.characters import Characters
from stats_assets.osm.diff import count_diff
from tests.conftest import real_file
from tests.osm.documents import count, create, diff, node, squares, the_categories

NAME = "name-here"
BODY = diff(create(node(1, tags={"shop": NAME}, user=NAME)), create(node(2, tags={"shop": "x"}, user=None)))
CONTROLS = [code for code in range(0x20) if code not in (9, 10, 13)]
FORBIDDEN = [*CONTROLS, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xFFFE, 0xFFFF]
ALLOWED = [9, 10, 13, 0x20, 0x7F, 0x85, 0xD7FF, 0xE000, 0xFFFD, 0x10000, 0x1FFFE, 0x10FFFF]


def raw(code: int) -> bytes:
    return chr(code).encode("utf-8", "surrogatepass")


def references(code: int) -> list[bytes]:
    forms = (
        f"&#{code};",
        f"&#x{code:x};",
        f"&#x{code:X};",
        f"&#000{code};",
        f"&#x0000{code:x};",
        f"&#{code:050};",
    )
    return [form.encode() for form in forms]


def user_of(body: bytes) -> tuple[str | None, dict[str, int]]:
    found = count(body)
    assert (found.envelope.complete, found.envelope.error, found.features) == (True, None, 2)
    return found.changesets[0].user, found.flags


@pytest.mark.parametrize("code", FORBIDDEN)
def test_a_forbidden_character_is_replaced(code: int) -> None:
    for form in (raw(code), *references(code)):
        user, flags = user_of(BODY.replace(NAME.encode(), b"a" + form + b"z"))
        assert (user, flags) == ("a\ufffdz", {"character_replaced": 2})


@pytest.mark.parametrize("code", [0x110000, 0xFFFFFFFF, 10**30])
def test_a_reference_to_no_character_is_replaced(code: int) -> None:
    for form in (f"&#{code};", f"&#x{code:x};"):
        assert user_of(BODY.replace(NAME.encode(), form.encode()))[0] == "\ufffd"


@pytest.mark.parametrize("code", ALLOWED)
def test_all_other_characters_stay(code: int) -> None:
    forms = references(code) if code < 0x20 else [raw(code), *references(code)]
    for form in forms:
        assert user_of(BODY.replace(NAME.encode(), b"a" + form + b"z")) == (f"a{chr(code)}z", {})


@pytest.mark.parametrize(
    "form", [b"\x01", b"&#x1;", b"\xef\xbf\xbe", b"\xed\xa0\x80", b"&#00000000000000000011;"]
)
def test_wherever_the_reads_end(monkeypatch: pytest.MonkeyPatch, form: bytes) -> None:
    body = BODY.replace(NAME.encode(), form * 3)
    whole = count(body)
    assert whole.flags == {"character_replaced": 6}
    for chunk in (1, 2, 3, 7, 50):
        monkeypatch.setattr("stats_assets.osm.document.CHUNK", chunk)
        assert count(body) == whole


@pytest.mark.parametrize("seed", range(5))
def test_reads_of_any_size_give_the_same(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    parts = [
        b"\x01",
        b"&#1;",
        b"&#",
        b"x1",
        b";",
        b"&amp;",
        b"\xef",
        b"\xbf",
        b"\xbe",
        b"\xed",
        b"\xa0",
        b"\x80",
        b"a",
    ]
    body = b"".join(chance.choices(parts, k=3000))

    def read(sizes: list[int]) -> tuple[bytes, int]:
        characters, read = Characters(io.BytesIO(body)), b""
        while chunk := characters.read(chance.choice(sizes)):
            read += chunk
        assert characters.bytes_read == len(body)
        return read, characters.replaced

    whole = read([1 << 20])
    assert whole[1] > 100
    assert read([1]) == read([1, 2, 3, 100]) == whole


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\n<action", b"\n\x00\x01<action"),  # between the actions
        (b"</node>", b"\x0b</node>"),
        (b'version="0.6"', b'version="0.6" generator="a\x02b"'),  # of the root's own
        (b'version="0.6"', b'version="0.6" generator="a&#2;b"'),
        (b"<meta", b"<note>\x03</note><meta"),
        (b"</osm>", b"<remark>\x04</remark></osm>"),
    ],
)
def test_anywhere_in_the_document(old: bytes, new: bytes) -> None:
    assert old in BODY
    _, flags = user_of(BODY.replace(old, new, 1))
    assert set(flags) == {"character_replaced"}


def test_in_a_number_it_costs_that_action() -> None:
    found = count(BODY.replace(b'id="2"', b'id="2\x01"'))
    assert (found.features, found.flags) == (1, {"character_replaced": 1, "unreadable_id": 1})


def test_an_example_says_which() -> None:
    (example,) = count(BODY.replace(NAME.encode(), b"&#x1f;\x02")).examples
    assert "U+001F" in example


@pytest.mark.parametrize(
    ("encoding", "form", "user", "replaced"),
    [
        ("iso-8859-1", b"\xe9\x01", "é\ufffd", 2),
        ("iso-8859-1", b"\xef\xbf\xbe&#1;", "ï¿¾\ufffd", 2),
        ("windows-1252", b"\x80\x02", "€\ufffd", 2),
        ("US-ASCII", b"a\x1f", "a\ufffd", 2),
        ("UTF-8", b"\xc3\xa9\x01", "é\ufffd", 2),
        ("utf-8", b"\xc3\xa9", "é", 0),
    ],
)
def test_other_encodings(encoding: str, form: bytes, user: str, replaced: int) -> None:
    body = BODY.replace(b"UTF-8", encoding.encode()).replace(NAME.encode(), form)
    assert user_of(body) == (user, {"character_replaced": replaced} if replaced else {})


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "iso-8859-1", "iso-8859-15"]
ENCODINGS += ["windows-1252", "windows-1251", "us-ascii", "koi8-r", "shift_jis", "euc-jp", "gb18030", "big5"]


# What is not declared is UTF-8, where no zero bytes or marks say otherwise.
@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        (encoding, declared)
        for encoding in ENCODINGS
        for declared in (True, False)
        if declared or "utf" in encoding
    ],
)
def test_in_every_encoding_it_costs_itself(
    encoding: str, declared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = encoding.removesuffix("-sig") if encoding[-3:] not in ("-le", "-be") else encoding[:-3]
    for chunk in (1 << 16, 1001, 7):
        monkeypatch.setattr("stats_assets.osm.document.CHUNK", chunk)
        for form in ("\x01", "&#1;", "&#x1f;", "&#xFFFF;", "\x01&#x2;"):
            text = BODY.decode().replace('encoding="UTF-8"', f'encoding="{name}"' if declared else "")
            assert (name in text) == declared
            user, flags = user_of(text.replace(NAME, f"a{form}z").encode(encoding))
            count_ = 2 if form == "\x01&#x2;" else 1
            assert (user, flags) == (f"a{chr(0xFFFD) * count_}z", {"character_replaced": 2 * count_})


@pytest.mark.parametrize("form", ["\ufffe", "\uffff", "\ud800", "\udfff"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_what_is_no_character_in_wide_encodings(form: str, encoding: str) -> None:
    text = BODY.decode().replace("UTF-8", encoding[:6]).replace(NAME, f"a{form}z")
    assert user_of(text.encode(encoding, "surrogatepass")) == ("a\ufffdz", {"character_replaced": 2})


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-16", "björn 地図 😀"),
        ("utf-32", "björn 地図 😀"),
        ("iso-8859-1", "björn"),
        ("windows-1251", "Київ"),
        ("windows-1252", "“€”"),
        ("shift_jis", "地図"),
        ("gb18030", "地图 😀"),
    ],
)
def test_all_encodings_give_the_same(encoding: str, text: str) -> None:
    there = BODY.decode().replace(NAME, text)
    expected = count(there.encode())
    found = count(there.replace("UTF-8", encoding).encode(encoding))
    assert found._replace(bytes=0) == expected._replace(bytes=0)
    assert user_of(there.replace("UTF-8", encoding).encode(encoding)) == (text, {})


@pytest.mark.parametrize(
    ("encoding", "form", "user", "replaced"),
    [
        ("UTF-8", b"\xff", "?", 1),
        ("UTF-8", b"a\xe9z", "a?z", 1),  # Latin-1
        ("UTF-8", b"a\xc3(z", "a?(z", 1),
        ("UTF-8", b"\xe5\x9c", "??", 2),  # cut, as by a column of 255 bytes: the quote behind it stays
        ("UTF-8", b"\xf0\x9f\x98", "???", 3),
        ("UTF-8", b"\x80\xbf", "??", 2),
        ("UTF-8", b"\xc0\xaf", "??", 2),  # overlong
        ("UTF-8", b"\xe0\x80\xaf", "???", 3),
        ("UTF-8", b"\xf4\x90\x80\x80", "????", 4),  # beyond U+10FFFF
        ("UTF-8", b"\xed\xa0", "??", 2),  # half a surrogate
        ("UTF-8", b"\xed\xa0\x80\xff\x01", "???", 3),
        ("UTF-8", b"\xff\xe5\x9c\xb0\xff", "?地?", 2),
        ("windows-1252", b"a\x81\xe9", "a?é", 1),
        ("us-ascii", b"a\xe9\xe9", "a??", 2),
        ("shift_jis", b"a\x80z", "a?z", 1),
        ("shift_jis", b"a\x81", "a?", 1),  # the quote behind it stays
        ("euc-jp", b"\xa1", "?", 1),
        ("gb18030", b"a\x81", "a?", 1),
        ("big5", b"a\xa1", "a?", 1),
    ],
)
def test_a_byte_that_is_not_so_encoded_costs_itself(
    encoding: str, form: bytes, user: str, replaced: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = BODY.replace(b"UTF-8", encoding.encode()).replace(NAME.encode(), form)
    expected = (user.replace("?", "\ufffd"), {"character_replaced": 2 * replaced})
    assert user_of(body) == expected
    for chunk in (1, 2, 3, 50, 1001):
        monkeypatch.setattr("stats_assets.osm.document.CHUNK", chunk)
        assert user_of(body) == expected
    if encoding == "UTF-8":
        assert user_of(body.replace(b' encoding="UTF-8"', b"")) == expected


@pytest.mark.parametrize("damage", [b"\xff", b"\xe9", b"\xe5\x9c", b"\xff" * 1000])
def test_such_bytes_cost_themselves_wherever_the_reads_end(damage: bytes) -> None:
    many = [create(node(n, tags={"shop": "地図"}, user="björn")) for n in range(1500)]
    place = [create(node(1, tags={"shop": NAME}))]
    for actions in (place + many, many + place, many[:750] + place + many[750:]):
        found = count(diff(*actions).replace(NAME.encode(), damage))
        assert (found.envelope.complete, found.envelope.error, found.features) == (True, None, 1501)
        assert found.flags == {"character_replaced": len(damage)}
        assert "the byte " in found.examples[0]


def test_such_bytes_in_a_number_or_in_markup_are_no_lost_document() -> None:
    for old, new, flag in (
        (b'id="2"', b'id="2\xff"', "unreadable_id"),
        (b'<node id="2"', b'<nod\xff id="2"', "unreadable_sides"),
    ):
        damaged = BODY.replace(old, new)
        if flag == "unreadable_sides":
            damaged = damaged[::-1].replace(b"</node>"[::-1], b"</nod\xff>"[::-1], 1)[::-1]
        found = count(damaged)
        assert (found.features, found.flags) == (1, {"character_replaced": damaged.count(b"\xff"), flag: 1})


@pytest.mark.large
@pytest.mark.parametrize("size", [100_000, pytest.param(1_000_000, marks=pytest.mark.drill)])
def test_a_body_full_of_such_bytes_is_read_in_no_longer_time_than_its_size_says(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no pass over the rest for each: with one, a megabyte of them would take minutes."""
    decode, passed = codecs.utf_8_decode, 0

    def counting(data: bytes, *how: Any) -> tuple[str, int]:
        nonlocal passed
        passed += len(data)
        return decode(data, *how)

    monkeypatch.setattr(codecs, "utf_8_decode", counting)
    characters = Characters(io.BytesIO(b"<osm>" + b"\xff" * size))
    while characters.read(1 << 16):
        pass
    assert characters.replaced == size
    assert size < passed < 3 * size


@pytest.mark.parametrize(
    ("encoding", "damage"),
    [
        ("no-such-encoding", b"a"),
        ("utf-7", b"+AAE-"),
        ("unicode_escape", b"\\x41"),
    ],
)
def test_what_has_no_encoding_or_ends_within_a_character_costs_the_document_and_is_named(
    encoding: str, damage: bytes
) -> None:
    body = BODY.replace(b"UTF-8", encoding.encode()).replace(NAME.encode(), damage)
    found = count(body)
    assert not found.envelope.complete
    assert found.envelope.error
    for cut in ("utf-16", "utf-16-le", "utf-32"):
        found = count(BODY.decode().replace("UTF-8", cut[:6]).encode(cut)[:-1])
        assert not found.envelope.complete
        assert found.envelope.error


@pytest.mark.parametrize(
    "damage",
    [
        b"&nbsp;",
        b"&eacute;",
        b"& ",
        b"&",
        b"&;",
        b"&#;",
        b"&#x;",
        b"&#xg;",
        b"&#1",
        b"<",
        b'" shop="y" shop="z',
        b'" a:b="c',
    ],
)
def test_other_damage_costs_the_document(damage: bytes) -> None:
    """In the first element, in the last, and far from either: where the reads end."""
    many = [create(node(n, tags={"shop": "x"})) for n in range(1500)]
    place = [create(node(1, tags={"shop": NAME}))]
    for actions in (place + many, many + place, many[:750] + place + many[750:], place):
        found = count(diff(*actions).replace(NAME.encode(), damage))
        assert found.envelope.error is not None
        assert not found.envelope.complete


@pytest.mark.parametrize(
    "damage", ["&nbsp;", "<a:b/>", "]]>", "<a b='1' b='1'/>", "</action>", "<!-- -- -->", "<?xml?>"]
)
def test_damage_between_the_actions_costs_the_document(damage: str) -> None:
    many = [create(node(n, tags={"shop": "x"})) for n in range(1500)]
    for at in (0, 1, 750, 1499, 1500):
        found = count(diff(*many[:at], damage, *many[at:]))
        assert (found.envelope.complete, found.envelope.error is None) == (False, False)


AFTER = [
    "<osm></osm>",
    "<osm/>",
    "text",
    "&nbsp;",
    "&#65;",
    "\x00",
    "\x1a",
    "<",
    "<!--",
    "<?x",
    "<!DOCTYPE osm>",
    "]]>",
]


@pytest.mark.parametrize("after", AFTER)
def test_what_stands_behind_the_root_costs_the_document(after: str) -> None:
    many = [create(node(n, tags={"shop": "x"})) for n in range(600)]
    for body in (BODY, diff(*many)):
        assert count(body + after.encode()).envelope.error is not None
        assert count(body + b"\n" + after.encode() + body).envelope.error is not None


@pytest.mark.parametrize("after", ["", "\n\n ", "<!-- x -->", "<?x y?>\n"])
def test_but_no_blanks_and_comments(after: str) -> None:
    assert user_of(BODY + after.encode())[1] == {}


@pytest.mark.parametrize("name", ["entity-in-text.adiff.xml.gz", "second-root.adiff.xml"])
def test_documents_that_were_taken_for_whole_once(name: str) -> None:
    body = real_file(f"cases/{name}").read_bytes()
    body = gzip.decompress(body) if name.endswith(".gz") else body
    found = count_diff(io.BytesIO(body), categories=the_categories(), regions=squares())
    assert found.envelope.error is not None
