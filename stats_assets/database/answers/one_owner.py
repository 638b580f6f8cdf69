"""Whose roll-ups answer a question: the one owner that its subject is, and the facts of an owner's uploads.

Not here: what is added up of them (by_days.py and its neighbours).
"""

from typing import NamedTuple

from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.statistics.verification import are_whole

MINE = "owner = %(owner)s AND owner_id = %(owner_id)s"
OF_WHOLE = """
    SELECT f.counts, f.measurements, f.edited_at FROM changeset_edits AS f
    WHERE f.sequence = u.sequence AND f.changeset_id = u.changeset_id OFFSET 0
"""
OF_COUNTRY = """
    SELECT r.counts, r.measurements, f.edited_at FROM countries AS c
    JOIN changeset_edits_countries AS r ON r.region = c.code AND r.sequence = u.sequence AND r.changeset_id =
        u.changeset_id
    JOIN changeset_edits AS f ON f.sequence = u.sequence AND f.changeset_id = u.changeset_id
    WHERE c.id = u.owner_id OFFSET 0
"""


class Owned(NamedTuple):
    """Whose roll-ups they are."""

    owner: str
    owner_id: int


def owner_of(asking: Asking, subject: Subject) -> Owned | None:
    """The one owner that the subject is; None: it is several, or only a part of one, or the roll-ups are not whole."""
    question = subject.question
    if question.clock == "changeset" and (question.window.since or question.window.until):
        return None
    # Minutes whose facts are away are missing in every answer, or a series would not add up to the totals.
    if question.clock == "upload" and asking.minutes.away:
        return None
    if subject.one_owner is None or not are_whole(asking.connection):
        return None
    return Owned(*subject.one_owner)


def facts_of(owned: Owned) -> str:
    """The facts of an upload u, of what counts for the owner."""
    return OF_COUNTRY if owned.owner == "country" else OF_WHOLE
