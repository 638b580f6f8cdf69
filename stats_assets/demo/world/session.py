"""A changeset while it lives: opened, edited, closed or forgotten, talked about; and how its metadata looks
then.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from stats_assets.demo.world.elements import Point
from stats_assets.demo.world.mappers import ANONYMOUS, Mapper, Remark
from stats_assets.demo.world.places import Place


class Comment(NamedTuple):
    """A line of the discussion of a changeset."""

    uid: int
    user: str
    date: datetime
    text: str


class Metadata(NamedTuple):
    """One changeset in one replication file. `bbox`: min_lat, max_lat, min_lon, max_lon in 1e-7 degree."""

    id: int
    created_at: datetime
    closed_at: datetime | None
    num_changes: int
    uid: int
    user: str
    bbox: tuple[int, int, int, int] | None
    editor: str | None
    remark: Remark
    discussion: tuple[Comment, ...]


@dataclass(eq=False)
class Session:
    """`edits_until`, `closes`: minutes of the world; `closes=None`: never, as happens (docs/feeds.md, section 3.3).

    `silent`: its metadata comes with a comment only, much later. `empty`: nothing is ever uploaded.
    """

    id: int
    mapper: Mapper | None
    place: Place
    created_at: datetime
    editor: str | None
    remark: Remark
    edits_until: int
    closes: int | None
    last_remark: Remark | None = None
    silent: bool = False
    empty: bool = False
    talked_about: int | None = None
    closed_at: datetime | None = None
    num_changes: int = 0
    bbox: tuple[int, int, int, int] | None = None
    discussion: list[Comment] = field(default_factory=list)

    @property
    def uid(self) -> int:
        return ANONYMOUS if self.mapper is None else self.mapper.uid

    def user(self, minute: int) -> str:
        return "" if self.mapper is None else self.mapper.name_at(minute)

    def changed(self, point: Point | None = None) -> None:
        self.num_changes += 1
        if point is not None:
            south, north, west, east = self.bbox or (point[0], point[0], point[1], point[1])
            self.bbox = min(south, point[0]), max(north, point[0]), min(west, point[1]), max(east, point[1])

    def metadata(self, minute: int, now: datetime) -> Metadata:
        closed_at = self.closed_at if self.closed_at is not None and self.closed_at < now else None
        return Metadata(
            self.id,
            self.created_at,
            closed_at,
            self.num_changes,
            self.uid,
            self.user(minute),
            self.bbox,
            self.editor,
            self.last_remark if self.last_remark is not None and closed_at is not None else self.remark,
            tuple(comment for comment in self.discussion if comment.date < now),
        )
