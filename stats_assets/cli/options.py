"""Options that several commands take, each written once."""

from typing import Annotated

import typer

from stats_assets.streams import Stream

StreamOption = Annotated[Stream, typer.Option("--stream", help="Which stream.")]
SequenceOption = Annotated[int, typer.Option(min=0, max=999_999_999)]
FromFeed = Annotated[
    bool, typer.Option("--from-feed", help="Read anew from the feed, never from the archive.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, on stdout alone.")]
WebPort = Annotated[int, typer.Option(min=1, max=65_535, help="The pages' and the API's port.")]
Port = Annotated[int, typer.Option(min=1, max=65_535, help="The UI's port.")]
