"""How an error that a person can mend reads at a command's end. Imported when there is one."""

import sys

import psycopg
from psycopg import errors

from stats_assets.database.failures import sentence
from stats_assets.mendable import Mendable, without_class


def sentences(error: Exception) -> list[str]:
    """What is said of it, a line each; none: it is a bug."""
    if isinstance(error, Mendable):
        return [f"stats-assets: {error}"]
    if isinstance(error, errors.InsufficientPrivilege | errors.ReadOnlySqlTransaction):
        return [
            f"stats-assets: PostgreSQL refuses: {error.diag.message_primary}.",
            "DATABASE_URL's role must own the statistics, or for looking be let read them all.",
        ]
    if isinstance(error, psycopg.Error):
        return [f"stats-assets: {sentence(error)}"]
    if _is_of_sqlalchemy(error):
        said = without_class(str(error).splitlines()[0])
        return [f"stats-assets: Dagster's records can't be used: {said}. May this user write there?"]
    if isinstance(error, OSError) and error.filename is not None:
        return [
            f"stats-assets: {error.filename} can't be used: {error.strerror}. May this user write there, and is there"
            " room?"
        ]
    if isinstance(error, UnicodeEncodeError) and error.reason.startswith("surrogates"):
        return [
            "stats-assets: a path or a word that was given is no UTF-8, and can't be used. Name it in UTF-8."
        ]
    return []  # also an OSError that names no file


def _is_of_sqlalchemy(error: Exception) -> bool:
    if "sqlalchemy" not in sys.modules:  # then none of its errors can have been raised
        return False
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, SQLAlchemyError)
