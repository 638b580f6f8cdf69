"""The facts of the augmented diffs: what each sequence says of each changeset, and of it in each region.

Facts are replaced by sequence, inside the ledger's commit, and name the changesets that the statistics must look at
again. The sums over them belong to database/statistics/applier.py.
"""

import json
from collections.abc import Mapping
from decimal import Decimal

from psycopg import errors

from stats_assets.database.connection import Connection
from stats_assets.database.facts.ranges import WHAT_TO_DO, Away, FactsAway, range_of
from stats_assets.database.facts.users import DIFFS, NameEvidence, save_users
from stats_assets.osm.statistics import DiffStatistics

FACTS = "changeset_edits (sequence, changeset_id, user_id, edited_at, total_edits, counts, measurements)"
COUNTRIES = "changeset_edits_countries (sequence, changeset_id, region, edit_count, counts, measurements)"
ERRORS = 'errors (id, type, sequence, tags, nds, changeset, uid, "user", updated, visible, version, ordinal, reason)'

ERRORS_KEPT = 100_000  # some weeks of them, 50 to 100 MB


def save_facts(connection: Connection, sequence: int, diff: DiffStatistics) -> None:
    """Replace the sequence's facts, and note in the ledger how many it has; runs inside the ledger's commit.

    Raises FactsAway where the facts of its range are away: what the new ones would replace isn't there.
    """
    first = range_of(sequence)
    known = connection.execute(
        "SELECT edits, countries, state, reason FROM fact_ranges WHERE first = %s", (first,)
    ).fetchone()
    if known is not None and known[2] in ("away", "incomplete"):
        raise _away(sequence, known[3])
    replace_facts(connection, sequence, diff)
    facts, country_facts = len(diff.changesets), sum(len(c.countries) for c in diff.changesets)
    connection.execute(
        "UPDATE ledger SET facts = %s, country_facts = %s WHERE stream = 'augmented_diffs' AND sequence = %s",
        (facts, country_facts, sequence),
    )
    if known is None or (facts and not known[0]) or (country_facts and not known[1]):
        connection.execute(
            "INSERT INTO fact_ranges AS r (first, edits, countries) VALUES (%s, %s, %s)"
            " ON CONFLICT (first) DO UPDATE SET edits = r.edits OR excluded.edits,"
            " countries = r.countries OR excluded.countries",
            (first, facts > 0, country_facts > 0),
        )


def replace_facts(connection: Connection, sequence: int, diff: DiffStatistics) -> None:
    """Put the diff's facts in place of the sequence's old ones, and queue the changesets of both.

    Only inside a transaction: an applier that saw the half of it would take the queue's entries for done. Raises
    FactsAway where there is no place for them.
    """
    connection.execute(
        """
        WITH gone AS (DELETE FROM changeset_edits WHERE sequence = %(sequence)s RETURNING changeset_id)
        INSERT INTO statistics_queue (changeset_id, sequence)
        SELECT changeset_id, %(sequence)s
        FROM (SELECT changeset_id FROM gone UNION SELECT unnest(%(new)s::bigint[])) AS touched(changeset_id)
        ORDER BY changeset_id
        """,
        {"sequence": sequence, "new": [changeset.changeset for changeset in diff.changesets]},
    )
    connection.execute("DELETE FROM changeset_edits_countries WHERE sequence = %s", (sequence,))
    connection.execute("DELETE FROM errors WHERE sequence = %s", (sequence,))
    try:
        _copy(connection, sequence, diff)
    except errors.CheckViolation as error:
        if error.diag.source_function != "ExecFindPartition":  # an operator's own CHECK, or trigger
            raise
        raise _away(sequence, "no partition for them is attached") from error
    evidence = [
        NameEvidence(changeset.uid, changeset.user, changeset.named_at)
        for changeset in diff.changesets
        if changeset.uid is not None
    ]
    save_users(connection, DIFFS, sequence, evidence)


def forget_errors(connection: Connection) -> int:
    """Delete all rows of `errors` but so many of the newest minutes (ERRORS_KEPT); how many that were."""
    return connection.execute(
        """
        DELETE FROM errors WHERE (sequence, type, id, ordinal) <= (
            SELECT sequence, type, id, ordinal FROM errors
            ORDER BY sequence DESC, type DESC, id DESC, ordinal DESC OFFSET %s LIMIT 1
        )
        """,
        (ERRORS_KEPT,),
    ).rowcount


def _away(sequence: int, reason: str | None) -> FactsAway:
    range_ = Away(range_of(sequence), reason or "away", None, False)
    return FactsAway(f"{range_} {sequence} is not counted there. {WHAT_TO_DO}")


def _copy(connection: Connection, sequence: int, diff: DiffStatistics) -> None:
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {FACTS} FROM STDIN") as copy:
            for c in diff.changesets:
                numbers = (c.total_edits, numbers_json(c.counts), numbers_json(c.measurements))
                copy.write_row((sequence, c.changeset, c.uid, c.edited_at, *numbers))
        with cursor.copy(f"COPY {COUNTRIES} FROM STDIN") as copy:
            for c in diff.changesets:
                for code, part in c.countries.items():
                    numbers = (part.edit_count, numbers_json(part.counts), numbers_json(part.measurements))
                    copy.write_row((sequence, c.changeset, code, *numbers))
        with cursor.copy(f"COPY {ERRORS} FROM STDIN") as copy:
            for e in diff.errors:
                who = (e.changeset, e.uid, e.user, e.updated, e.visible, e.version, e.ordinal, e.reason)
                copy.write_row((e.id, e.type, sequence, json.dumps(e.tags), list(e.nds), *who))


def numbers_json(numbers: Mapping[str, int | Decimal]) -> str:
    """A flat JSON object of exact numbers (json itself would go through floats)."""
    return "{" + ", ".join(f"{json.dumps(key)}: {_plain(number)}" for key, number in numbers.items()) + "}"


def _plain(number: int | Decimal) -> str:
    return str(number) if isinstance(number, int) else f"{number:f}"  # an int as :f has six zeros
