"""Hashtags (docs/definitions.md, section 6)."""

import time
import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.osm.hashtags import _EMOJI, hashtags_in_comment, hashtags_of
from tests.telling import telling


@pytest.mark.parametrize(
    ("comment", "hashtags"),
    [
        ("", []),
        ("no hashtag", []),
        ("#one", ["one"]),
        ("a #Two and #THREE.", ["two", "three"]),
        ("#a#b", ["a", "b"]),
        ("##a", ["a"]),
        ("# a", []),
        ("#a #b #a #A", ["a", "b"]),
        ("#hotosm-project-1234: roads", ["hotosm-project-1234"]),
        ("#hotosm:project", ["hotosm:project"]),
        ("#a: #b:: #c:d:", ["a", "b", "c:d"]),
        ("#:", []),
        ("#a,b #c;d #e.f #g/h #i(j) #k!l #m?n", ["a", "c", "e", "g", "i", "k", "m"]),
        ("#a'b #c\"d #e$f #g%h #i*j #k<l #m=n #o>p", ["a", "c", "e", "g", "i", "k", "m", "o"]),
        ("#a@b #c[d #e]f #g^h #i{j #k|l #m}n #o~p #q\\r", ["a", "c", "e", "g", "i", "k", "m", "o", "q"]),
        ("#a_b #c-d #e&f #g+h #i`j", ["a_b", "c-d", "e&f", "g+h", "i`j"]),
        ("#a\u2013b #c\u2026 #d\u2e3a", ["a", "c", "d"]),
        ("#a\u00a0b #c\u3000d #e\tf\n#g", ["a", "c", "e", "g"]),
        ("#12345", []),
        ("#1a", ["1a"]),
        ("#-_-", []),
        ("#über #ÉCOLE #МИР #地図 #مسجد", ["über", "école", "мир", "地図", "مسجد"]),
        ("#🚲 #🇩🇪 #1🌍 #❤️ #☃", ["🚲", "🇩🇪", "1🌍", "❤️", "☃"]),
        ("#1️⃣ #→ #€ #½", []),  # digits, arrows, currencies and fractions are no pictographs
        ("#\U0001f3fb", []),  # a skin tone alone
        ("#a\x00b #c\ud800", ["a\ufffdb", "c\ufffd"]),
    ],
)
def test_comments(comment: str, hashtags: list[str]) -> None:
    assert hashtags_in_comment(comment) == hashtags


@pytest.mark.parametrize(
    ("comment", "tag", "hashtags"),
    [
        (None, None, []),
        ("#a", None, ["a"]),
        (None, "#a;#b", ["a", "b"]),
        (None, "a; b ;;c d", ["a", "b", "c"]),
        (None, "a, b ,,#c,d;e", ["a", "b", "c", "d", "e"]),
        (None, "MissingMaps #Kenya", ["missingmaps", "kenya"]),
        (None, "MissingMaps #Kenya;#kenya #More", ["missingmaps", "kenya", "more"]),
        (None, "one；two，＃three", ["one", "two", "three"]),  # full-width
        (None, "one、two", ["one"]),  # no separator, but an end
        (None, "\u3000＃a \u200e#b;\ufeff#c", ["a", "b", "c"]),
        (None, "##a;#;;,", ["a"]),
        (None, "#a https://osm.org/#b", ["a"]),
        ("#é", "e\u0301;É;E\u0301", ["é"]),
        ("#b #a", "#a;c;#B", ["b", "a", "c"]),
        (None, "some #a;b", ["some", "a", "b"]),
        (None, "123;;:", []),
        (None, "#a:;b:", ["a", "b"]),
    ],
)
def test_both_tags(comment: str | None, tag: str | None, hashtags: list[str]) -> None:
    assert hashtags_of(comment, tag) == hashtags


@pytest.mark.parametrize(
    ("comment", "hashtags"),
    [
        # full-width forms count as what they are of; other full-width punctuation ends, too
        ("＃道路", ["道路"]),
        ("#a＃b", ["a", "b"]),
        ("#hot：1 #b： #c:：", ["hot:1", "b", "c"]),
        *((f"#a{chr(ord(c) + 0xFEE0)}b", ["a"]) for c in "!\"#$%'()*,./;<=>?@[\\]^{|}~" if c != "#"),
        ("#a＆b", ["a"]),
        ("#ａＢ＿－＋c", ["ａｂ＿－＋c"]),
        # punctuation of all scripts
        ("#道路。 #建物、 #川「橋」 #مسجد،", ["道路", "建物", "川", "مسجد"]),
        ("#سؤال؟ #सड़क। «#a» ¿#b? #c¡ #d§", ["سؤال", "सड़क", "a", "b", "c", "d"]),
        ("「#a」（#b）《#c》", ["a", "b", "c"]),
        ("#l·l #ア・イ #צה״ל #ג׳ורג #བོད་ཡིག", ["l·l", "ア・イ", "צה״ל", "ג׳ורג", "བོད་ཡིག"]),
        ("#a·", ["a·"]),
        ("#ｱ･ｲ #a፡b #c†d", ["ｱ", "a", "c"]),
        # joiners
        ("#می\u200cخواهم #क्\u200dष", ["می\u200cخواهم", "क्\u200dष"]),
        ("#a\u200c\u200db", ["a\u200c\u200db"]),
        ("#a\u200c #b\u200d: #c\u200c. #\u200dd #\u200c", ["a", "b", "c"]),
        ("#👩\u200d🚒 #🏳️\u200d🌈", ["👩\u200d🚒", "🏳️\u200d🌈"]),
        # invisible marks
        ("#miss\u00ading #a\u200eb\u200f #c\u2066d\u2069 #\ufeffe", ["missing", "ab", "cd", "e"]),
        ("#f\u034f\u061c\u180eg", ["fg"]),
        ("\u200f#a\u2060b\u2064c\u202a\u202e", ["abc"]),
        ("#a\u200bb #c\u2065d #e\u206af", ["a", "c", "e"]),  # not among them
        # one form
        ("#é #e\u0301 #E\u0301 #É", ["é"]),
        ("#a\u00ad\u0301", ["á"]),
        ("#가 #\u1100\u1161", ["가"]),
        ("#\u212b #å #A\u030a", ["å"]),
        ("#İ #I\u0307 #i\u0307", ["i\u0307"]),
        ("#a=\u0338b #a≠b", ["a≠b"]),
        ("#a\u037eb #c\u0387d #c·d", ["a", "c·d"]),  # canonically ; and ·
        ("#ΟΔΟΣ #οδος", ["οδος"]),
        # white space of all kinds
        *((f"#a{c}b", ["a"]) for c in "\t\n\v\f\r \x1c\x1f\x85\xa0\u1680\u2000\u2009\u2028\u2029\u202f\u205f\u3000"),
        # URLs
        ("https://osm.org/#map=1/2/3 #a", ["a"]),
        ("see (http://a.b/#c) #d", ["d"]),
        ("HTTPS://a.b/#c Www.a.b/#d", []),
        ("www.a.b/#c#d\u3000#e", ["e"]),
        ("詳細はhttps://a.b/＃c www.a.b/,#c", []),
        ("#a:https://b.c/#d", ["a:https"]),
        ("awww.#cute http:#b https:/#c ftp://a/#d www,#e", ["cute", "b", "c", "d", "e"]),
        # emoji
        ("#❤ #❤️", ["❤", "❤️"]),
        ("#️⃣ #⃣ #✊🏽 #🇺🇦🇺", ["✊🏽", "🇺🇦🇺"]),
        ("#⁉ #‼ #Ⓜ #ⓜ", []),  # punctuation; a circled letter is a pictograph as a capital only
        ("#ª #ⅷ #๑ #ก", ["ª", "ก"]),
    ],
)  # fmt: skip
def test_all_scripts(comment: str, hashtags: list[str]) -> None:
    assert hashtags_in_comment(comment) == hashtags


# The definition in the words of another library.
ENDS = regex.compile(
    r"[\s\x1c-\x1f\u2000-\u200b\u200e-\u206f\u2e00-\u2e7f\\'!\"#$%()*,./;<=>?@\[\]^{|}~\x00\ud800-\udfff"
    r"\p{Po}\p{Ps}\p{Pe}\p{Pi}\p{Pf}＃！＂＄％＇（）＊，．／；＜＝＞？＠［＼］＾｛｜｝～--[&·・׳״་:]]",
    regex.V1,
)
PIECES = [
    *"##＃#::;,. 。=aÉİΣß地़가·・\u200c\u200d\u00ad\u0301\u0338\u1161\ufe0f🇺Ⓜ",
    "https://",
    "www.",
    "e\u0301",
]
TEXTS = st.text() | st.lists(st.sampled_from(PIECES) | st.characters()).map("".join)


@given(TEXTS)
def test_what_comes_out_is_a_hashtag_and_gives_itself(text: str) -> None:
    found = hashtags_in_comment(text)
    assert len(set(found)) == len(found)
    for hashtag in found:
        assert hashtags_in_comment(f"#{hashtag}") == [hashtag]
        assert hashtags_of(None, hashtag) == hashtags_of(None, f"#{hashtag}") == [hashtag]
        assert hashtag == hashtag.lower() == unicodedata.normalize("NFC", hashtag)
        assert not ENDS.search(hashtag)
    assert hashtags_in_comment(" ".join(f"#{hashtag}" for hashtag in found)) == found


@given(TEXTS)
def test_how_a_text_is_encoded_does_not_matter(text: str) -> None:
    found = hashtags_in_comment(text)
    for form in ("NFC", "NFD"):
        assert hashtags_in_comment(unicodedata.normalize(form, text)) == found
    assert hashtags_of(text, None) == found
    assert hashtags_in_comment(text.replace("#", "＃")) == found


def test_every_character_is_one_of_a_hashtag_or_ends_it() -> None:
    marks = regex.compile(
        r"[\xad\u034f\u061c\u180e\u200c-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff：]"
    )
    wrong = []
    for code in range(0x20000):
        character = unicodedata.normalize("NFC", chr(code))
        # Ideographs are many, and what this Python's Unicode does not know yet may be punctuation in a newer one.
        if unicodedata.category(chr(code)) in ("Cn", "Cs", "Lo") or code == 0 or marks.match(character):
            continue
        (found, *_) = hashtags_in_comment(f"#x{character}y")
        if (found == "x") != bool(ENDS.search(character)):
            wrong.append(f"{code:04x}")
    assert wrong == []


def test_the_emoji_are_unicode_s() -> None:
    every = "".join(map(chr, range(0x110000)))
    ours = set(_EMOJI.findall(every))
    assert len(ours) == 3537 + 26  # Unicode 13 to 16: emoji-data.txt has 3,537 Extended_Pictographic
    theirs = regex.findall(r"[\p{Extended_Pictographic}\p{Regional_Indicator}]", every)
    assert ours.issuperset(theirs)  # Unicode 17 took some away
    assert ours.isdisjoint("#*0123456789")


LONG = (
    "#",
    "www.",
    "#a",
    "\u0301\u0323",
    "#a\u200d",
    "#\u200d",
    "#:",
    "https://",
    "#a:\u200d",
    "http:/#",
    "＃，",
    "地",
)


@pytest.mark.large
@pytest.mark.parametrize("piece", telling(LONG, "#", "\u0301\u0323", "#a\u200d", "https://"))
def test_a_long_text_takes_no_longer_for_each_character(piece: str) -> None:
    def seconds(length: int) -> float:
        text = f"#x{piece * (length // len(piece))}"
        began = time.process_time()
        hashtags_of(text, text)
        return time.process_time() - began

    # Quadratic would be 256 times as long.
    assert min(seconds(160_000) for _ in range(2)) < 64 * max(seconds(10_000), 0.005)
