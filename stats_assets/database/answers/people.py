"""Who is not shown. Totals keep their edits; lists, names and pages do not have them."""

from stats_assets.database.connection import Connection
from stats_assets.database.hidden_people import hidden_ids


def hidden(connection: Connection) -> list[int]:
    """The ids of users who are not shown, in order."""
    return hidden_ids(connection)
