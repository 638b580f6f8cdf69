"""Answers in plain Python over facts and metadata, by docs/definitions.md and docs/api.md alone: a helper of tests.

It shares no SQL and no line with what it is compared with.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from stats_assets.database.connection import Connection
from tests.truth import exact_json

BEGIN = datetime(2012, 9, 12, 6, 55, tzinfo=UTC)


@dataclass
class Wanted:
    """A question, as plain values."""

    tags: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    users: list[int] = field(default_factory=list)
    country: str | None = None
    clock: str = "upload"
    editors: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    since: datetime | None = None
    until: datetime | None = None


@dataclass
class Line:
    """What counts at a time."""

    changeset: int
    user: int | None
    end: datetime
    """By upload the end of its minute, else the changeset's time."""
    at: datetime
    counts: dict[str, Decimal]
    measurements: dict[str, Decimal]
    tags: list[str]
    editor: str | None

    @property
    def edits(self) -> Decimal:
        return sum(self.counts.values(), Decimal(0))


class Facts:
    """All that is known, read once."""

    def __init__(self, connection: Connection) -> None:
        with connection.cursor(row_factory=dict_row) as cursor:
            set_json_loads(exact_json, cursor)
            self.edits = cursor.execute("SELECT * FROM changeset_edits").fetchall()
            self.places = cursor.execute("SELECT * FROM changeset_edits_countries").fetchall()
            self.metadata = {
                row["changeset_id"]: row
                for row in cursor.execute("SELECT * FROM changeset_metadata").fetchall()
            }
        self.of: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in self.edits:
            self.of[row["changeset_id"]].append(row)

    @property
    def tags(self) -> Counter[str]:
        return Counter(tag for c in self.of for tag in self.meta(c)["hashtags"])

    def meta(self, changeset: int) -> dict[str, Any]:
        return self.metadata.get(
            changeset,
            {"hashtags": [], "editor": None, "user_id": None, "closed_at": None, "created_at": None},
        )

    def user(self, changeset: int) -> int | None:
        known = [
            (row["edited_at"], row["user_id"]) for row in self.of[changeset] if row["user_id"] is not None
        ]
        found: int | None = max(known)[1] if known else self.meta(changeset)["user_id"]
        return found

    def time(self, changeset: int) -> datetime:
        meta = self.meta(changeset)
        newest: datetime = max(row["edited_at"] for row in self.of[changeset])
        return meta["closed_at"] or meta["created_at"] or newest

    def lines(self, wanted: Wanted, region: str | None = None) -> Iterator[Line]:
        """Those that count. region: only what lies there, beside what is wanted."""
        where = region or wanted.country
        rows = self.edits if where is None else [row for row in self.places if row["region"] == where]
        for row in rows:
            changeset, meta = row["changeset_id"], self.meta(row["changeset_id"])
            by_upload = wanted.clock == "upload"
            end = BEGIN + timedelta(minutes=row["sequence"] + 1) if by_upload else self.time(changeset)
            fact = next(one for one in self.of[changeset] if one["sequence"] == row["sequence"])
            counts = {k: v for k, v in row["counts"].items() if _counts(wanted, k)}
            line = Line(
                changeset,
                self.user(changeset),
                end,
                fact["edited_at"] if by_upload else end,
                counts,
                {k: v for k, v in row["measurements"].items() if _measures(wanted, k)},
                meta["hashtags"],
                meta["editor"],
            )
            if counts and self._wanted(wanted, line):
                yield line

    def _wanted(self, wanted: Wanted, line: Line) -> bool:
        return (
            (not wanted.tags or any(_is(tag, one) for tag in line.tags for one in wanted.tags))
            and set(wanted.also) <= set(line.tags)
            and (not wanted.users or line.user in wanted.users)
            and (not wanted.editors or family(line.editor) in wanted.editors)
            and (wanted.since is None or line.end > wanted.since)
            and (wanted.until is None or line.end <= wanted.until)
        )


MEASURED = {
    "road_km": "roads",
    "waterway_km": "waterways",
    "coastline_km": "coastlines",
    "railline_km": "raillines",
}


def _counts(wanted: Wanted, key: str) -> bool:
    category, kind = key.rsplit("_", 1)
    return (not wanted.categories or category in wanted.categories) and (
        not wanted.kinds or kind in wanted.kinds
    )


def _measures(wanted: Wanted, key: str) -> bool:
    measure, kind = key.rsplit("_", 1)
    category = MEASURED.get(measure, measure.removesuffix("_km2"))
    return _counts(wanted, f"{category}_{kind}")


def _is(tag: str, wanted: str) -> bool:
    return tag.startswith(wanted[:-1]) if wanted.endswith("*") else tag == wanted


def family(editor: str | None) -> str | None:
    """Up to a slash, or to a word that begins with a digit."""
    if editor is None:
        return None
    words: list[str] = []
    for word in editor.split("/")[0].split():
        if word[0].isdigit() and words:
            break
        words.append(word)
    return " ".join(words)


def sums(lines: list[Line]) -> dict[str, Any]:
    """Of lines, the columns by name; counts and measurements that are not 0."""
    found: Counter[str] = Counter()
    for line in lines:
        found.update(line.counts)
        found.update(line.measurements)
    return {
        "edits": sum((line.edits for line in lines), Decimal(0)),
        "changesets": len({line.changeset for line in lines}),
        "users": len({line.user for line in lines if line.user is not None}),
        **{key: value for key, value in found.items() if value},
    }


def grouped(lines: list[Line], key: Callable[[Line], Any]) -> dict[Any, list[Line]]:
    """Lines by a key."""
    found: defaultdict[Any, list[Line]] = defaultdict(list)
    for line in lines:
        found[key(line)].append(line)
    return found
