"""The changeset replication files and their state, as the planet server has them (docs/feeds.md, section 3).

Which changesets a file holds is the world's business.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from stats_assets.demo.answers.augmented_diff import escape
from stats_assets.demo.world.mappers import ANONYMOUS
from stats_assets.demo.world.session import Metadata

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6" generator="replicate_changesets.rb" copyright="OpenStreetMap and contributors" \
attribution="http://www.openstreetmap.org/copyright" license="http://opendatacommons.org/licenses/odbl/1-0/"\
"""


class ChangesetFile(NamedTuple):
    """One file. `last_run`: the generator's time; what it holds happened before."""

    sequence: int
    last_run: datetime
    changesets: tuple[Metadata, ...]

    @property
    def newest(self) -> datetime | None:
        """The newest time in the body: when its names were so."""
        times = [time for changeset in self.changesets for time in _times(changeset)]
        return max(times, default=None)


def write_changesets(changesets: Iterable[Metadata]) -> bytes:
    lines = "".join(f"  {line}\n" for changeset in changesets for line in _changeset(changeset))
    return f"{_HEAD}>\n{lines}</osm>\n".encode() if lines else f"{_HEAD}/>\n".encode()


def write_state(sequence: int, last_run: datetime) -> bytes:
    """`state.yaml`; nine digits of a second, and the zone as older files have it."""
    return f"---\nlast_run: {last_run:%Y-%m-%d %H:%M:%S.%f}000 Z\nsequence: {sequence}\n".encode()


def _times(changeset: Metadata) -> Iterator[datetime]:
    yield changeset.created_at
    if changeset.closed_at is not None:
        yield changeset.closed_at
    yield from (comment.date for comment in changeset.discussion)


def _changeset(changeset: Metadata) -> Iterator[str]:
    tags = {
        "created_by": changeset.editor,
        "comment": changeset.remark.comment,
        "hashtags": changeset.remark.hashtags,
        "source": "survey; imagery" if changeset.id % 3 == 0 else None,
    }
    content = [f'<tag k="{key}" v="{escape(value)}"/>' for key, value in tags.items() if value is not None]
    if changeset.discussion:
        content.append("<discussion>")
        for comment in changeset.discussion:
            user = escape(comment.user)
            content.append(f'  <comment uid="{comment.uid}" user="{user}" date="{_time(comment.date)}">')
            content.append(f"    <text>{escape(comment.text)}</text>")
            content.append("  </comment>")
        content.append("</discussion>")
    attributes = " ".join(f'{key}="{value}"' for key, value in _attributes(changeset))
    if not content:
        yield f"<changeset {attributes}/>"
        return
    yield f"<changeset {attributes}>"
    yield from (f"  {line}" for line in content)
    yield "</changeset>"


def _attributes(changeset: Metadata) -> Iterator[tuple[str, str]]:
    yield "id", str(changeset.id)
    yield "created_at", _time(changeset.created_at)
    if changeset.closed_at is not None:
        yield "closed_at", _time(changeset.closed_at)
    yield "open", "true" if changeset.closed_at is None else "false"
    yield "num_changes", str(changeset.num_changes)
    if changeset.uid != ANONYMOUS:
        yield "user", escape(changeset.user)
        yield "uid", str(changeset.uid)
    if changeset.bbox is not None:
        names = ("min_lat", "max_lat", "min_lon", "max_lon")
        yield from zip(names, (_float(value / 10**7) for value in changeset.bbox), strict=True)
    yield "comments_count", str(len(changeset.discussion))


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _float(value: float) -> str:
    """As Ruby prints it: `1.0e-07` where Python says `1e-07`."""
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text
