"""What each table and view that an asset stands for holds: its columns, in their order, with types and meanings.

The home of these words, for Dagster's UI and whoever else shows columns; tests/database/test_columns.py compares names,
order and types with the schema. What is counted, and why, is docs/definitions.md's and docs/statistics.md's.
"""

from typing import Final, NamedTuple


class Column(NamedTuple):
    """A column: its name, PostgreSQL's name of its type, and what it means; whether it is part of the row's key."""

    name: str
    type: str
    says: str
    is_key: bool = False


_MEASUREMENTS = Column(
    "measurements", "jsonb", "km and km², as exact decimals by key; a key that would be 0 is not there"
)
_COUNTS = Column(
    "counts", "jsonb", "how many features, by category and kind: buildings_added, roads_modified …"
)
_CHANGESETS = Column("changeset_count", "bigint", "changesets with a counted feature")
_EDITS = Column("edit_count", "bigint", "counted features: the sum of counts")
_LAST = Column("last_edit", "timestamptz", "time of the newest changeset")
_FIRST = Column("first_edit", "timestamptz", "time of the oldest changeset")
_UPDATED = Column(
    "updated_at", "timestamptz", "when the row was last worked on; says nothing about the numbers"
)
_USER = Column("user_id", "bigint", "OpenStreetMap's id of the user", is_key=True)
_NAME = Column("name", "text", "the user's newest known name; null: not known yet")
_TAG = Column("hashtag", "text", "lower-case, without #")
_HASHTAG = Column("hashtag_id", "bigint", "the hashtag's id here, which stays", is_key=True)
_COUNTRY = (
    Column("country_id", "bigint", "the country's id here, which stays", is_key=True),
    Column("country_name", "text", "its common English name"),
    Column("country_code", "text", "ISO 3166 alpha-3; USA-TX and the like for states of the USA"),
)
_DAY = Column("day", "date", "the day of the changesets' times, in UTC", is_key=True)
_OF_DAY = (_DAY, _MEASUREMENTS, _COUNTS, _CHANGESETS, _EDITS, _UPDATED)
_SEQUENCE = Column("sequence", "bigint", "the minute, by the number of its augmented diff", is_key=True)
_CHANGESET = Column("changeset_id", "bigint", "OpenStreetMap's id of the changeset", is_key=True)


def _pair(of: str, whose: str) -> tuple[Column, Column]:
    """What is said twice of a breakdown: changesets, and edits."""
    return (
        Column(f"{of}_changesets", "jsonb", f"{whose} → changesets"),
        Column(f"{of}_edits", "jsonb", f"{whose} → edits"),
    )


COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "changeset_edits": (
        _SEQUENCE,
        _CHANGESET,
        Column("user_id", "bigint", "whose edits these are; null: the diff does not say"),
        Column("edited_at", "timestamptz", "the newest of the changeset's edits in this minute"),
        Column("total_edits", "bigint", "counted features of the changeset in this minute"),
        _COUNTS,
        _MEASUREMENTS,
    ),
    "changeset_metadata": (
        _CHANGESET,
        Column("sequence", "bigint", "the changeset file that this version is of"),
        Column("user_id", "bigint", "who opened it; null: nobody is named"),
        Column("created_at", "timestamptz", "when it was opened"),
        Column("closed_at", "timestamptz", "when it was closed; null: it is open"),
        Column("closed_sequence", "bigint", "the file that closed it"),
        Column("open", "boolean", "whether it is open in this version"),
        Column("editor", "text", "created_by: the program it was made with"),
        Column("comment", "text", "what its mapper wrote"),
        Column("hashtags", "text[]", "found in comment and hashtags tag; lower-case, without #"),
        *(
            Column(f"{end}_{axis}", "double precision", f"its bounding box, {end}imum in degrees")
            for end in ("min", "max")
            for axis in ("lon", "lat")
        ),
        Column("num_changes", "bigint", "OpenStreetMap's own number of its changes"),
        Column("comments_count", "bigint", "comments in its discussion"),
    ),
    "checkpoints": (
        Column(
            "proc_name",
            "text",
            "ChangesetStatsUpdater: augmented diffs; ChangesetMetadataUpdater: changesets;"
            " AugmentedDiffMaker: OsmChange",
            True,
        ),
        Column("sequence", "bigint", "all from the stream's origin to it is done; 0: nothing yet"),
    ),
    "user_statistics": (
        Column("id", "bigint", "OpenStreetMap's id of the user", is_key=True),
        _NAME,
        *(_MEASUREMENTS, _COUNTS, _LAST, _CHANGESETS, _EDITS),
        *_pair("editor", "the 10 editors with most edits"),
        *_pair("day", "each day, YYYY-MM-DD"),
        *_pair("country", "each country, by code, of what lies there"),
        *_pair("hashtag", "the 50 hashtags with most edits"),
        *(_UPDATED, _FIRST),
    ),
    "hashtag_statistics": (
        Column("tag", "text", _TAG.says),
        *(_HASHTAG, _MEASUREMENTS, _COUNTS, _CHANGESETS, _EDITS, _LAST, _UPDATED),
        *_pair("user", "the 10 users with most edits, by id"),
        _FIRST,
    ),
    "country_statistics": (
        *_COUNTRY,
        *(_MEASUREMENTS, _COUNTS, _CHANGESETS, _EDITS, _LAST, _UPDATED),
        *_pair("user", "the 10 users with most edits there, by id"),
        *_pair("hashtag", "the 10 hashtags with most edits there"),
        _FIRST,
        Column(
            "alias_of",
            "text",
            "in the extra row of one of OSMesa's codes: the code that it stands for; else null",
        ),
    ),
    "hashtag_user_statistics": (
        *(_USER, _NAME, _HASHTAG, _TAG, _MEASUREMENTS, _COUNTS, _LAST, _CHANGESETS, _EDITS, _UPDATED, _FIRST),
    ),
    "user_days": (_USER, _NAME, *_OF_DAY),
    "hashtag_days": (_HASHTAG, _TAG, *_OF_DAY),
    "country_days": (*_COUNTRY, *_OF_DAY),
}
"""Table or view → its columns."""
