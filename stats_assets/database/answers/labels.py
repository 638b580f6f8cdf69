"""What stands beside the numbers: whose they are when several are apart."""

from collections.abc import Callable

from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.subjects import Subject
from stats_assets.questions.answer import Value


def side_by_side(asking: Asking, of: Callable[[Subject], dict[str, Value]]) -> dict[str, Value]:
    """The answer's part of the one subject; or `apart`, a list of them with their names."""
    if asking.question.combine == "together":
        return of(asking.subjects[0])
    return {"apart": [{**_whose(one), **of(one)} for one in asking.subjects]}


def _whose(subject: Subject) -> dict[str, Value]:
    question = subject.question
    found: dict[str, Value] = {}
    if question.hashtags:
        found["hashtag"] = str(question.hashtags[0])
    if question.countries:
        found["country"] = question.countries[0]
    if len(question.users) == 1:
        found["user"] = question.users[0]
    return found
