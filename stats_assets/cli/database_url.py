"""`stats-assets database-url`: the owner's URL, for psql and others."""

from stats_assets.cli.project import settings_here
from stats_assets.database import connection


def database_url() -> None:
    """The database's URL, as psql and others take it; the embedded server is started if need be."""
    print(connection.database_url(settings_here(database=True, files=())))
