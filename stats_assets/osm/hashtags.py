"""Hashtags in changesets' tags (docs/definitions.md, section 6). Not here: where those tags come from (changesets).

A text is brought into one form first: without invisible marks, in NFC, and with one character for each kind of end.
What is found in that is read again as itself.
"""

import re
import unicodedata

from stats_assets.osm.values import storable

_ENDS = "\\'!\"#$%()*,./;<=>?@[]^{|}~"  # of ASCII
_END = "!"  # stands for all the others
_WIDE = {ord(c) + 0xFEE0: c for c in f"{_ENDS}:"}  # their full-width forms
_PUNCTUATION = frozenset(("Po", "Ps", "Pe", "Pi", "Pf"))
_INSIDE_WORDS = frozenset("·・׳״་")  # of punctuation
_JOINERS = "\u200c\u200d"
_MARKS = re.compile("[\u00ad\u034f\u061c\u180e\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
# Whatever the scheme's letters; "awww." begins no address.
_URL = re.compile(r"(?ai:https?://|(?<![a-z0-9])www\.)\S*")
_CHARACTER = rf"[^\s{_JOINERS}{re.escape(_ENDS)}]"
_HASHTAG = re.compile(f"#({_CHARACTER}++(?:[{_JOINERS}]++{_CHARACTER}++)*+)")
# Accents are put in order in quadratic time: so a text in which thousands follow each other is cut. Elsewhere a piece
# ends before a character of ASCII, which changes nothing.
_PIECES = re.compile(r"(?s).{1,500}[^\x00-\x7f]{0,500}")
# Flags (regional indicators), and Unicode 15's Extended_Pictographic, of which digits and # are no part.
_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u2388"
    "\u23cf\u23e9-\u23f3\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2605\u2607-\u2612"
    "\u2614-\u2685\u2690-\u2705\u2708-\u2712\u2714\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e"
    "\u2753-\u2755\u2757\u2763-\u2767\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50"
    "\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f12f\U0001f16c-\U0001f171"
    "\U0001f17e\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f1ad-\U0001f1e5\U0001f201-\U0001f20f\U0001f21a"
    "\U0001f22f\U0001f232-\U0001f23a\U0001f23c-\U0001f23f\U0001f249-\U0001f3fa\U0001f400-\U0001f53d"
    "\U0001f546-\U0001f64f\U0001f680-\U0001f6ff\U0001f774-\U0001f77f\U0001f7d5-\U0001f7ff\U0001f80c-\U0001f80f"
    "\U0001f848-\U0001f84f\U0001f85a-\U0001f85f\U0001f888-\U0001f88f\U0001f8ae-\U0001f8ff\U0001f90c-\U0001f93a"
    "\U0001f93c-\U0001f945\U0001f947-\U0001faff\U0001fc00-\U0001fffd]"
)


_KNOWN = 20_000  # characters that are remembered: more than a text in any script has


class _Plain(dict[int, int | str]):
    """For `str.translate`: full-width forms become ASCII, other ends of a hashtag `!`; the rest stays."""

    def __missing__(self, code: int) -> int | str:
        if len(self) >= _KNOWN:
            self.clear()
        plain = self[code] = _WIDE.get(code) or (_END if _ends(chr(code)) else code)
        return plain


def _ends(character: str) -> bool:
    if character.isascii() or character.isspace() or character in _JOINERS or character in _INSIDE_WORDS:
        return False
    general = "\u2000" <= character <= "\u206f" or "\u2e00" <= character <= "\u2e7f"
    return general or unicodedata.category(character) in _PUNCTUATION


_PLAIN = _Plain()


def hashtags_in_comment(text: str) -> list[str]:
    """The hashtags in a comment, without `#`, lower-cased, in NFC, each once, in order of first appearance.

    Each of them, read again behind a `#`, gives itself.
    """
    return list(dict.fromkeys(_found(_plain(text))))


def hashtags_of(comment: str | None, hashtags: str | None) -> list[str]:
    """The hashtags of a changeset with these values of its tags `comment` and `hashtags`; None: no such tag."""
    found = _found(_plain(comment or ""))
    for entry in re.split("[;,]", _plain(hashtags or "")):
        found += _found(f"#{entry.strip()}")
    return list(dict.fromkeys(found))


def _plain(text: str) -> str:
    return _nfc(_MARKS.sub("", storable(text))).translate(_PLAIN)


def _nfc(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", piece) for piece in _PIECES.findall(text))


def _found(plain: str) -> list[str]:
    outside = _URL.sub(lambda url: url[0].replace("#", _END), plain)
    tags = (tag.rstrip(f":{_JOINERS}").lower() for tag in _HASHTAG.findall(outside))
    return [_nfc(tag) for tag in tags if _says_something(tag)]


def _says_something(hashtag: str) -> bool:
    return any(unicodedata.category(c)[0] == "L" for c in hashtag) or _EMOJI.search(hashtag) is not None
