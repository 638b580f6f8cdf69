"""The kind `totals`: all numbers of a window."""

from stats_assets.database.answers import by_days
from stats_assets.database.answers.about import about
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.labels import side_by_side
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.sums import number, total
from stats_assets.questions.answer import Value
from stats_assets.questions.windows import to_the_second


def answer(asking: Asking) -> dict[str, Value]:
    """`totals`, or `apart`: a list of each subject and its totals."""
    return {"about": about(asking), **side_by_side(asking, lambda one: {"totals": totals(asking, one)})}


def totals(asking: Asking, subject: Subject) -> dict[str, Value]:
    """A subject's numbers: each count and measurement there is, also those that are 0."""
    found = by_days.total(asking, subject)
    if found is None:
        found = total(asking.connection, asking.lines(subject), subject.hidden)
    vocabulary = asking.vocabulary
    return {
        "edits": number(found.edits),
        "changesets": found.changesets,
        "users": found.users,
        "unattributed_edits": number(found.unattributed_edits),
        "hidden_users": found.hidden_users,
        "first": None if found.first is None else to_the_second(found.first),
        "last": None if found.last is None else to_the_second(found.last),
        "counts": {
            key: number(found.counts.get(key, 0))
            for key in dict.fromkeys((*vocabulary.counts, *sorted(found.counts)))
        },
        "measurements": {
            key: number(found.measurements.get(key, 0))
            for key in dict.fromkeys((*vocabulary.measurements, *sorted(found.measurements)))
        },
    }
