"""What the statistics go by that a person's files say: unions (UNIONS_FILE) and milestones (MILESTONES_FILE).

A file that can't be used stops nothing: what it said before goes on counting, and that is said.
"""

from collections.abc import Iterator
from pathlib import Path

from stats_assets.osm.milestones import MilestonesError, load_milestones
from stats_assets.osm.unions import UnionsError, load_unions

UNIONS_STAY = "The unions stay as they were until UNIONS_FILE can be used."
MILESTONES_STAY = "Milestones go by the rules of before until MILESTONES_FILE can be used."


def unusable(unions: Path | None, milestones: Path | None) -> Iterator[str]:
    """What is wrong with them, a sentence or two a file."""
    try:
        load_unions(unions)
    except UnionsError as error:
        yield f"{error}. {UNIONS_STAY}"
    try:
        load_milestones(milestones)
    except MilestonesError as error:
        yield f"{error}. {MILESTONES_STAY}"
