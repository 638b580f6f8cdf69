"""`stats-assets verify`: whether the statistics are what the facts say."""

from typing import Annotated

import typer

from stats_assets.cli.comparing import SHOWN, as_facts, comparing, say_unseen
from stats_assets.cli.messages import print_json, say
from stats_assets.cli.options import AsJson
from stats_assets.cli.project import settings_here
from stats_assets.database.statistics import passes
from stats_assets.database.statistics.passes import Passed
from stats_assets.system import Stats

EXAMPLES = {
    "everything": "stats-assets verify",
    "a sample, within a second or so": "stats-assets verify --sample",
    "ten minutes now, the rest later": "stats-assets verify --seconds 600",
    "go on there": "stats-assets verify --resume",
}
EXIT_CODES = {
    0: "all that was compared is equal",
    1: "something differs, or could not be looked at as facts are away that nobody said are meant to be",
    130: "ended by Ctrl-C; --resume goes on",
}


def verify(
    a_sample: Annotated[
        bool, typer.Option("--sample", help="Only a few random ranges, within a second or so.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the last one was ended, by --seconds or Ctrl-C.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="End after so long; --resume goes on later.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the statistics from the facts, and compare every row and key exactly. The verdict is kept for `status`.

    Range by range, each in one snapshot, while the stream goes on.
    How far it is, and what it found, is kept for --resume and status, if the database's role may write that.
    """
    if a_sample and (resume or seconds is not None):
        raise typer.BadParameter("--sample is short by itself: without --resume and --seconds.")
    with Stats(settings_here(database=True, files=())).look(may_write=True) as connection:
        kept = a_sample or passes.is_kept(connection)
        if not kept:
            say("This role may only read: how far the verification is can't be kept, nor gone on with.")
        if resume and not kept:
            raise typer.BadParameter("there is nothing that it could go on with.", param_hint="--resume")
        try:
            if a_sample:
                passed = passes.sample(connection)
            else:
                with comparing(connection) as progress:
                    passed = passes.verify(
                        connection, "verify", resume=resume, seconds=seconds, progress=progress
                    )
        except KeyboardInterrupt:
            say(
                "Ended." + (" stats-assets verify --resume goes on from here." if kept else ""),
                style="yellow",
            )
            raise typer.Exit(130) from None
        unseen = say_unseen(connection, passed)
    if as_json:
        print_json(as_facts(passed))
    else:
        _print(passed)
    if not passed.whole and not a_sample:
        say("Not at the end yet" + (": stats-assets verify --resume goes on from here." if kept else "."))
    raise typer.Exit(1 if passed.differences or unseen else 0)


def _print(passed: Passed) -> None:
    for one in passed.differences[:SHOWN]:
        print(f"{one.what}: {_shown(one.expected)} by the facts, {_shown(one.found)} here")
    if len(passed.differences) > SHOWN:
        say(f"… and {len(passed.differences) - SHOWN} more (--json has all)")
    equal = "All that could be looked at is equal" if passed.away else "All is equal"
    verdict = f"{len(passed.differences)} differences" if passed.differences else equal
    say(f"{verdict}: {passed.steps} ranges compared, {passed.pending} entries of the queue were pending.")
    if passed.differences:
        say("stats-assets rebuild mends them.", style="red")


def _shown(value: str | None) -> str:
    return "nothing" if value is None else value
