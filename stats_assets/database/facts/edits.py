"""The facts of the augmented diffs: what each sequence says of each changeset, and of it in each region.

Facts are replaced by sequence, inside the ledger's commit, and name the changesets that the statistics must look at
again: those of which they are others. The sums over them belong to database/statistics/applier.py.
"""

from psycopg import errors

from stats_assets.database.connection import Connection
from stats_assets.database.facts.ranges import WHAT_TO_DO, Away, FactsAway, range_of
from stats_assets.database.facts.replacing import Facts, replace
from stats_assets.database.facts.users import DIFFS, NameEvidence, save_users
from stats_assets.osm.statistics import DiffStatistics

_NUMBERS = {"counts": "jsonb", "measurements": "jsonb"}
FACTS = Facts(
    "changeset_edits",
    {"changeset_id": "bigint", "user_id": "bigint", "edited_at": "timestamptz", "total_edits": "bigint"}
    | _NUMBERS,
    keys=1,
)
COUNTRIES = Facts(
    "changeset_edits_countries",
    {"changeset_id": "bigint", "region": "text", "edit_count": "bigint"} | _NUMBERS,
    keys=2,
)
ERRORS = Facts(
    "errors",
    {
        "type": "smallint",
        "id": "bigint",
        "ordinal": "int",
        "tags": "jsonb",
        "nds": "bigint[]",
        "changeset": "bigint",
    }
    | {"uid": "bigint", "user": "text", "updated": "timestamptz", "visible": "boolean", "version": "bigint"}
    | {"reason": "text"},
    keys=3,
)

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
    """Put the diff's facts in place of the sequence's old ones, and queue those whose facts are others by that.

    Only inside a transaction: an applier that saw the half of it would take the queue's entries for done. Raises
    FactsAway where there is no place for them.
    """
    try:
        touched = _replace(connection, sequence, diff)
    except errors.CheckViolation as error:
        if error.diag.source_function != "ExecFindPartition":  # an operator's own CHECK, or trigger
            raise
        raise _away(sequence, "no partition for them is attached") from error
    if touched:
        connection.execute(
            "INSERT INTO statistics_queue (changeset_id, sequence) SELECT unnest(%s::bigint[]), %s",
            (sorted(touched), sequence),
        )
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


def _replace(connection: Connection, sequence: int, diff: DiffStatistics) -> set[int]:
    edits = [
        (c.changeset, c.uid, c.edited_at, c.total_edits, c.counts, c.measurements) for c in diff.changesets
    ]
    countries = [
        (c.changeset, code, part.edit_count, part.counts, part.measurements)
        for c in diff.changesets
        for code, part in c.countries.items()
    ]
    broken = [
        (
            *(e.type, e.id, e.ordinal, e.tags, list(e.nds), e.changeset, e.uid, e.user, e.updated, e.visible),
            *(e.version, e.reason),
        )
        for e in diff.errors
    ]
    other = replace(connection, FACTS, sequence, edits) | replace(connection, COUNTRIES, sequence, countries)
    replace(connection, ERRORS, sequence, broken)
    return {key[0] for key in other}
