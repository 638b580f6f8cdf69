"""`stats-assets hashtags`: which hashtags the streams would find in these comments. Needs no database.

How they are found is osm/hashtags.py's; the statistics of hashtags are the view hashtag_statistics.
"""

from typing import Annotated

import typer

from stats_assets.cli.messages import print_json
from stats_assets.cli.options import AsJson, as_text
from stats_assets.osm.hashtags import hashtags_in_comment

EXAMPLES = {
    "of a comment": "stats-assets hashtags 'Roads near Pokhara #missingmaps #osmnepal'",
    "of several, for a program": "stats-assets hashtags --json 'a #one' 'b #two'",
}
EXIT_CODES = {
    0: "they were looked for, whether there are any or not",
    2: "wrong use",
}


def hashtags(
    text: Annotated[list[str], typer.Argument(parser=as_text, metavar="TEXT", help="A changeset's comment.")],
    as_json: AsJson = False,
) -> None:
    """Show which hashtags are found in comments that are given here."""
    found = [hashtags_in_comment(comment) for comment in text]
    if as_json:
        print_json(found)
    else:
        for tags in found:
            print(" ".join(f"#{tag}" for tag in tags))
