"""`stats-assets hashtags`: what is found in comments, as the streams find it."""

from typing import Annotated

import typer

from stats_assets.cli.messages import print_json
from stats_assets.cli.options import AsJson
from stats_assets.osm.hashtags import hashtags_in_comment


def hashtags(
    text: Annotated[list[str], typer.Argument(help="A changeset's comment.")], as_json: AsJson = False
) -> None:
    """The hashtags that are found in comments."""
    found = [hashtags_in_comment(comment) for comment in text]
    if as_json:
        print_json(found)
    else:
        for tags in found:
            print(" ".join(f"#{tag}" for tag in tags))
