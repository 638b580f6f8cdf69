"""The roll-ups recomputed from the facts in plain Python, and as the database has them: a helper of tests.

It shares no SQL with the applier, so that an error there can't hide here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from stats_assets.database.connection import Connection
from tests.truth import exact_json

FIRST = datetime(2012, 9, 12, 6, 55, tzinfo=UTC)  # when the minute of sequence 0 begins
TABLES = ("uploads", "upload_sums", "people_days", "world_days")


class Counted(NamedTuple):
    """A changeset as its facts and metadata say it: when it counts (the changeset's clock), whose it is, for whom."""

    id: int
    user: int | None
    at: datetime
    hashtags: Sequence[str]
    facts: Sequence[Mapping[str, Any]]
    """Of the whole, a row a sequence."""
    there: Mapping[str, Sequence[Mapping[str, Any]]]
    """The same by country."""


def begin_of(sequence: int, minutes: int) -> datetime:
    """When the step begins that the minute is in."""
    minute = FIRST + timedelta(minutes=sequence)
    since = (minute - datetime(2012, 9, 12, tzinfo=UTC)) // timedelta(minutes=minutes)
    return datetime(2012, 9, 12, tzinfo=UTC) + since * timedelta(minutes=minutes)


def changesets_of(connection: Connection) -> Iterator[Counted]:
    """All that count."""
    with connection.cursor(row_factory=dict_row) as cursor:
        set_json_loads(exact_json, cursor)
        metadata = {
            r["changeset_id"]: r for r in cursor.execute("SELECT * FROM changeset_metadata").fetchall()
        }
        facts: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in cursor.execute("SELECT * FROM changeset_edits ORDER BY sequence").fetchall():
            facts[row["changeset_id"]].append(row)
        there: defaultdict[int, defaultdict[str, list[dict[str, Any]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for row in cursor.execute("SELECT * FROM changeset_edits_countries ORDER BY sequence").fetchall():
            there[row["changeset_id"]][row["region"]].append(row | {"total_edits": row["edit_count"]})
    for number, rows in facts.items():
        meta = metadata.get(number, {"hashtags": [], "user_id": None})
        known = [(row["edited_at"], row["user_id"]) for row in rows if row["user_id"] is not None]
        user = max(known)[1] if known else meta["user_id"]
        at = meta.get("closed_at") or meta.get("created_at") or max(row["edited_at"] for row in rows)
        yield Counted(number, user, at.astimezone(UTC), meta["hashtags"], rows, there[number])


def owners_of(
    changeset: Counted, unions: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Any, Sequence[Mapping[str, Any]]]]:
    """Each owner that counts the changeset, and the facts that it counts of it."""
    yield "world", 0, changeset.facts
    if changeset.user is not None:
        yield "user", changeset.user, changeset.facts
    for tag in changeset.hashtags:
        yield "hashtag", tag, changeset.facts
    for name, patterns in unions.items():
        if any(fnmatchcase(tag, pattern) for tag in changeset.hashtags for pattern in patterns):
            yield "union", name, changeset.facts
    for code, facts in changeset.there.items():
        yield "country", code, facts


def recomputed_roll_ups(connection: Connection) -> dict[str, Any]:
    """`uploads`, `upload_sums` and `people_days` by their keys, with names in place of ids; the world's days, too."""
    unions = dict(connection.execute("SELECT name, patterns FROM unions").fetchall())
    uploads: dict[Any, Any] = {}
    sums: dict[Any, _Sum] = defaultdict(_Sum)
    people: dict[Any, _Sum] = defaultdict(_Sum)
    world: dict[Any, _Sum] = defaultdict(_Sum)
    for changeset in changesets_of(connection):
        day = changeset.at.date()
        for owner, name, facts in owners_of(changeset, unions):
            before = None
            for row in facts:
                sequence = row["sequence"]
                uploads[changeset.id, owner, name, sequence] = (changeset.user, row["total_edits"], before)
                before = sequence
                for minutes in (1440,) if owner == "user" else (15, 1440):
                    sums[owner, name, minutes, begin_of(sequence, minutes)].add(changeset, row)
                if owner != "user" and changeset.user is not None:
                    uploaded = begin_of(sequence, 1440).date()
                    people["upload", owner, name, changeset.user, uploaded].add(changeset, row)
                if owner != "user" and changeset.user is not None:
                    people["changeset", owner, name, changeset.user, day].add(changeset, row)
                if owner in ("world", "union"):
                    world[owner, name, day].add(changeset, row)
    days: defaultdict[Any, list[date]] = defaultdict(list)
    for *key, day in people:
        days[tuple(key)].append(day)
    return {
        "uploads": uploads,
        "upload_sums": {key: one.whole() for key, one in sums.items()},
        "people_days": {
            key: (*one.few(), max((d for d in days[key[:-1]] if d < key[-1]), default=None))
            for key, one in people.items()
        },
        "world_days": {
            key: (len(one.changesets), one.edits, dict(one.counts), dict(one.measurements))
            for key, one in world.items()
        },
    }


class _Sum:
    def __init__(self) -> None:
        self.changesets: set[int] = set()
        self.users: set[int] = set()
        self.edits = 0
        self.counts: Counter[str] = Counter()
        self.measurements: Counter[str] = Counter()

    def add(self, changeset: Counted, row: Mapping[str, Any]) -> None:
        self.changesets.add(changeset.id)
        self.users |= {changeset.user} - {None}
        self.edits += row["total_edits"]
        self.counts.update(row["counts"])
        self.measurements.update(row["measurements"])

    def few(self) -> tuple[int, int]:
        return len(self.changesets), self.edits

    def whole(self) -> tuple[Any, ...]:
        return len(self.changesets), len(self.users), self.edits, dict(self.counts), dict(self.measurements)


NAMED = """
CASE owner WHEN 'hashtag' THEN to_jsonb((SELECT hashtag FROM hashtags WHERE id = owner_id))
    WHEN 'country' THEN to_jsonb((SELECT code FROM countries WHERE id = owner_id))
    WHEN 'union' THEN to_jsonb((SELECT name FROM unions WHERE id = owner_id)) ELSE to_jsonb(owner_id) END
"""


def roll_ups(connection: Connection) -> dict[str, Any]:
    """The same as the database has it."""
    with connection.cursor() as cursor:
        set_json_loads(exact_json, cursor)

        def rows(query: str, keys: int) -> dict[Any, Any]:
            found = cursor.execute(query.format(NAMED).encode()).fetchall()
            utc = (tuple(v.astimezone(UTC) if isinstance(v, datetime) else v for v in row) for row in found)
            return {row[:keys]: row[keys:] for row in utc}

        return {
            "uploads": rows(
                "SELECT changeset_id, owner, {}, sequence, user_id, edits, before FROM uploads", 4
            ),
            "upload_sums": rows(
                "SELECT owner, {}, minutes, begins, changesets, users, edits, counts, measurements FROM upload_sums",
                4,
            ),
            "people_days": rows(
                "SELECT clock, owner, {}, user_id, day, changesets, edits, before FROM people_days", 5
            ),
            "world_days": rows(
                "SELECT owner, {}, day, changesets, edits, counts, measurements FROM aggregate_days"
                " WHERE owner IN ('world', 'union')",
                3,
            ),
        }
