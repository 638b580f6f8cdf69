"""OSMesa's stat-server's questions to the database: its columns, in its order, by the names that its JSON has.

Pages are of 25 and found by their keys alone, so that a late page reads no more of the statistics than its own rows.
Who is hidden is in none of them: rows of persons are left out, keys of persons are taken out, a changeset has no user.
"""
# ruff: noqa: S608 - SQL is made of constants

import json
from decimal import Decimal
from functools import partial
from typing import Any, LiteralString

from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from stats_assets.database.connection import Connection

PAGE = 25
Row = dict[str, Any]

_SHOWN: LiteralString = "NOT EXISTS (SELECT FROM hidden_people AS p WHERE p.user_id = {0})"


def _without_hidden(column: LiteralString) -> LiteralString:
    """An object by user, without those who are hidden."""
    return (
        f"coalesce({column} - (SELECT array_agg(p.user_id::text) FROM hidden_people AS p"
        f" WHERE p.user_id IN (SELECT k::bigint FROM jsonb_object_keys({column}) AS k)), {column}, '{{}}') AS {column}"
    )


_NUMBERS: LiteralString = "coalesce(measurements, '{}') AS measurements, coalesce(counts, '{}') AS counts"
_USER: LiteralString = (
    f"SELECT id AS uid, name, {_NUMBERS}, last_edit, updated_at, changeset_count, edit_count, editor_changesets,"
    " editor_edits, day_changesets, day_edits, country_changesets, country_edits, hashtag_changesets, hashtag_edits"
    " FROM user_statistics"
)
_CHANGESET: LiteralString = (
    f"SELECT id, {_NUMBERS}, editor, CASE WHEN {_SHOWN.format('changesets.user_id')} THEN user_id END AS user_id,"
    " created_at, closed_at, augmented_diffs, updated_at FROM changesets"
)
_CAMPAIGN: LiteralString = (
    f"SELECT tag, {_NUMBERS}, changeset_count, edit_count, last_edit, updated_at,"
    f" {_without_hidden('user_changesets')}, {_without_hidden('user_edits')} FROM hashtag_statistics"
)
_CAMPAIGN_USER: LiteralString = (
    f"SELECT hashtag AS tag, user_id AS uid, name, {_NUMBERS}, last_edit, changeset_count, edit_count"
    " FROM hashtag_user_statistics"
)
_COUNTRY_STATS: LiteralString = (
    f"SELECT country_id, country_name AS name, country_code AS code, {_NUMBERS}, last_edit, updated_at,"
    f" changeset_count, edit_count, {_without_hidden('user_changesets')}, {_without_hidden('user_edits')},"
    " hashtag_changesets, hashtag_edits FROM country_statistics"
)
_LINK: LiteralString = (  # of its models the only one whose keys are not in snake_case
    'SELECT changeset_id AS "changesetId", country_id AS "countryId", edit_count AS "editCount"'
    " FROM changesets_countries"
)
_LIMIT: LiteralString = f"LIMIT {PAGE} OFFSET {PAGE} * (%(page)s - 1)"

PAGES: dict[str, LiteralString] = {
    "users": f"{_USER} WHERE id IN (SELECT owner_id FROM aggregates_ranked JOIN users AS u ON u.id = owner_id"
    f" WHERE owner = 'user' AND member_id = 0 AND {_SHOWN.format('owner_id')} ORDER BY owner_id {_LIMIT}) ORDER BY id",
    "changesets": f"{_CHANGESET} WHERE id IN (SELECT id FROM changesets ORDER BY id {_LIMIT}) ORDER BY id",
    "campaigns": f"{_CAMPAIGN} WHERE tag IN (SELECT hashtag FROM hashtags AS h WHERE EXISTS (SELECT FROM"
    f" aggregates_ranked WHERE owner = 'hashtag' AND owner_id = h.id AND member_id = 0) ORDER BY hashtag {_LIMIT})"
    " ORDER BY tag",
    "campaign_users": f"{_CAMPAIGN_USER} WHERE hashtag = %(tag)s AND {_SHOWN.format('hashtag_user_statistics.user_id')}"
    f" ORDER BY hashtag, user_id {_LIMIT}",
    "countries": f"SELECT id, name, code FROM countries ORDER BY id {_LIMIT}",
    "changesets_countries": f"{_LINK} ORDER BY changeset_id, country_id {_LIMIT}",
}
"""A page of each list."""
ONES: dict[str, LiteralString] = {
    "user": f"{_USER} WHERE id = %(id)s AND {_SHOWN.format('id')}",
    "changeset": f"{_CHANGESET} WHERE id = %(id)s",
    "campaign": f"{_CAMPAIGN} WHERE tag = %(tag)s",
    "campaign_user": f"{_CAMPAIGN_USER} WHERE hashtag = %(tag)s AND user_id = %(id)s AND {_SHOWN.format('user_id')}",
    "country": "SELECT id, name, code FROM countries WHERE id = %(id)s",
    "country_stats": f"{_COUNTRY_STATS} WHERE country_code = %(code)s",
    "changeset_country": f"{_LINK} WHERE changeset_id = %(id)s AND country_id = %(country)s",
}
"""One row, or none."""


_exactly = partial(json.loads, parse_float=Decimal)


def rows(connection: Connection, query: LiteralString, **given: object) -> list[Row]:
    """The rows, by the names of OSMesa's JSON."""
    with connection.cursor(row_factory=dict_row) as cursor:
        set_json_loads(_exactly, cursor)
        return cursor.execute(query, given).fetchall()


def refreshed(connection: Connection) -> Row:
    """When each of its three views was refreshed last; null where that is not known."""
    found: dict[str, Any] = dict(
        connection.execute("SELECT mat_view, updated_at FROM refreshments").fetchall()
    )
    return {
        f"{name}_stats_refresh": found.get(f"{name}_statistics") for name in ("user", "country", "hashtag")
    }
