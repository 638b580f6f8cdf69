"""The changesets' side of the world: which are open, when they close or are talked about, and their feed's files.

One changeset is in `session`, a file's text in `changeset_file`, the edits in `world`.
"""

import gzip
from collections import defaultdict
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from stats_assets.demo.answers.changeset_file import ChangesetFile, write_changesets
from stats_assets.demo.world.mappers import COMMENTERS, MAPPERS, REMARKS
from stats_assets.demo.world.minute import since, until
from stats_assets.demo.world.places import Place
from stats_assets.demo.world.session import Comment, Session

_FIRST_CHANGESET = 2_147_483_620
"""So that ids pass 2³¹ within the first minutes."""


class Published(NamedTuple):
    """A changeset file and its bytes (gzip)."""

    file: ChangesetFile
    packed: bytes


class Sessions:
    """`first`: the world's first diff; `files_first`: its first changeset file. Minutes are numbered from 0."""

    def __init__(self, first: int, files_first: int) -> None:
        self.published: list[Published] = []
        self._first = first
        self._files_first = files_first
        self._alive: list[Session] = []
        self._opened = 0
        self._talks: dict[int, list[Session]] = defaultdict(list)
        self._events: list[tuple[datetime, Session]] = []

    def editing(self, minute: int) -> list[Session]:
        """Those that may upload something now."""
        return [session for session in self._alive if minute <= session.edits_until and not session.empty]

    def open(
        self, minute: int, rng: Random, *, place: Place | None = None, anonymous: bool = False
    ) -> Session:
        turn, self._opened = self._opened, self._opened + 1
        mapper = rng.choice([mapper for mapper in MAPPERS if place is None or place in mapper.places])
        last = minute + rng.randint(0, 6)
        session = Session(
            _FIRST_CHANGESET + turn,
            None if anonymous else mapper,
            place or rng.choice(mapper.places),
            since(self._first + minute) + timedelta(seconds=rng.randint(1, 10)),
            rng.choice(mapper.editors),
            rng.choice(REMARKS),
            minute if anonymous else last,
            None if turn % 11 == 7 else last + rng.randint(0, 5),
            rng.choice(REMARKS) if turn % 5 == 2 else None,
            silent=turn % 13 == 5,
            empty=place is None and turn % 6 == 4,
        )
        self._alive.append(session)
        if session.silent or turn % 7 == 3:
            self._talks[last + rng.randint(8, 30)].append(session)
        if not session.silent:
            self._events.append((session.created_at, session))
        return session

    def close(self, minute: int, rng: Random) -> None:
        for session in self._alive:
            if session.closes == minute:
                session.closed_at = since(self._first + minute) + timedelta(seconds=rng.randint(51, 60))
                if not session.silent:
                    self._events.append((session.closed_at, session))
        self._alive = [session for session in self._alive if not self._over(session, minute)]

    def talk(self, minute: int, rng: Random) -> None:
        for session in self._talks.pop(minute, ()):
            uid, user = rng.choice(COMMENTERS)
            date = since(self._first + minute) + timedelta(seconds=rng.randint(5, 45))
            session.discussion.append(Comment(uid, user, date, "Nice work.\nIs the <name> right?"))
            self._events.append((date, session))

    def publish(self, minute: int, rng: Random) -> None:
        """About a file a minute: some runs are left out, the next covers two minutes (docs/feeds.md, section 3.1)."""
        if minute % 17 == 11:
            return
        last_run = until(self._first + minute) - timedelta(microseconds=rng.randint(1, 9_000_000))
        due = {session.id: session for time, session in self._events if time < last_run}
        self._events = [(time, session) for time, session in self._events if time >= last_run]
        changesets = tuple(due[key].metadata(minute, last_run) for key in sorted(due))
        file = ChangesetFile(self._files_first + len(self.published), last_run, changesets)
        self.published.append(Published(file, gzip.compress(write_changesets(changesets), 6, mtime=0)))

    @staticmethod
    def _over(session: Session, minute: int) -> bool:
        return minute >= session.edits_until and (session.closed_at is not None or session.closes is None)
