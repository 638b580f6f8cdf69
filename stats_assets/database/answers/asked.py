"""All that an answer is made from: the question, how far the numbers are, the snapshot, and what is counted here."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stats_assets.database.answers.lines import Lines, lines
from stats_assets.database.answers.minutes import Minutes, minutes
from stats_assets.database.answers.sizes import size
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


@dataclass
class Asking:
    """A question in its snapshot. Subjects and minutes are looked up once."""

    connection: Connection
    question: Question
    standing: Standing
    counting: Counting
    subjects: list[Subject] = field(init=False)
    minutes: Minutes = field(init=False)
    complete_to: datetime | None = field(init=False)

    def __post_init__(self) -> None:
        question = self.question
        self.complete_to = self.standing.complete_to(
            needs_changesets=question.needs_changesets or bool(question.users)
        )
        self.subjects = subjects(self.connection, question)
        self.minutes = minutes(
            self.connection,
            question.window,
            self.standing,
            self.complete_to,
            self.counting.definitions,
            from_facts=question.clock == "upload",
        )

    @property
    def vocabulary(self) -> Vocabulary:
        return self.counting.vocabulary

    @property
    def end(self) -> datetime:
        """The end of an open window: where time is now, in whole minutes."""
        now = self.standing.as_of.replace(second=0, microsecond=0)
        return max(now, self.complete_to or now) + timedelta(minutes=1)

    def lines(self, subject: Subject, *, regions: bool = False) -> Lines:
        """The lines of a subject by the shorter way. Raises Problem where both are too long."""
        found = size(self.connection, subject)
        return lines(subject, self.vocabulary, by_changesets=found.by_changesets, regions=regions)
