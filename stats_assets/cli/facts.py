"""`stats-assets facts`: which ranges of facts are away, and what a person has decided about one."""

from typing import Annotated

import typer

from stats_assets.cli.messages import print_json, say
from stats_assets.cli.options import AsJson
from stats_assets.cli.project import settings_here
from stats_assets.database.facts import ranges
from stats_assets.database.facts.fact_partitions import SEQUENCES
from stats_assets.system import Stats

EXAMPLES = {
    "which are away": "stats-assets facts",
    "these are meant to be": "stats-assets facts --accept 7400000",
    "count them anew": "stats-assets facts --recount 7400000",
}
EXIT_CODES = {
    0: "none are away, or all are meant to be",
    1: "others are away",
    2: "wrong use or setting, nothing to do there, or a database out of reach",
}


def facts(
    accept: Annotated[
        int | None,
        typer.Option(min=0, help="The range of this sequence is meant to be away.", metavar="SEQUENCE"),
    ] = None,
    recount: Annotated[
        int | None,
        typer.Option(min=0, help="Give the range's facts up, to count them anew.", metavar="SEQUENCE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Which ranges of facts are away (detached, dropped, emptied, not restored).

    With --accept, one is meant to be: it is named, but no longer warned of. With --recount, its facts are given up: its
    sequences may be counted again, by a backfill; the sums stay until then.
    """
    with Stats(settings_here(database=True, files=())).connect() as connection:
        if accept is not None and not ranges.accept(connection, ranges.range_of(accept)):
            say(f"The facts of {accept} are not away: nothing to do.", style="red")
            raise typer.Exit(2)
        if recount is not None:
            first = ranges.range_of(recount)
            if not ranges.recount(connection, first):
                say(
                    f"The facts of {recount} are not away, or their detached tables still have the partitions' names:"
                    " attach them, or rename or drop them first.",
                    style="red",
                )
                raise typer.Exit(2)
            say(
                f"{first} to {first + SEQUENCES - 1} may be counted again: stats-assets backfill, and then"
                " stats-assets rebuild."
            )
        found = ranges.away(connection)
    if as_json:
        print_json([one._asdict() | {"last": one.last} for one in found])
    if not found and not as_json:
        say("No facts are away.")
    for one in found if not as_json else ():
        print(f"{one}{' It is meant so.' if one.accepted else ''}")
    raise typer.Exit(0 if all(one.accepted for one in found) else 1)
