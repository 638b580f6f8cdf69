"""What a run of the maker of augmented diffs did, and how it is told. Pure; the run is diff_making.py's."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from stats_assets.database.made_diffs import StorePlace


@dataclass
class Made:
    """What a run did."""

    first: int | None = None
    last: int | None = None
    """The minutes whose documents were made, both included; None: none."""
    files: int = 0
    place: StorePlace | None = None
    url: str = ""
    """The address that it read from."""
    not_used: dict[str, str] = field(default_factory=dict)
    """Why another is not used, or what is wrong with this one."""
    tallies: Counter[str] = field(default_factory=Counter)
    """What became of the versions of the files that were read."""
    trouble: str = ""
    """Why it could not go on; empty: it is at the feed's end, or its time was over."""


def summary(done: Made) -> dict[str, Any]:
    """What a run did, for its metadata."""
    place = done.place
    return {
        "minutes": 0 if done.first is None or done.last is None else done.last - done.first + 1,
        "files": done.files,
        "url": done.url,
        **({"not_used": done.not_used} if done.not_used else {}),
        **({} if done.last is None else {"newest": done.last}),
        **(
            {}
            if place is None
            else {
                "reached": place.reached.isoformat(),
                "settled_to": place.settled_to.isoformat(),
                "store": place.store,
                **({} if place.sequence is None else {"osmchange_sequence": place.sequence}),
            }
        ),
        **({"versions": dict(done.tallies)} if done.tallies else {}),
        **({"trouble": done.trouble} if done.trouble else {}),
    }
