"""`stats-assets database-url`: the owner's URL, for psql and others."""

from stats_assets.cli.messages import print_json
from stats_assets.cli.options import AsJson
from stats_assets.cli.project import settings_here
from stats_assets.database import connection

EXAMPLES = {
    "psql, as the owner": 'psql "$(stats-assets database-url)"',
    "for a program": "stats-assets database-url --json",
}
EXIT_CODES = {
    0: "it is printed; nobody has tried to connect to a DATABASE_URL",
}


def database_url(as_json: AsJson = False) -> None:
    """The database's URL, as psql and others take it; the embedded server is started if need be."""
    url = connection.database_url(settings_here(database=True, files=()))
    if as_json:
        print_json({"url": url})
    else:
        print(url)
