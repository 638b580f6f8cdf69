"""What is in a file, in one form."""

from random import Random

from stats_assets.augment.content import content_of
from stats_assets.augment.versions import Member, Version

VERSIONS = [
    Version("node", 1, 2, 1_764_000_000, 7, 5, "ada", tags=(("natural", "tree"),), position=(20, -10)),
    Version("way", 1, 1, 1_764_000_001, 7, 5, "ada", refs=(1, 2, 1)),
    Version("relation", 9, 4, 1_764_000_002, 8, 0, None, False, members=(Member("way", 1, "outer"),)),
]


def test_the_same_in_any_order_and_another_for_each_difference() -> None:
    found = content_of(VERSIONS)
    shuffled = list(VERSIONS)
    Random(3).shuffle(shuffled)  # noqa: S311 (no secret)
    assert content_of(shuffled) == found
    one = VERSIONS[0]
    others = [
        content_of([changed, *VERSIONS[1:]])
        for changed in (
            *(one._replace(version=3), one._replace(timestamp=1), one._replace(user="bob")),
            *(one._replace(user=None), one._replace(visible=False), one._replace(changeset=8)),
            *(one._replace(tags=()), one._replace(position=(20, -11)), one._replace(kind="way")),
        )
    ]
    assert len({found, *others, content_of(VERSIONS[:2]), content_of([one, *VERSIONS])}) == len(others) + 3


def test_of_none_it_is_nothing() -> None:
    assert content_of([]) == ""


def test_it_stays_what_it_is_over_releases() -> None:
    """It is kept in the table `made_diffs`: with another form each address would be of another numbering for a day."""
    assert content_of(VERSIONS) == "c193d0145879ac9aeae5e2dd30a6112a"
