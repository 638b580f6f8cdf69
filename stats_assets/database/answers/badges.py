"""The kind `badges`: the milestones that a user has reached, and when. Which there are is a file's to say."""

from collections.abc import Mapping

from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.labels import names_of
from stats_assets.database.answers.subjects import user_of
from stats_assets.database.answers.sums import number
from stats_assets.questions.answer import Value


def answer(asking: Asking, path: Mapping[str, str]) -> dict[str, Value]:
    """Of the user of this id. Raises Problem: 404."""
    subject = asking.subjects[0]
    user = user_of(asking.connection, asking.question, path.get("uid", ""), subject.hidden, by_id=True)
    rows = asking.connection.execute(
        "SELECT name, level, earned FROM milestones WHERE owner = 'user' AND owner_id = %s"
        " ORDER BY earned, name, level",
        (user,),
    ).fetchall()
    return {
        "user_id": user,
        "name": names_of(asking, [user]).get(user),
        "badges": [
            {"name": name, "level": number(level), "reached": earned.isoformat()}
            for name, level, earned in rows
        ],
    }
