"""The hash of what the numbers depend on beside the bodies (docs/definitions.md). Who only asks for it reads no shapes.

What the definitions are is categories.py's and regions.py's.
"""

import hashlib

COUNTING_VERSION = 3
"""Raised when the code counts differently, so that what was counted before is counted again."""

PACKAGED_REGIONS = "fe96cc88e00401f22d9907b1f0634516beaed27ff4e5cb076b1ddf9cf4780111"
"""The packaged regions' `Regions.hash`, which no other version of GEOS changes. A test works it out of the file."""


def of_diffs(categories: str, regions: str) -> str:
    """The augmented diffs' definitions, of both tables' hashes."""
    return hashlib.sha256(f"{COUNTING_VERSION} {categories} {regions}".encode()).hexdigest()[:16]


def of_changesets() -> str:
    """The changeset files': metadata depends on nothing but the code."""
    return str(COUNTING_VERSION)
