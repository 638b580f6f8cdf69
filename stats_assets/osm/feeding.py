"""lxml's parser, as it is fed: its settings, the root that it makes, and what it complains of.

Here: what is lxml's own. Not here: what it is fed with, and when (document).
"""

from typing import Any

from lxml import etree

from stats_assets.osm.splitting import Splitter
from stats_assets.osm.tokens import RefusedError
from stats_assets.osm.values import storable


def new_parser(events: Any, tag: str | None) -> Any:
    """With entities, DTDs and the network switched off."""
    return etree.XMLPullParser(
        events=events,
        tag=tag,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=True,
        # Never collect_ids=False, which lxml 6.1 turns into loading the external DTD, whatever load_dtd says.
    )


class Feeding:
    """An lxml parser that is fed part by part; `root`, once there is one."""

    def __init__(self, splitter: Splitter) -> None:
        # The start of the root is the only event: one more kind, or an unfiltered one, costs a fifth of the speed.
        self._parser = new_parser(("start",), "osm")
        self._events = self._parser.read_events()
        self._splitter = splitter
        self.root: etree._Element | None = None

    def feed(self, part: bytes) -> RefusedError | None:
        """Parse. What lxml complains of without raising XMLSyntaxError is returned."""
        try:
            self._parser.feed(part)
        finally:
            for _, element in self._events:
                if self.root is None:
                    self.root = element
                    if not _is_plain(element):
                        self._splitter.stop()
        # Some errors (an undefined entity, an unknown prefix) lxml only logs, and then begins anew, or says nothing of
        # the next ones.
        complaint = _complaint(self._parser.feed_error_log.filter_from_errors())
        if complaint is None:
            return None
        self._splitter.stop()
        return RefusedError(complaint)

    @property
    def last(self) -> etree._Element | None:
        """The root's last child, which may be open."""
        return self.root[-1] if self.root is not None and len(self.root) else None

    @property
    def complaint(self) -> str | None:
        """The first in lxml's log, be it an error or none."""
        return _complaint(self._parser.feed_error_log)

    @property
    def error_types(self) -> set[Any]:
        """Of the errors in lxml's log."""
        return {entry.type for entry in self._parser.feed_error_log.filter_from_errors()}


def _is_plain(root: etree._Element) -> bool:
    """May the grammar read below it: no namespaces, and the bytes are the text in UTF-8."""
    return not root.nsmap and root.getroottree().docinfo.encoding in (None, "UTF-8", "utf-8", "UTF8", "utf8")


def _complaint(log: Any) -> str | None:
    return next((storable(str(entry.message)) for entry in log), None)
