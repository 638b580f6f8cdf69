"""What a person is told of the oldest open transaction, and from when on it is a problem.

How it is found is database/open_transactions.py's.
"""

from datetime import timedelta
from typing import Any

from stats_assets.database.open_transactions import OpenTransaction
from stats_assets.words import at, in_words

LONG = timedelta(hours=1)  # a backup, or a verification of a heavy owner, may take so long
MANY = 1_000_000  # transactions that began since; where it is not told since when it is open


def is_long(found: OpenTransaction) -> bool:
    """Whether it keeps dead rows for so long that somebody should look at it."""
    if not found.keeps_dead_rows:
        return False
    return (
        found.behind is not None and found.behind >= MANY
        if found.seconds is None
        else found.seconds >= LONG.seconds
    )


def sentence(found: OpenTransaction) -> str:
    """Who has it open, since when, and what that does."""
    who = f"{found.what} {found.id}" if found.what != "a session" else f"process {found.id}"
    by = f" of {found.user}" if found.user else ""
    calls = f" ({found.application})" if found.application else ""
    state = f", {found.state}" if found.state else ""
    if found.seconds is None or found.since is None:
        since = f"for {found.behind or 0} transactions (since when its login may not see: GRANT pg_read_all_stats)"
        since = since if found.what == "a session" else f"for {found.behind or 0} transactions"
    else:
        since = f"since {at(found.since, found.now)}, {in_words(found.seconds)}"
    does = (
        "rows that were deleted or replaced since then are kept, so that the tables grow"
        if found.keeps_dead_rows
        else "it keeps no dead rows now"
    )
    return f"The oldest open transaction is of {who}{by}{calls}{state}, {since}: {does}."


def what_to_do(found: OpenTransaction) -> str:
    """How it is ended."""
    end = {
        "a prepared transaction": f"COMMIT PREPARED '{found.id}' or ROLLBACK PREPARED '{found.id}' ends it.",
        "a replication slot": f"If nobody reads it any more: SELECT pg_drop_replication_slot('{found.id}').",
    }
    return end.get(found.what, f"End it there, or: SELECT pg_terminate_backend({found.id}).")


def as_json(found: OpenTransaction) -> dict[str, Any]:
    """As monitors read it."""
    return {name: value for name, value in found._asdict().items() if name != "now"} | {
        "seconds": found.seconds
    }
