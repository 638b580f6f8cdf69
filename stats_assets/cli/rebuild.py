"""`stats-assets rebuild`: make the statistics what the facts say."""

import typer

from stats_assets.cli.comparing import as_facts, comparing, say_unseen
from stats_assets.cli.messages import print_json, say
from stats_assets.cli.options import AsJson
from stats_assets.cli.project import settings_here
from stats_assets.database.statistics import passes, verdicts
from stats_assets.database.statistics.passes import RebuildBusy
from stats_assets.system import Stats

EXAMPLES = {
    "mend what a verification has found": "stats-assets rebuild",
    "for a program": "stats-assets rebuild --json",
}
EXIT_CODES = {
    0: "all was compared, and what differed is mended",
    1: "not all could be looked at, as facts are away",
    2: "another rebuild is at work; a wrong setting, a database out of reach",
    130: "ended by Ctrl-C; the same command goes on",
}


def rebuild(as_json: AsJson = False) -> None:
    """Make the statistics what the facts say, in place, while the stream goes on. Ended, the same command goes on.

    What rests on facts that are away stays as it is.
    """
    with Stats(settings_here(database=True, files=())).connect() as connection:
        try:
            with comparing(connection) as progress:
                passed = passes.rebuild(connection, progress=progress)
        except KeyboardInterrupt:
            say("Ended. What was mended stays; the same command goes on from here.", style="yellow")
            raise typer.Exit(130) from None
        except RebuildBusy as busy:
            say(str(busy), style="red")
            raise typer.Exit(2) from None
        known = verdicts.verdict(connection)
        unseen = say_unseen(connection, passed)
    if as_json:
        print_json(as_facts(passed))
    say(f"{passed.steps} ranges compared, {len(passed.differences)} differences mended.")
    if known.bad:
        say(
            "A verification has found differences since this began, maybe mended by now: stats-assets verify tells."
        )
    raise typer.Exit(1 if unseen else 0)
