"""The kind `badges`: the milestones that a user has reached, and when. Which there are is a file's to say."""

from collections.abc import Mapping

from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.labels import names_of
from stats_assets.database.answers.subjects import user_of
from stats_assets.database.answers.sums import number
from stats_assets.questions.answer import Value
from stats_assets.questions.exact_json import plain


def answer(asking: Asking, path: Mapping[str, str]) -> dict[str, Value]:
    """Of the user of this id. Raises Problem: 404."""
    subject = asking.subjects[0]
    user = user_of(asking.connection, asking.question, path.get("uid", ""), subject.hidden, by_id=True)
    rows = asking.connection.execute(
        "SELECT m.name, m.level, m.earned, cardinality(r.levels) > 1 OR m.level <> 1 FROM milestones AS m"
        " LEFT JOIN milestone_rules AS r USING (owner, name) WHERE m.owner = 'user' AND m.owner_id = %s"
        " ORDER BY m.earned, m.name, m.level",
        (user,),
    ).fetchall()
    badges: list[Value] = [
        {
            "key": f"{name}_{plain(level)}" if numbered else name,
            "name": name,
            "level": number(level),
            "title": f"{plain(level)} {name.replace('_', ' ')}" if numbered else name.replace("_", " "),
            "reached": earned.isoformat(),
        }
        for name, level, earned, numbered in rows
    ]
    return {"user_id": user, "name": names_of(asking, [user]).get(user), "badges": badges}
