"""The statistics recomputed from the facts in plain Python, by docs/definitions.md alone: a helper of tests.

It shares no SQL with the applier, so that an error there can't hide here.
"""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from stats_assets.database.connection import Connection
from tests.truth import BREAKDOWNS, exact_json


def recomputed(connection: Connection) -> dict[str, Any]:
    """Users, hashtags, countries, hashtag_users, days as `statistics_of` gives them, from facts and metadata."""
    with connection.cursor(row_factory=dict_row) as cursor:
        set_json_loads(exact_json, cursor)
        edits = cursor.execute("SELECT * FROM changeset_edits ORDER BY changeset_id, sequence").fetchall()
        parts = cursor.execute("SELECT * FROM changeset_edits_countries").fetchall()
        metadata = {
            r["changeset_id"]: r for r in cursor.execute("SELECT * FROM changeset_metadata").fetchall()
        }
        names: dict[int, str | None] = dict(connection.execute("SELECT id, name FROM users").fetchall())
    owners: dict[str, dict[Any, _Sum]] = {kind: defaultdict(_Sum) for kind in BREAKDOWNS}
    facts_of, parts_of = _by_changeset(edits), _by_changeset(parts)
    for changeset, facts in facts_of.items():
        meta = metadata.get(changeset, {"editor": None, "user_id": None, "hashtags": []})
        newest = max(row["edited_at"] for row in facts)
        at = meta.get("closed_at") or meta.get("created_at") or newest
        known = [(row["edited_at"], row["user_id"]) for row in facts if row["user_id"] is not None]
        user = max(known)[1] if known else meta["user_id"]
        everything = _Part(facts)
        lands: dict[str, _Part] = {
            code: _Part([p for p in parts_of[changeset] if p["region"] == code])
            for code in {p["region"] for p in parts_of[changeset]}
        }
        breakdown: dict[str, dict[Any, Any]] = {
            "editor": {meta["editor"]: everything.edits} if meta["editor"] is not None else {},
            "day": {at.astimezone(UTC).strftime("%Y-%m-%d"): everything.edits},
            "country": {code: land.edits for code, land in lands.items()},
            "hashtag": dict.fromkeys(meta["hashtags"], everything.edits),
            "user": {user: everything.edits} if user is not None else {},
        }
        if user is not None:
            owners["users"][str(user)].add(at, everything, breakdown)
        for tag in meta["hashtags"]:
            owners["hashtags"][tag].add(at, everything, breakdown)
            if user is not None:
                owners["hashtag_users"][tag, str(user)].add(at, everything, breakdown)
        for code, land in lands.items():
            inside = {part: dict.fromkeys(keys, land.edits) for part, keys in breakdown.items()}
            owners["countries"][code].add(at, land, inside)
    found: dict[str, Any] = {
        kind: {key: total.as_row(BREAKDOWNS[kind]) for key, total in each.items()}
        for kind, each in owners.items()
    }
    for uid, row in found["users"].items():
        row["name"] = names[int(uid)]
    for (_, uid), row in found["hashtag_users"].items():
        row["name"] = names[int(uid)]
    found["days"] = {
        kind: {
            key: {day: one.sums() for day, one in total.days.items()} for key, total in owners[kind].items()
        }
        for kind in ("users", "hashtags", "countries")
    }
    return found


def _by_changeset(rows: list[dict[str, Any]]) -> defaultdict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["changeset_id"]].append(row)
    return found


class _Part:
    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.edits = sum((row.get("total_edits") or row.get("edit_count") or 0 for row in rows), Decimal(0))
        self.counts: Counter[str] = Counter()
        self.measurements: Counter[str] = Counter()
        for row in rows:
            self.counts.update(row["counts"])
            self.measurements.update(row["measurements"])


class _Sum:
    def __init__(self) -> None:
        self.changesets, self.edits = 0, Decimal(0)
        self.counts: Counter[str] = Counter()
        self.measurements: Counter[str] = Counter()
        self.times: list[datetime] = []
        self.by: dict[str, dict[Any, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
        self.days: dict[str, _Sum] = defaultdict(_Sum)

    def add(self, at: datetime, part: _Part, breakdown: dict[str, dict[Any, Any]]) -> None:
        self.add_numbers(part)
        self.days[at.astimezone(UTC).strftime("%Y-%m-%d")].add_numbers(part)
        self.times.append(at)
        for kind, keys in breakdown.items():
            for key, edits in keys.items():
                self.by[kind][key].append(edits)

    def add_numbers(self, part: _Part) -> None:
        self.changesets += 1
        self.edits += part.edits
        self.counts.update(part.counts)
        self.measurements.update(part.measurements)

    def sums(self) -> dict[str, Any]:
        return {
            "changeset_count": self.changesets,
            "edit_count": self.edits,
            "counts": {key: number for key, number in self.counts.items() if number},
            "measurements": {key: number for key, number in self.measurements.items() if number},
        }

    def as_row(self, breakdowns: tuple[str, ...]) -> dict[str, Any]:
        row = self.sums() | {"first_edit": min(self.times), "last_edit": max(self.times)}
        for kind in breakdowns:
            most = {"day": None, "country": None, "hashtag": 50 if "editor" in breakdowns else 10}.get(
                kind, 10
            )
            top = sorted(self.by[kind].items(), key=lambda item: (-sum(item[1]), item[0]))[:most]
            row[f"{kind}_changesets"] = {str(key): len(edits) for key, edits in top}
            row[f"{kind}_edits"] = {str(key): sum(edits) for key, edits in top}
        return row
