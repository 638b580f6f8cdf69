"""All that an answer is made from: the question, how far the numbers are, the snapshot, and what is counted here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from stats_assets.database.answers.lines import Lines, lines
from stats_assets.database.answers.minutes import Minutes, minutes
from stats_assets.database.answers.sizes import way
from stats_assets.database.answers.standing import Standing
from stats_assets.database.answers.subjects import Subject, subjects
from stats_assets.database.connection import Connection
from stats_assets.questions.question import Question
from stats_assets.questions.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Counting:
    """How this server counts, and how long its numbers may change."""

    vocabulary: Vocabulary
    definitions: str
    """The hash of the definitions."""
    settle_seconds: float


@dataclass(frozen=True)
class Asking:
    """A question in its snapshot. What is found out of it is so once, and only when it is needed."""

    connection: Connection
    question: Question
    standing: Standing
    counting: Counting

    @cached_property
    def complete_to(self) -> datetime | None:
        """Up to when all is counted that the question needs."""
        question = self.question
        return self.standing.complete_to(needs_changesets=question.needs_changesets or bool(question.users))

    @cached_property
    def subjects(self) -> list[Subject]:
        """Whom and what it is about, each that is answered by itself. Raises Problem."""
        return subjects(self.connection, self.question)

    @cached_property
    def minutes(self) -> Minutes:
        """Those of its window."""
        return minutes(
            self.connection,
            self.question.window,
            self.standing,
            self.complete_to,
            self.counting.definitions,
            from_facts=self.question.clock == "upload",
        )

    @property
    def vocabulary(self) -> Vocabulary:
        return self.counting.vocabulary

    @property
    def end(self) -> datetime:
        """The end of an open window: where time is now, in whole minutes."""
        now = self.standing.as_of.replace(second=0, microsecond=0)
        return max(now, self.complete_to or now) + timedelta(minutes=1)

    def lines(self, subject: Subject, *, regions: bool = False, most: int | None = None) -> Lines:
        """The lines of a subject by the shortest way. Raises Problem: more than `most` (None: than are quick)."""
        found = way(self.connection, subject, self.standing.as_of, most)
        return lines(subject, self.vocabulary, found, regions=regions)
