"""What stands beside the numbers: whose they are when apart, people's names, and where the next rows are."""

from collections.abc import Callable, Sequence

from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.subjects import Subject
from stats_assets.questions.addresses import address, instead
from stats_assets.questions.answer import Given, Value


def side_by_side(asking: Asking, of: Callable[[Subject], dict[str, Value]]) -> dict[str, Value]:
    """The answer's part of the one subject; or `apart`, a list of them with their names."""
    if asking.question.combine == "together":
        return of(asking.subjects[0])
    return {"apart": [{**whose(one), **of(one)} for one in asking.subjects]}


def whose(subject: Subject) -> dict[str, Value]:
    """Which of those that are apart."""
    question = subject.question
    found: dict[str, Value] = {}
    if question.hashtags:
        found["hashtag"] = str(question.hashtags[0])
    if question.countries:
        found["country"] = question.countries[0]
    if len(question.users) == 1:
        found["user"] = question.users[0]
    return found


def own_address(subject: Subject, kind: str, after: str | None) -> str | None:
    """Where a subject's next rows are, by itself; None: nowhere."""
    if after is None:
        return None
    question = subject.question
    given: Given = question.given
    if question.combine == "apart":
        alone = {
            name: values
            for name, values in (
                ("hashtag", [str(tag) for tag in question.hashtags]),
                ("country", list(question.countries)),
                ("user", list(question.users)),
            )
            if values
        }
        given = instead(given, {**alone, "combine": None})
    return address(kind, [*instead(given, {"after": None}), ("after", after)])


def names_of(asking: Asking, users: Sequence[int]) -> dict[int, str]:
    """The users' names, where there are any and they are to be said."""
    if not asking.question.names:
        return {}
    return dict(
        asking.connection.execute(
            "SELECT id, name FROM users WHERE id = ANY (%s) AND name IS NOT NULL", (list(users),)
        ).fetchall()
    )
