"""Whose failure an exception is: a sequence's, or the database's; and how the database's reads, by SQLSTATE.

What is done about it (an attempt counted, a pause) is ingest/sequence_loop.py's and ingest/run.py's.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from stats_assets.database.connection import DatabaseUnreachable, on_one_line

# What a person can do, by SQLSTATE or the beginning of one; the longest that fits counts.
HINTS = {
    "": "Its log says more.",
    "08": "The connection was lost.",
    "22": "It is no sequence's: a value of the statistics themselves does not fit. stats-assets verify shows which.",
    "23": "Constraints of ours hold by themselves: one of your own on the statistics' tables must be dropped.",
    "25006": "It takes no changes: a standby, or set to read only. DATABASE_URL has to name one that does.",
    "28": "The role or its password in DATABASE_URL is refused.",
    "40": "Others were at the same rows, again and again.",
    "42": "The schema is not as `stats-assets migrate` made it: what was renamed, changed or dropped must be put back.",
    "42501": "The role of DATABASE_URL must own the statistics' tables, and its rights on them must not be taken away.",
    "3F": "The schema is not as `stats-assets migrate` made it: what was renamed, changed or dropped must be put back.",
    "53": "It lacks what it needs to go on: memory, disk or connections.",
    "53100": "Its disk is full, or its /dev/shm (a container's has 64 MB, unless --shm-size says more).",
    "54": "Nothing of ours reaches PostgreSQL's limits: an index, a trigger or a function of your own does.",
    "55P03": "Something holds a lock on a table of the statistics for very long: pg_locks says what.",
    "57": "It is stopped, starting, or was told to end this.",
    "57014": "It took longer than five minutes, or was cancelled.",
    "58": "Its disk or system fails it. Its log says more.",
    "P0": "A trigger or a function of your own raises it: mend it, or drop it.",
    "XX": "What it has stored may be damaged. Its log says more.",
}

# A line of an error's context, up to the first value in it; "PL/pgSQL-Funktion", "fonction SQL" elsewhere.
_IN_A_FUNCTION = re.compile(r"^[^\n\"'«»„“$:]*\b(?:PL/\w+|SQL)\b", re.MULTILINE)


class DatabaseFailed(DatabaseUnreachable):
    """PostgreSQL answers, but refuses or fails; the message says what it said, and what to do."""


def is_sequences(error: Exception) -> bool:
    """Whether what was raised while a sequence's body was counted, or its facts written, is that sequence's failure.

    The data's (SQLSTATE class 22, or what psycopg can't send) and our own code's are: memory and recursion too, as the
    next body may need less. All else of PostgreSQL's is the database's, class 22 out of a function of the operator's
    too, and what the system refuses is the machine's.
    """
    if isinstance(error, psycopg.Error):
        return isinstance(error, psycopg.DataError) and not _is_functions(error)
    return not isinstance(error, OSError | DatabaseUnreachable)


def _is_functions(error: psycopg.Error) -> bool:
    """Whether a function that is written in SQL or a language of procedures raised it: ours are no such ones."""
    # Innermost first; COPY's own line is the outermost, and may show any text of the data.
    inside = re.split("^COPY ", error.diag.context or "", maxsplit=1, flags=re.MULTILINE)[0]
    return error.diag.source_function == "exec_stmt_raise" or bool(_IN_A_FUNCTION.search(inside))


def is_connections(error: Exception) -> bool:
    """Whether the connection is what failed: the database may be back in a moment."""
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08")[:2] in ("08", "57")


def sentence(error: psycopg.Error) -> str:
    """What PostgreSQL said, its SQLSTATE, and what to do; on one line."""
    said = error.diag.message_primary or on_one_line(error) or type(error).__name__
    state = error.sqlstate or ""
    if isinstance(error, psycopg.OperationalError) and not state:
        state = "08"
    if state.startswith("22") and _is_functions(error):
        state = "P0"
    hint = next(HINTS[state[:length]] for length in (5, 2, 0) if state[:length] in HINTS)
    code = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    return f"PostgreSQL fails or refuses: {said.rstrip('.')}{code}. {hint}"


@contextmanager
def named() -> Iterator[None]:
    """What PostgreSQL fails at or refuses inside reads as a sentence. Raises DatabaseFailed."""
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseFailed(sentence(error)) from error
