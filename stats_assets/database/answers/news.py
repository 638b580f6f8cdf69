"""What has happened to a question's hashtags within its window: the milestones that they have reached.

Who has reached what is database/statistics/milestones.py's; a person's are badges.py's.
"""

from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.sums import number
from stats_assets.questions.answer import Value
from stats_assets.questions.exact_json import plain

MOST = 10
_PREFIX = "hashtag_"
_REACHED = """
SELECT m.name, m.level, m.earned, h.hashtag
FROM milestones AS m JOIN hashtags AS h ON h.id = m.owner_id
WHERE m.owner = 'hashtag' AND m.owner_id = ANY (%(tags)s) AND m.earned BETWEEN coalesce(%(since)s, '-infinity'::date)
    AND coalesce(%(until)s, 'infinity'::date)
ORDER BY m.earned DESC, m.level DESC, m.name, h.hashtag LIMIT %(most)s
"""


def news(asking: Asking, subject: Subject) -> list[Value]:
    """Newest first. A milestone has a day, not a minute: those of the window's first and last UTC day are told too."""
    if not subject.hashtags:
        return []
    window = asking.question.window
    given = {
        "tags": subject.hashtags,
        "since": window.since and window.since.date(),
        "until": window.until and window.until.date(),
        "most": MOST,
    }
    return [
        {
            "kind": "milestone",
            "text_key": f"{name.removeprefix(_PREFIX)}_{plain(level)}",
            "name": name,
            "level": number(level),
            "hashtag": hashtag,
            "reached": earned.isoformat(),
        }
        for name, level, earned, hashtag in asking.connection.execute(_REACHED, given).fetchall()
    ]
