"""The kind `leaderboard`: ranks of users, hashtags, countries or editors by a column."""

from typing import Any

from stats_assets.database.answers.about import about
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.groups import ranked
from stats_assets.database.answers.labels import names_of, own_address, side_by_side
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.sums import number
from stats_assets.questions.answer import Value


def answer(asking: Asking) -> dict[str, Value]:
    """`rows`, or `apart`: a list of each subject and its rows."""
    return {"about": about(asking), **side_by_side(asking, lambda one: board(asking, one))}


def board(asking: Asking, subject: Subject) -> dict[str, Value]:
    """A subject's ranks."""
    question = asking.question
    found = ranked(asking, subject, question.of, question.columns, question.metric)
    named = _names(asking, [row["key"] for row in found.rows])
    return {
        "total_rows": found.total_rows,
        "rows": [
            {
                "rank": row["rank"],
                "tied": row["tied"],
                **named[row["key"]],
                **{name: number(row[name]) for name in question.columns},
            }
            for row in found.rows
        ],
        "not_ranked": {"unattributed_edits": number(found.without_key), "hidden_users": found.hidden},
        "next": own_address(subject, "leaderboard", found.after),
    }


def _names(asking: Asking, keys: list[Any]) -> dict[Any, dict[str, Value]]:
    of = asking.question.of
    if of == "users":
        names = names_of(asking, keys)
        return {key: {"user_id": key, "name": names.get(key)} for key in keys}
    if of == "countries":
        known: dict[str, str] = dict(
            asking.connection.execute(
                "SELECT code, name FROM countries WHERE code = ANY (%s)", (keys,)
            ).fetchall()
        )
        return {key: {"country": key, "name": known.get(key)} for key in keys}
    return {key: {of[:-1]: key} for key in keys}
