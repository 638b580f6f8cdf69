"""The facts of the augmented diffs: what each sequence says of each changeset, and of it in each region.

Facts are replaced by sequence, inside the ledger's commit, and name the changesets that the statistics must look at
again. The sums over them belong to statistics.py.
"""

import json
from collections.abc import Mapping
from decimal import Decimal

from stats_assets.database.connection import Connection
from stats_assets.database.users import DIFFS, NameEvidence, save_users
from stats_assets.osm import DiffStatistics

FACTS = "changeset_edits (sequence, changeset_id, user_id, edited_at, total_edits, counts, measurements)"
COUNTRIES = "changeset_edits_countries (sequence, changeset_id, region, edit_count, counts, measurements)"
ERRORS = 'errors (id, type, sequence, tags, nds, changeset, uid, "user", updated, visible, version, ordinal, reason)'


def replace_facts(connection: Connection, sequence: int, diff: DiffStatistics) -> None:
    """Put the diff's facts in place of the sequence's old ones, and queue the changesets of both.

    Only inside a transaction: an applier that saw the half of it would take the queue's entries for done.
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
    evidence = [
        NameEvidence(changeset.uid, changeset.user, changeset.named_at)
        for changeset in diff.changesets
        if changeset.uid is not None
    ]
    save_users(connection, DIFFS, sequence, evidence)


def numbers_json(numbers: Mapping[str, int | Decimal]) -> str:
    """A flat JSON object of exact numbers (json itself would go through floats)."""
    return "{" + ", ".join(f"{json.dumps(key)}: {number:f}" for key, number in numbers.items()) + "}"
