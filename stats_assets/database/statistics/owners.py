"""Whose the aggregates are: users, hashtags, countries, and users within a hashtag. A table, from which verification,
samples, leaders and assets are made; the world's are verified by sql/verify_world.sql. What the applier adds for each is said by the database's `contributions_of`.

A new owner is a row here, and a revision with its part of contributions_of, breakdowns_of and a view (CONTRIBUTING.md).
"""
# ruff: noqa: S608 - SQL is made of constants

from typing import Final, Literal, NamedTuple

Owner = Literal["user", "hashtag", "hashtag_user", "country", "union"]

_COLUMNS = "c.id AS changeset_id, (c.counted_at AT TIME ZONE 'UTC')::date AS day, c.counted_at"
_WHOLE = f"{_COLUMNS}, c.total_edits AS edits, c.counts, c.measurements, c.user_id, c.editor"
_TAGGED = (
    "FROM changesets_hashtags AS l JOIN changesets AS c ON c.id = l.changeset_id"
    " WHERE l.hashtag_id >= %(first)s AND l.hashtag_id < %(until)s AND c.counted_at IS NOT NULL"
)


class OwnerSpec(NamedTuple):
    """What one kind of owner is called, and where its ids, names and members are read from."""

    view: str
    """The view, and asset, that shows them."""
    says: str
    """What it shows, for people."""
    ids: tuple[str, str]
    """Where their ids are read from, in order, by an index: a table, and its column."""
    members: str
    """SQL of the changesets that count for the owners in [first, until), and of what counts of each for whom."""
    named: tuple[str, str] | None
    """Where they have their names: a table, and its column; None: they are two, and are no leaders."""


OWNERS: Final[dict[Owner, OwnerSpec]] = {
    "user": OwnerSpec(
        view="user_statistics",
        says="Each user's changesets, edits, counts and measures, by editor, day, country and hashtag.",
        ids=("changesets", "user_id"),
        members=f"SELECT c.user_id AS owner_id, 0::bigint AS member_id, {_WHOLE} FROM changesets AS c"
        " WHERE c.user_id >= %(first)s AND c.user_id < %(until)s AND c.counted_at IS NOT NULL",
        named=("users", "name"),
    ),
    "hashtag": OwnerSpec(
        view="hashtag_statistics",
        says="Each hashtag's changesets, edits, counts and measures, and its most active users.",
        ids=("changesets_hashtags", "hashtag_id"),
        members=f"SELECT l.hashtag_id AS owner_id, 0::bigint AS member_id, {_WHOLE} {_TAGGED}",
        named=("hashtags", "hashtag"),
    ),
    "hashtag_user": OwnerSpec(
        view="hashtag_user_statistics",
        says="Each user's changesets, edits, counts and measures within each hashtag.",
        ids=("changesets_hashtags", "hashtag_id"),
        members=f"SELECT l.hashtag_id AS owner_id, c.user_id AS member_id, {_WHOLE} {_TAGGED}"
        " AND c.user_id IS NOT NULL",
        named=None,
    ),
    "country": OwnerSpec(
        view="country_statistics",
        says="What lies in each country: edits, counts, measures, its most active users and hashtags.",
        ids=("changesets_countries", "country_id"),
        members=f"SELECT l.country_id AS owner_id, 0::bigint AS member_id, {_COLUMNS}, l.edit_count AS edits,"
        " l.counts_there AS counts, l.measurements_there AS measurements, c.user_id, c.editor"
        " FROM changesets_countries AS l JOIN changesets AS c ON c.id = l.changeset_id"
        " WHERE l.country_id >= %(first)s AND l.country_id < %(until)s AND c.counted_at IS NOT NULL",
        named=("countries", "name"),
    ),
}
COMPARED: Final[dict[Owner, OwnerSpec]] = OWNERS | {
    "union": OwnerSpec(
        view="aggregates",
        says="Each virtual hashtag's changesets, edits, counts and measures, and its most active users.",
        ids=("changesets_unions", "union_id"),
        members=f"SELECT l.union_id AS owner_id, 0::bigint AS member_id, {_WHOLE}"
        " FROM changesets_unions AS l JOIN changesets AS c ON c.id = l.changeset_id"
        " WHERE l.union_id >= %(first)s AND l.union_id < %(until)s AND c.counted_at IS NOT NULL",
        named=("unions", "name"),
    )
}
"""All owners that are verified by their members: also unions, which have neither view nor asset."""
