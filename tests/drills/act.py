"""Catching a run of a running demo in the act."""

import contextlib
from collections.abc import Iterator

import psycopg

from stats_assets.database import locks
from stats_assets.database.ledger.leases import leases
from tests.drills.stack import DemoStack


@contextlib.contextmanager
def run_in_the_act(stack: DemoStack) -> Iterator[int]:
    """While a run of the augmented diffs has sequences in its hands and can't go on; the last of its range."""
    holding = stack.until(stack.connect, "the database")
    try:
        holding.execute("SELECT pg_advisory_lock(%s)", (locks.FETCH,))

        def held() -> int | None:
            waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
            if holding.execute(waiting, (locks.FETCH,)).fetchone() is None:
                return None
            ends = [one.end_sequence for one in leases(holding, "augmented_diffs") if not one.released]
            return max(ends, default=None)

        yield stack.until(held, "a run to ask the feed")
    finally:
        with contextlib.suppress(psycopg.Error):
            holding.close()
