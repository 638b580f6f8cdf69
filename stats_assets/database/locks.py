"""The advisory locks that are taken in the statistics' database, each with its number and what it is for.

Two deployments in one database share them, and take turns. Locks of rows and tables are where they are taken.
"""

from stats_assets.database.connection import Connection

SCHEMA = 5_640_001
"""One process at a time brings the schema to its newest revision."""
APPLIER = 5_640_002
"""One applier at a time: the queue's entries are taken in order, and each once."""
REBUILD = 5_640_003
"""One rebuild at a time: two would add the same difference twice."""
READING_LOGIN = 5_640_004
"""One process at a time makes the login that may only read."""
ALERT_ROUND = 5_640_005
"""One round at a time tells the alert hooks."""
FETCH = 5_640_010
"""One request at a time to a source that wants that; with the stream's place in STREAMS added."""
FACT_PARTITIONS = 5_640_020
"""One process at a time makes or drops partitions of the facts."""


def wait_for(connection: Connection, lock: int) -> None:
    """Hold it for the session, as soon as nobody else does. Raises LockNotAvailable after lock_timeout."""
    connection.execute("SELECT pg_advisory_lock(%s)", (lock,))


def wait_in_transaction(connection: Connection, lock: int) -> None:
    """Hold it until the transaction's end, as soon as nobody else does. Raises LockNotAvailable after lock_timeout."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))


def try_for(connection: Connection, lock: int) -> bool:
    """Hold it for the session; False: somebody else does."""
    return connection.execute("SELECT pg_try_advisory_lock(%s)", (lock,)).fetchone() == (True,)


def release(connection: Connection, lock: int) -> None:
    """Give it back; a broken session has."""
    if not connection.broken:
        connection.execute("SELECT pg_advisory_unlock(%s)", (lock,))
