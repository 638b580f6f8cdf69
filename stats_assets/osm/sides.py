"""From an `<action>` in lxml's tree to what it tells (docs/definitions.md, section 2).

Here: which elements are its two sides, and why they can't be read. Not here: the same of the strict grammar (strict),
and what it means (actions).
"""

from itertools import chain

from lxml import etree

from stats_assets.osm.caching import remembered
from stats_assets.osm.categories import ELEMENTS
from stats_assets.osm.told import Told
from stats_assets.osm.values import UnreadableError, read_number, shortened


def read_action(kind: str, action: etree._Element) -> Told:
    """What the action, of one of the known kinds, tells. Raises UnreadableError."""
    old, new = _sides(kind, action)
    element, get = str(new.tag), new.get
    id_text, visible = get("id"), get("visible")
    id_ = read_number(id_text, "id")
    version = _version(get("version"))
    if version is None and kind != "delete" and visible != "false":
        read_number(get("version"), "version")  # says why it can't be read
    before = None
    if old is not None:
        if old.get("id") != id_text or old.tag != element:
            _check_pair(old, element, id_)
        if old.get("visible") == "false":
            old = None
        else:
            before = _version(old.get("version"))
    edit = (get("timestamp"), get("changeset"), get("uid"), get("user"))
    return kind, element, id_, version, visible, edit, before, old, new


def _sides(action_kind: str, action: etree._Element) -> tuple[etree._Element | None, etree._Element]:
    """The element before (None for a creation) and after. Raises UnreadableError where one is not told.

    A creation is bare, or in `<new>`, which an empty or absent old side may accompany. What else an action holds is
    ignored.
    """
    try:
        if action_kind == "create":
            (new,) = action
            if new.tag in ELEMENTS:
                return None, new
        else:
            first, second = action
            (old,), (new,) = first, second
            tags = (first.tag, second.tag)
            if tags == ("old", "new") and old.tag in ELEMENTS and new.tag in ELEMENTS:
                return old, new
    except ValueError:
        pass
    olds, news = (
        [element for side in action.iterchildren(name) for element in side.iterchildren(*ELEMENTS)]
        for name in ("old", "new")
    )
    if action_kind == "create":
        olds = [old for old in olds if old.get("visible") != "false"]
        news += action.iterchildren(*ELEMENTS)
    if len(olds) != (action_kind != "create"):
        raise UnreadableError("sides", f"{len(olds) or 'no'} elements before the change")
    if len(news) != 1:
        raise UnreadableError("sides", f"{len(news) or 'no'} elements after the change")
    return olds[0] if olds else None, news[0]


def _check_pair(old: etree._Element, element: str, id_: int) -> None:
    """Raises UnreadableError where the old side is another element. One without an id is none."""
    text = old.get("id")
    if old.tag != element or (text is not None and read_number(text, "id") != id_):
        raise UnreadableError("pair", f"the old side is {old.tag} {shortened(text or '')}")


def name(action: etree._Element) -> str:
    """What an action is about, for a person."""
    element = next(
        chain(action.iterchildren(*ELEMENTS), action.iterfind("new/*"), action.iterfind("old/*")), None
    )
    about = f" {element.tag} {element.get('id', 'without id')}" if element is not None else ""
    return shortened(" ".join(f"{action.get('type', 'action without type')}{about}".split()))


@remembered(1000)
def _version(text: str | None) -> int | None:
    """A version; None: none that can be read."""
    try:
        return read_number(text, "version")
    except UnreadableError:
        return None
