"""Counting one augmented diff: from a stream of XML to statistics per changeset.

Here: the order of work, batch by batch. Not here: any of the rules.
"""

from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import BinaryIO

import numpy as np
from lxml import etree

from stats_assets.osm.actions import ActionReader
from stats_assets.osm.categories import ELEMENTS, Categories
from stats_assets.osm.credit import NOBODY, UNTIMED, Credit
from stats_assets.osm.document import Document
from stats_assets.osm.features import Feature, node_ids
from stats_assets.osm.flags import Flags
from stats_assets.osm.geometry import Geometer
from stats_assets.osm.positions import Lines
from stats_assets.osm.regions import Regions
from stats_assets.osm.statistics import DiffStatistics, FeatureError, Summing
from stats_assets.osm.values import EPOCH, microseconds, moment

# Raised when the code counts differently, so that what was counted before is counted again.
COUNTING_VERSION = 2

# Enough for the vectorized work to be worth it, little enough to be forgotten soon.
BATCH_FEATURES, BATCH_POSITIONS = 2_000, 100_000
# What could not be read, and is not among the reader's actions.
NO_ACTIONS = ("unreadable_type", "unreadable_child", "unreadable_text")
NOBODYS = "the edit has no changeset: it is nobody's"


def count_diff(
    body: BinaryIO, *, categories: Categories, regions: Regions, limit: datetime | None = None
) -> DiffStatistics:
    """Count the features of an augmented diff (decompressed XML).

    limit: the end of its minute, beyond which no time of an edit is believed; None: not known.

    Never raises for what the body holds: a cut, foreign or empty one gives an envelope that says so, with what could
    be counted; what can't be read of a whole one is in the flags. Errors of `body.read` pass through. Memory is bounded
    by the biggest element, and a few hundred bytes for each way that moved, each error and each changeset.
    """
    document = Document(body, "action")
    count = _Count(categories, regions, document.flags, limit)
    unfinished = count.reader.unfinished
    for batch in document.batches(unfinished.thin_out, unfinished.give_up):
        count.read(batch)
    return count.result(document)


class _Count:
    def __init__(
        self, categories: Categories, regions: Regions, flags: Flags, limit: datetime | None
    ) -> None:
        self._flags, self._limit = flags, limit
        self.reader = ActionReader(categories, flags, microseconds(limit) if limit else None)
        self._geometer = Geometer(categories, regions)
        self._summing = Summing(categories)
        self._moved: list[
            tuple[Feature, array[int], int]
        ] = []  # with its nodes, so many of them the new side's
        self._errors: list[FeatureError] = []

    def read(self, actions: Iterable[etree._Element]) -> None:
        reader = self.reader
        reader.read(actions)
        if len(reader.features) >= BATCH_FEATURES or len(reader.positions) >= BATCH_POSITIONS:
            self._count_batch()

    def _count_batch(self) -> None:
        features, positions = self.reader.take()
        lines = positions.lines()
        edits = [feature for feature in features if not (feature.moved and _stayed(feature, lines))]
        self.reader.tallies["minor_way_unmoved"] += len(features) - len(edits)
        self._geometer.work_out(edits, lines)
        for feature in edits:
            if feature.credit is not None:
                self._add(feature, feature.credit)
            else:
                nodes = node_ids(feature.nodes)
                self._moved.append((feature, nodes + node_ids(feature.old_nodes), len(nodes)))
                feature.old, feature.nodes, feature.old_nodes = None, (), ()

    def _add(self, feature: Feature, credit: Credit, nodes: Sequence[int] | None = None) -> None:
        """Count a feature, or book why not; `nodes`: a way's, where the feature has forgotten them."""
        if credit.changeset == NOBODY:
            self.reader.tallies["nobodys_edit"] += 1
            self._errors.append(_error(feature, None, nodes, NOBODYS))
            return
        self._summing.add(feature, credit)
        if feature.broken is not None:
            self._errors.append(_error(feature, credit, nodes, feature.broken))

    def result(self, document: Document) -> DiffStatistics:
        self._count_batch()
        # Ways that moved are credited last: their nodes may come after them.
        credits = self.reader.credits.newest([nodes for _, nodes, _ in self._moved])
        for (feature, nodes, own), credit in zip(self._moved, credits, strict=True):
            if credit is None:
                self.reader.tallies["minor_way"] += 1
            else:
                self._add(feature, credit, nodes[:own])
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


def _error(feature: Feature, credit: Credit | None, nodes: Sequence[int] | None, reason: str) -> FeatureError:
    return FeatureError(
        type=ELEMENTS.index(feature.element) + 1,
        id=feature.id,
        ordinal=0,
        tags=feature.place.tags if feature.place else {},
        nds=tuple(node_ids(feature.nodes) if nodes is None else nodes),
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
