"""Counting one augmented diff: from a stream of XML to statistics per changeset.

Here: the order of work, batch by batch. Not here: any of the rules.
"""

from array import array
from collections.abc import Iterable
from datetime import datetime
from typing import BinaryIO

from lxml import etree

from stats_assets.osm.categories import ELEMENTS, Categories
from stats_assets.osm.credit import Credit
from stats_assets.osm.document import Document
from stats_assets.osm.features import ActionReader, Feature, node_ids
from stats_assets.osm.geometry import Geometer
from stats_assets.osm.regions import Regions
from stats_assets.osm.statistics import DiffStatistics, FeatureError, Summing
from stats_assets.osm.values import moment

# Raised when the code counts differently, so that what was counted before is counted again.
COUNTING_VERSION = 1

# Enough for the vectorized work to be worth it, little enough to be forgotten soon.
BATCH_FEATURES, BATCH_POSITIONS = 2_000, 100_000
NOBODYS = "the deletion has no changeset: it is nobody's"


def count_diff(
    body: BinaryIO, *, categories: Categories, regions: Regions, limit: datetime | None = None
) -> DiffStatistics:
    """Count the features of an augmented diff (decompressed XML).

    limit: the end of its minute, beyond which no time of an edit is believed; None: not known.

    Never raises for what the body holds: a cut, foreign or empty one gives an envelope that says so, with what could
    be counted. Errors of `body.read` pass through. Memory is bounded by the biggest element, and a few hundred bytes
    for each way that moved, each error and each changeset.
    """
    document = Document(body, "action")
    count = _Count(categories, regions)
    for batch in document.batches(count.reader.thin_out):
        count.read(batch)
    return count.result(document)


class _Count:
    def __init__(self, categories: Categories, regions: Regions) -> None:
        self.reader = ActionReader(categories)
        self._geometer = Geometer(categories, regions)
        self._summing = Summing(categories)
        self._moved: list[tuple[Feature, array[int]]] = []
        self._errors: list[FeatureError] = []

    def read(self, actions: Iterable[etree._Element]) -> None:
        reader = self.reader
        reader.read(actions)
        if len(reader.features) >= BATCH_FEATURES or len(reader.positions) >= BATCH_POSITIONS:
            self._count_batch()

    def _count_batch(self) -> None:
        features, positions = self.reader.take()
        self._geometer.work_out(features, positions)
        for feature in features:
            if feature.credit is not None:
                self._add(feature, feature.credit)
            elif feature.moved:
                nodes = node_ids(feature.nodes) + node_ids(feature.old_nodes)
                feature.old, feature.old_nodes = None, ()
                if feature.broken is None:
                    feature.new, feature.nodes = None, ()
                self._moved.append((feature, nodes))
            else:
                self.reader.tallies["nobodys_deletion"] += 1
                self._errors.append(_error(feature, None, NOBODYS))

    def _add(self, feature: Feature, credit: Credit) -> None:
        self._summing.add(feature, credit)
        if feature.broken is not None:
            self._errors.append(_error(feature, credit, feature.broken))

    def result(self, document: Document) -> DiffStatistics:
        self._count_batch()
        # Ways that moved are credited last: their nodes may come after them.
        credits = self.reader.credits.newest([nodes for _, nodes in self._moved])
        for (feature, _), credit in zip(self._moved, credits, strict=True):
            if credit is None:
                self.reader.tallies["minor_way"] += 1
            else:
                self._add(feature, credit)
        return DiffStatistics(
            envelope=document.envelope,
            actions=self.reader.actions,
            features=self._summing.features,
            content_hash=document.content_hash,
            changesets=self._summing.changesets(),
            errors=tuple(_numbered(self._errors)),
            tallies=dict(sorted(self.reader.tallies.items())),
            bytes=document.bytes,
        )


def _error(feature: Feature, credit: Credit | None, reason: str) -> FeatureError:
    return FeatureError(
        type=ELEMENTS.index(feature.element) + 1,
        id=feature.id,
        ordinal=0,
        tags=feature.place.tags if feature.place else {},
        nds=tuple(node_ids(feature.nodes)),
        changeset=credit.changeset if credit else None,
        uid=credit.uid if credit else None,
        user=credit.user if credit else None,
        updated=moment(credit.time) if credit else None,
        visible=feature.kind != "deleted",
        version=feature.version,
        reason=reason,
    )


def _numbered(errors: list[FeatureError]) -> Iterable[FeatureError]:
    """The errors in an order that does not depend on that of the actions, those of one element numbered."""
    before: FeatureError | None = None
    ordinal = 0
    for error in sorted(errors, key=lambda e: (e.type, e.id, e.version, str(e))):
        same = before is not None and (before.type, before.id) == (error.type, error.id)
        ordinal = ordinal + 1 if same else 0
        before = error
        yield error._replace(ordinal=ordinal)
