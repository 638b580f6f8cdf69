"""`stats-assets rebuild`: make the statistics what the facts say."""

import typer

from stats_assets.cli.comparing import Progress, say_unseen
from stats_assets.cli.messages import say
from stats_assets.cli.project import settings_here
from stats_assets.database.statistics import passes, verdicts
from stats_assets.database.statistics.passes import RebuildBusy
from stats_assets.system import Stats


def rebuild() -> None:
    """Make the statistics what the facts say, in place, while the stream goes on. Ended, the same command goes on.

    What rests on facts that are away stays as it is. Exit code: 0 all was compared, 1 not, as facts are away.
    """
    with Stats(settings_here(database=True, files=())).connect() as connection:
        try:
            passed = passes.rebuild(connection, progress=Progress())
        except KeyboardInterrupt:
            say("Ended. What was mended stays; the same command goes on from here.", style="yellow")
            raise typer.Exit(130) from None
        except RebuildBusy as busy:
            say(str(busy), style="red")
            raise typer.Exit(2) from None
        known = verdicts.verdict(connection)
        unseen = say_unseen(connection, passed)
    say(f"{passed.steps} ranges compared, {len(passed.differences)} differences mended.")
    if known.bad:
        say(
            "A verification has found differences since this began, maybe mended by now: stats-assets verify tells."
        )
    raise typer.Exit(1 if unseen else 0)
