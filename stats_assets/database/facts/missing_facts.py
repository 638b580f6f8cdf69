"""Whether the facts of a range are there: by the catalog, and by the numbers that the ledger has of them.

Changes nothing. What is written down of it is ranges.py's; what partitions there are, fact_partitions.py's.
"""

from datetime import datetime
from typing import NamedTuple

from stats_assets.database.connection import Connection
from stats_assets.database.facts.fact_partitions import (
    SEQUENCES,
    TABLES,
    Partition,
    missing_tables,
    name_of,
)


class FactRange(NamedTuple):
    """A row of `fact_ranges`: what was noted of a range, and which tables had facts of it."""

    first: int
    edits: bool
    countries: bool
    state: str
    reason: str | None
    since: datetime | None
    accepted: bool


def why_away(connection: Connection, ranges: list[FactRange], there: list[Partition]) -> dict[int, str]:
    """Why the facts of a range are away where these partitions are attached, by its first sequence."""
    detached: list[tuple[int, str]] = []
    emptied: list[tuple[int, str]] = []
    for one in ranges:
        for table, had in zip(TABLES, (one.edits, one.countries), strict=True):
            place = next((p for p in there if p.holds(table, one.first)), None)
            if one.state == "recounting" and place is not None:
                continue
            if place is not None and not place.empty:
                continue
            # Facts of the last seconds are not noted yet; a backup may be just as old.
            told = _told(connection, one.first, table)
            if place is None and (had or told):
                detached.append((one.first, table))
            elif place is not None and (told or (had and told is None)):
                emptied.append((one.first, table))
    said: dict[int, list[str]] = {}
    if detached:
        exist: dict[str, bool] = dict(
            connection.execute(
                "SELECT name, EXISTS (SELECT FROM pg_inherits WHERE inhrelid = there AND inhdetachpending)"
                " FROM unnest(%s::text[]) AS name, to_regclass(format('%%I.%%I', current_schema(), name)) AS there"
                " WHERE there IS NOT NULL",
                ([name_of(table, first) for first, table in detached],),
            ).fetchall()
        )
        missing = missing_tables(connection)
        for first, table in detached:
            name = name_of(table, first)
            what = {None: "not there", False: "not attached", True: "half detached (FINALIZE ends it)"}
            said.setdefault(first, []).append(
                f"there is no table {table}" if table in missing else f"{name} is {what[exist.get(name)]}"
            )
    for first, table in emptied:
        said.setdefault(first, []).append(f"{name_of(table, first)} is empty")
    return {first: ", ".join(parts) for first, parts in said.items()}


def _told(connection: Connection, first: int, table: str) -> bool | None:
    """Whether the ledger says that there are facts in the range; None: it does not know."""
    column = "facts" if table == TABLES[0] else "country_facts"
    row = connection.execute(
        f"SELECT bool_or({column} > 0) FROM ledger"  # noqa: S608 - one of two names
        " WHERE stream = 'augmented_diffs' AND sequence >= %s AND sequence < %s".encode(),
        (first, first + SEQUENCES),
    ).fetchone()
    return row[0] if row else None


def lacking(connection: Connection, first: int, *, unknown: bool) -> int:
    """How many of the range's sequences have fewer facts than the ledger says; `unknown`: or it does not know."""
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = '2h'")
        row = connection.execute(
            """
            SELECT count(*)
            FROM ledger AS l
            LEFT JOIN (SELECT sequence, count(*) AS facts FROM changeset_edits
                WHERE sequence >= %(first)s AND sequence < %(until)s GROUP BY sequence) AS e USING (sequence)
            LEFT JOIN (SELECT sequence, count(*) AS facts FROM changeset_edits_countries
                WHERE sequence >= %(first)s AND sequence < %(until)s GROUP BY sequence) AS c USING (sequence)
            WHERE l.stream = 'augmented_diffs' AND l.sequence >= %(first)s AND l.sequence < %(until)s
                AND (l.facts > coalesce(e.facts, 0) OR l.country_facts > coalesce(c.facts, 0)
                    OR (%(unknown)s AND l.result = 'committed' AND (l.facts IS NULL OR l.country_facts IS NULL)))
            """,
            {"first": first, "until": first + SEQUENCES, "unknown": unknown},
        ).fetchone()
    return int(row[0]) if row else 0
