"""Counting one augmented diff: from a stream of XML to statistics per changeset.

Here: the order of work, batch by batch. Not here: any of the rules.
"""

import json
from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import BinaryIO

import numpy as np

from stats_assets.osm import compiled, strict
from stats_assets.osm.actions import ActionReader
from stats_assets.osm.caching import LONGEST
from stats_assets.osm.categories import ELEMENTS, Categories
from stats_assets.osm.credit import NOBODY, UNTIMED, Credit
from stats_assets.osm.document import Document
from stats_assets.osm.features import Feature, node_ids
from stats_assets.osm.flags import Flags
from stats_assets.osm.geometry import Geometer
from stats_assets.osm.positions import Lines
from stats_assets.osm.regions import Regions
from stats_assets.osm.statistics import DiffStatistics, FeatureError, Summing
from stats_assets.osm.told import Child, Grammar
from stats_assets.osm.values import EPOCH, microseconds, moment

# Enough for the vectorized work to be worth it, little enough to be forgotten soon.
BATCH_FEATURES, BATCH_POSITIONS = 2_000, 100_000
BATCH_BYTES = 8 << 20  # of the body: tags may be long
# Of a feature that is kept for table `errors`, or may come to be there.
TAGS_LENGTH, NODES = 10_000, 2_000
# What could not be read, and is not among the reader's actions.
NO_ACTIONS = ("unreadable_type", "unreadable_child", "unreadable_text")
FASTEST: Grammar = strict if compiled.MODULE is None else compiled.MODULE
NOBODYS = "the edit has no changeset: it is nobody's"


def count_diff(
    body: BinaryIO,
    *,
    categories: Categories,
    regions: Regions,
    limit: datetime | None = None,
    grammar: Grammar | None = FASTEST,
) -> DiffStatistics:
    """Count the features of an augmented diff (decompressed XML).

    limit: the end of its minute, beyond which no time of an edit is believed; None: not known. grammar: what takes
    actions ahead of lxml; None: lxml reads all. The result is the same.

    Never raises for what the body holds: a cut, foreign or empty one gives an envelope that says so, with what could
    be counted; what can't be read of a whole one is in the flags. Errors of `body.read` pass through. Memory is bounded
    by the biggest element, 12 bytes for each node that changed, 8 for each node of a way that moved, and a few hundred,
    beside their tags and an error's nodes (see FeatureError), for each way that moved, each error, and each changeset.
    """
    document = Document(body, "action", grammar)
    count = _Count(categories, regions, document.flags, limit, grammar)
    unfinished = count.reader.unfinished
    for batch in document.batches(unfinished.thin_out, unfinished.give_up):
        count.read(batch, document.bytes)
    return count.result(document)


class _Count:
    def __init__(
        self,
        categories: Categories,
        regions: Regions,
        flags: Flags,
        limit: datetime | None,
        grammar: Grammar | None,
    ) -> None:
        self._flags, self._limit = flags, limit
        self.reader = ActionReader(categories, flags, microseconds(limit) if limit else None, grammar)
        self._geometer = Geometer(categories, regions)
        self._summing = Summing(categories)
        self._bytes = 0  # of the body, when the last batch was counted
        # Ways that moved, with their tags; the nodes of all, so many of each, so many of them its new side's.
        self._moved: list[tuple[Feature, bytes]] = []
        self._nodes, self._sizes, self._own = array("q"), array("q"), array("q")
        self._errors: list[FeatureError] = []

    def read(self, actions: Iterable[Child], read: int) -> None:
        """Read actions; `read`: how many bytes of the body are."""
        reader = self.reader
        reader.read(actions)
        if (
            len(reader.features) >= BATCH_FEATURES
            or len(reader.positions) >= BATCH_POSITIONS
            or read - self._bytes >= BATCH_BYTES
        ):
            self._bytes = read
            self._count_batch()

    def _count_batch(self) -> None:
        features, positions = self.reader.take()
        lines = positions.lines()
        edits = [feature for feature in features if not (feature.moved and _stayed(feature, lines))]
        self.reader.tallies["minor_way_unmoved"] += len(features) - len(edits)
        self._geometer.work_out(edits, lines)
        for feature in edits:
            if feature.credit is not None:
                if self._add(feature, feature.credit):
                    nodes = node_ids(feature.nodes)[:NODES]
                    self._errors.append(_error(feature, feature.credit, _tags(feature), nodes))
            else:
                self._keep(feature)

    def _keep(self, feature: Feature) -> None:
        """Keep of a way that moved what is needed in the end."""
        own, old = node_ids(feature.nodes), node_ids(feature.old_nodes)
        self._own.append(len(own))
        self._sizes.append(len(own) + len(old))
        self._nodes.extend(own)
        self._nodes.extend(old)
        self._moved.append((feature, json.dumps(_tags(feature)).encode()))
        feature.new, feature.old, feature.nodes, feature.old_nodes = None, None, (), ()

    def _add(self, feature: Feature, credit: Credit) -> bool:
        """Count a feature. Whether it belongs into table `errors`."""
        if credit.changeset == NOBODY:
            self.reader.tallies["nobodys_edit"] += 1
            return True
        self._summing.add(feature, credit)
        return feature.broken is not None

    def result(self, document: Document) -> DiffStatistics:
        self._count_batch()
        # Ways that moved are credited last: their nodes may come after them.
        credits = self.reader.credits.newest(self._nodes, self._sizes)
        start = 0
        for (feature, tags), credit, size, own in zip(
            self._moved, credits, self._sizes, self._own, strict=True
        ):
            if credit is None:
                self.reader.tallies["minor_way"] += 1
            elif self._add(feature, credit):
                nodes = self._nodes[start : start + min(own, NODES)]
                self._errors.append(_error(feature, credit, json.loads(tags), nodes))
            start += size
        tallies = +self.reader.tallies
        if number := tallies["unknown_action_type"] if not self.reader.actions else 0:
            self._flags.add("unknown_action_type", "no action is a create, modify or delete", number)
        flags = dict(sorted(self._flags.counts.items()))
        lost = sum(flags.get(reason, 0) for reason in NO_ACTIONS)
        return DiffStatistics(
            envelope=document.envelope,
            actions=self.reader.actions + lost,
            features=self._summing.features,
            content_hash=document.content_hash,
            changesets=self._summing.changesets(self._limit or document.envelope.osm_base or EPOCH),
            errors=tuple(_numbered(self._errors)),
            tallies=dict(sorted(tallies.items())),
            bytes=document.bytes,
            flags=flags,
            examples=self._flags.examples,
            creations=self.reader.creations.counted,
        )


def _stayed(feature: Feature, lines: Lines) -> bool:
    """Is a minor way where it was: the same positions in the same order, the missing ones too?"""
    if feature.same_shape or feature.new is None or feature.old is None:
        return feature.same_shape
    (new,), (old,) = feature.new.lines, feature.old.lines
    if lines.size[new] != lines.size[old]:
        return False
    known = [lines.known[lines.start[line] :][: lines.size[line]] for line in (new, old)]
    return np.array_equal(known[0], known[1]) and np.array_equal(lines.xy(new), lines.xy(old))


def _tags(feature: Feature) -> dict[str, str]:
    """The feature's tags, cut as FeatureError says."""
    found: dict[str, str] = {}
    left = TAGS_LENGTH
    for key, value in feature.place.tags.items() if feature.place else ():
        key, value = key[:LONGEST], value[:LONGEST]
        left -= len(key) + len(value)
        if left < 0:
            break
        found[key] = value
    return found


def _error(feature: Feature, by: Credit, tags: dict[str, str], nodes: Sequence[int]) -> FeatureError:
    credit, reason = (None, NOBODYS) if by.changeset == NOBODY else (by, feature.broken or "")
    return FeatureError(
        type=ELEMENTS.index(feature.element) + 1,
        id=feature.id,
        ordinal=0,
        tags=tags,
        nds=tuple(nodes),
        changeset=credit.changeset if credit else None,
        uid=credit.uid if credit else None,
        user=credit.user if credit else None,
        updated=moment(credit.time) if credit and credit.time != UNTIMED else None,
        visible=feature.kind != "deleted",
        version=feature.version,
        reason=reason,
    )


def _numbered(errors: list[FeatureError]) -> Iterable[FeatureError]:
    """The errors in an order that does not depend on that of the actions, those of one element numbered."""
    before: FeatureError | None = None
    ordinal = 0
    for error in sorted(errors, key=lambda e: (e.type, e.id, e.version or 0, str(e))):
        same = before is not None and (before.type, before.id) == (error.type, error.id)
        ordinal = ordinal + 1 if same else 0
        before = error
        yield error._replace(ordinal=ordinal)
