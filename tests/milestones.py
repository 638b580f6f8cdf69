"""Milestones recomputed from the facts in plain Python: a helper of tests. It shares no SQL with what keeps them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from stats_assets.database.connection import Connection
from stats_assets.osm.milestones import Rule
from stats_assets.questions.editors import family
from tests.roll_ups import Counted, begin_of, changesets_of


def recomputed_milestones(connection: Connection, rules: Sequence[Rule]) -> dict[Any, date]:
    """(owner, id of a user or name of a hashtag, rule, level) → the UTC day."""
    editors: dict[int, str | None] = dict(
        connection.execute("SELECT changeset_id, editor FROM changeset_metadata").fetchall()
    )
    uploads: defaultdict[Any, list[tuple[date, Counted, Any]]] = defaultdict(list)
    for changeset in changesets_of(connection):
        for row in changeset.facts:
            one = (begin_of(row["sequence"], 1440).date(), changeset, row)
            for tag in changeset.hashtags:
                uploads["hashtag", tag].append(one)
            if changeset.user is not None:
                uploads["user", changeset.user].append(one)
    found: dict[Any, date] = {}
    for (owner, key), mine in uploads.items():
        mine.sort(key=lambda one: (one[0], one[2]["sequence"]))
        for rule in rules:
            if rule.owner == owner:
                for day, value in _values(rule, mine, editors):
                    for level in rule.levels:
                        if value >= level:
                            found.setdefault((owner, key, rule.name, level), day)
    return found


def _values(
    rule: Rule, mine: Sequence[tuple[date, Counted, Any]], editors: dict[int, str | None]
) -> Iterator[tuple[date, Decimal | int]]:
    days = sorted({day for day, _, _ in mine})
    if rule.metric == "sum":
        total = Decimal(0)
        for day, _, row in mine:
            total += sum(
                (Decimal(str({**row["counts"], **row["measurements"]}.get(key, 0))) for key in rule.keys),
                Decimal(0),
            )
            yield day, total
    elif rule.metric == "returns":
        yield from (
            (day, n) for n, day in enumerate((b for a, b in pairwise(days) if (b - a).days >= rule.least), 1)
        )
    elif rule.metric == "days_in_a_row":
        length = 0
        for before, day in pairwise([date.min, *days]):
            length = length + 1 if (day - before).days == 1 else 1
            yield day, length
    else:
        seen: set[Any] = set()
        edits: defaultdict[str, int] = defaultdict(int)
        for day, changeset, row in mine:
            editor = editors.get(changeset.id)
            named = family(editor).lower() if editor is not None else None
            if rule.metric in ("days", "months"):
                seen.add(day if rule.metric == "days" else (day.year, day.month))
            elif rule.metric == "people":
                seen |= {changeset.user} - {None}
            elif rule.metric == "categories":
                seen |= {key.rsplit("_", 1)[0] for key in row["counts"]}
            elif rule.metric == "editors":
                seen |= {named} - {None}
            elif rule.metric == "changesets_with":
                seen |= {changeset.id} if named in [key.lower() for key in rule.keys] else set()
            else:
                for thing in changeset.there if rule.metric == "countries" else changeset.hashtags:
                    rows = changeset.there[thing] if rule.metric == "countries" else [row]
                    edits[thing] += sum(
                        one["total_edits"] for one in rows if one["sequence"] == row["sequence"]
                    )
                seen |= {thing for thing, number in edits.items() if number >= rule.least}
            yield day, len(seen)


def milestones(connection: Connection) -> dict[Any, date]:
    """The same as the database has them."""
    return {
        tuple(row[:4]): row[4]
        for row in connection.execute(
            "SELECT owner, CASE owner WHEN 'user' THEN to_jsonb(owner_id) ELSE to_jsonb(h.hashtag) END, m.name, level, earned"
            " FROM milestones AS m LEFT JOIN hashtags AS h ON owner = 'hashtag' AND h.id = owner_id"
        ).fetchall()
    }
