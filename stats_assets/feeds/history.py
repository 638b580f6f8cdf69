"""Whether a server's data go back to before a sequence: one rule, on what the parser saw of the creations.

Such a server answers with what was last edited in that minute, all of it as creations, and without what was deleted
(docs/feeds.md, section 6.7): a whole document with wrong numbers. What is done with it is not decided here.
"""

from typing import Protocol

from stats_assets.feeds.outcomes import BeforeHistory

FEW = 5  # creations, of which nothing can be told
ALMOST_ALL = 0.9


class Creations(Protocol):
    """What a diff's creations look like. The counting's own type fits."""

    @property
    def number(self) -> int: ...
    @property
    def later(self) -> int: ...  # with a version above 1
    @property
    def alone(self) -> bool: ...  # all are of one changeset


def judge_history(creations: Creations, *, actions: int, url: str) -> None:
    """Raises BeforeHistory where almost all actions are creations with versions above 1.

    A creation of today may have one: created and edited within the minute, or an undeletion. A script that undeletes
    does so in one changeset, which passes.
    """
    if creations.number < FEW or creations.alone or creations.later < ALMOST_ALL * actions:
        return
    raise BeforeHistory(
        url,
        f"{creations.later} of {actions} actions are creations with versions above 1: the minute is before the"
        " server's history, of which it can't know what was before. Take a server whose history is longer",
    )
