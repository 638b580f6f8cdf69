"""The strict grammar, as regular expressions: actions exactly as Overpass writes them.

Here: what is of the grammar. Not here: reading what was found (strict), and what becomes of all else (splitting).
The expressions are possessive, so that what is not of the grammar is seen in one pass. A value with a reference or a
line break is not: lxml knows what it means. So what is taken is well-formed, and reads as lxml would read it.
"""

import re

_BLANK = r"[ \t\n]*+"
_TEXT = r'[^<&"\n\t\r]*+'
_NUMBER = r"(?:0|[1-9][0-9]{0,17}+)"
_DEGREES = r"-?[0-9]{1,9}+(?:\.[0-9]{1,15}+)?+"
_PLACE = rf' lat="{_DEGREES}" lon="{_DEGREES}"'
_EDIT = rf'(?: timestamp="{_TEXT}")?+(?: changeset="{_NUMBER}")?+(?: uid="{_NUMBER}")?+(?: user="{_TEXT}")?+'
_BOUNDS = (
    "<bounds" + "".join(rf' {side}="{_DEGREES}"' for side in ("minlat", "minlon", "maxlat", "maxlon")) + "/>"
)
_NODE = rf'<nd ref="{_NUMBER}"{_PLACE}/>'
_PLACED = rf"<nd{_PLACE}/>"
_MEMBER_BEGIN = rf'<member type="(?:node|way|relation)" ref="{_NUMBER}" role="{_TEXT}"(?:{_PLACE})?+'
_MEMBER = rf"{_MEMBER_BEGIN}(?:/>|>{_BLANK}(?:{_PLACED}{_BLANK})*+</member>)"
_TAGS = rf'(?:<tag k="{_TEXT}" v="{_TEXT}"/>{_BLANK})*+'
_INSIDE = {
    "node": _TAGS,
    "way": rf"(?:{_BOUNDS}{_BLANK})?+(?:{_NODE}{_BLANK})*+{_TAGS}",
    "relation": rf"(?:{_BOUNDS}{_BLANK})?+(?:{_MEMBER}{_BLANK})*+{_TAGS}",
}


_INSIDE_BEGUN = {
    "node": _TAGS,
    "way": _INSIDE["way"],
    "relation": rf"{_INSIDE['relation']}(?:{_MEMBER_BEGIN}>{_BLANK}(?:{_PLACED}{_BLANK})*+)?+",
}


def _head(element: str) -> str:
    place = f"(?:{_PLACE})?+" if element == "node" else ""
    return rf'<{element} id="({_NUMBER})"({place})(?: visible="(true|false)")?+(?: version="({_NUMBER})")?+({_EDIT})'


def _action(element: str) -> re.Pattern[bytes]:
    """An action about such an element, with the blanks around it.

    Groups: modify or delete (none: create); of the old side and of the new one the id, the position, `visible`, the
    version, whose edit it is, and what is inside.
    """
    side = rf"{_head(element)}(?:/>|>{_BLANK}({_INSIDE[element]})</{element}>)"
    sides = (
        rf'(?:create">{_BLANK}|(modify|delete)">{_BLANK}<old>{_BLANK}{side}{_BLANK}</old>{_BLANK}<new>{_BLANK})'
        rf"{side}{_BLANK}(?(1)</new>{_BLANK})"
    )
    return re.compile(rf'{_BLANK}<action type="{sides}</action>{_BLANK}'.encode())


def _begun() -> re.Pattern[bytes]:
    whole = "|".join(rf"{_head(e)}(?:/>|>{_BLANK}{_INSIDE[e]}</{e}>)" for e in _INSIDE)
    begun = "|".join(rf"{_head(e)}>{_BLANK}{_INSIDE_BEGUN[e]}" for e in _INSIDE)
    after = rf"(?:{whole}){_BLANK}(?:</new>{_BLANK})?+"
    sides = (
        rf'(?:create">{_BLANK}(?:{begun}|(?:{whole}){_BLANK})?|(?:modify|delete)">{_BLANK}(?:<old>{_BLANK}'
        rf"(?:{begun}|(?:{whole}){_BLANK}(?:</old>{_BLANK}(?:<new>{_BLANK}(?:{begun}|{after})?)?)?)?)?)"
    )
    pattern = rf'{_BLANK}<action type="{sides}\Z'
    return re.compile(re.sub(r"\((?!\?)", "(?:", pattern).encode())


ACTIONS = {element: _action(element) for element in _INSIDE}
BEGUN = _begun()
"""An action that the end of the data cuts: so far it is of the grammar."""
