"""What the database holds in the shape of the demo's /truth.json: a helper of tests, not a test."""

import json
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import requests
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from stats_assets.database.connection import Connection
from tests.drills.waiting import PATIENCE

BREAKDOWNS = {
    "users": ("editor", "day", "country", "hashtag"),
    "hashtags": ("user",),
    "countries": ("user", "hashtag"),
    "hashtag_users": (),
}


def statistics_of(connection: Connection) -> dict[str, Any]:
    """Users, hashtags, countries, hashtag_users, their days, and changesets; numbers as Decimal."""
    with connection.cursor(row_factory=dict_row) as cursor:
        set_json_loads(exact_json, cursor)

        def rows(query: str) -> list[dict[str, Any]]:
            return cursor.execute(query).fetchall()

        found: dict[str, Any] = {
            "users": {str(r["id"]): r for r in rows("SELECT * FROM user_statistics")},
            "hashtags": {r["tag"]: r for r in rows("SELECT * FROM hashtag_statistics")},
            "countries": {
                r["country_code"]: r for r in rows("SELECT * FROM country_statistics WHERE alias_of IS NULL")
            },
            "hashtag_users": {
                (r["hashtag"], str(r["user_id"])): r for r in rows("SELECT * FROM hashtag_user_statistics")
            },
        }
        found = {
            kind: {key: _aggregate(kind, row) for key, row in each.items()} for kind, each in found.items()
        }
        found["changesets"] = {str(r["id"]): r for r in rows(CHANGESETS)}
        found["days"] = {kind: _days(rows(query)) for kind, query in DAYS.items()}
    return found


DAYS = {
    "users": "SELECT user_id::text AS owner, * FROM user_days",
    "hashtags": "SELECT hashtag AS owner, * FROM hashtag_days",
    "countries": "SELECT country_code AS owner, * FROM country_days",
}


def _days(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row["owner"], {})[f"{row['day']:%Y-%m-%d}"] = {
            name: row[name] for name in ("changeset_count", "edit_count", "counts", "measurements")
        }
    return found


CHANGESETS = """
SELECT c.*, coalesce((SELECT array_agg(h.hashtag ORDER BY h.hashtag) FROM changesets_hashtags AS l
        JOIN hashtags AS h ON h.id = l.hashtag_id WHERE l.changeset_id = c.id), '{}') AS hashtags,
    coalesce((SELECT jsonb_object_agg(k.code, jsonb_build_object('edit_count', l.edit_count, 'counts', l.counts_there,
        'measurements', l.measurements_there)) FROM changesets_countries AS l JOIN countries AS k ON k.id = l.country_id
        WHERE l.changeset_id = c.id), '{}') AS countries
FROM changesets AS c
"""


def _aggregate(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    names = ["changeset_count", "edit_count", "counts", "measurements", "first_edit", "last_edit"]
    names += [f"{part}_{unit}" for part in BREAKDOWNS[kind] for unit in ("changesets", "edits")]
    named = kind in ("users", "hashtag_users")
    return {name: row[name] for name in names} | ({"name": row["name"]} if named else {})


def exact_json(text: str | bytes) -> Any:
    """JSON with every number as an exact Decimal."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def truth_of(url: str, **ends: int) -> dict[str, Any]:
    """The demo's truth at its heads, or to these sequences of the streams."""
    truth: dict[str, Any] = requests.get(f"{url}/truth.json", ends, timeout=PATIENCE).json()
    return truth


def differences(truth: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What differs, exactly; empty: nothing does."""
    said = []
    for kind in ("users", "hashtags", "countries", "changesets"):
        said += _rows_that_differ(kind, truth[kind], found[kind])
    pairs = {(tag, uid): row for tag, rows in truth["hashtag_users"].items() for uid, row in rows.items()}
    said += _rows_that_differ("hashtag_users", pairs, found["hashtag_users"])
    for kind in DAYS:
        expected, here = (
            {(owner, day): row for owner, days in each["days"][kind].items() for day, row in days.items()}
            for each in (truth, found)
        )
        said += _rows_that_differ(f"days of {kind}", expected, here)
    return said


def _rows_that_differ(kind: str, truth: dict[Any, Any], found: dict[Any, Any]) -> list[str]:
    said = []
    for key in sorted({*truth, *found}):
        if key not in truth or key not in found:
            said.append(f"{kind} {key}: only in the {'truth' if key in truth else 'database'}")
            continue
        for field, value in truth[key].items():
            ours = RENAMED.get((kind, field), field)
            if ours is not None and _plain(value) != _plain(found[key][ours]):
                said.append(
                    f"{kind} {key} {field}: {_plain(value)} in truth, {_plain(found[key][ours])} here"
                )
    return said


# A changeset's user name is in `users`; its uid is called user_id.
RENAMED: dict[tuple[str, str], str | None] = {("changesets", "uid"): "user_id", ("changesets", "user"): None}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return sorted(_plain(part) for part in value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Decimal(str(value)).normalize()
    if isinstance(value, str):
        try:
            return Decimal(value).normalize()
        except InvalidOperation:
            return value
    return value
