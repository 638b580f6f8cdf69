"""`stats-assets retry`: what waits, was given up or is flagged, at the next tick instead of after its pause."""

from typing import Annotated

import typer

from stats_assets.cli.messages import print_json, say
from stats_assets.cli.options import AsJson
from stats_assets.cli.project import settings_here
from stats_assets.database.ledger import due_again
from stats_assets.streams import STREAMS, TABLE, Stream
from stats_assets.system import Stats

EXAMPLES = {
    "all that waits": "stats-assets retry",
    "two sequences of a stream": "stats-assets retry --stream changesets --sequence 6300100 --sequence 6300101",
}
EXIT_CODES = {
    0: "what there was is due at the next tick",
    1: "a sequence that was named neither waits nor was given up or flagged",
}


def retry(
    stream: Annotated[Stream | None, typer.Option(help="Default: both.")] = None,
    sequence: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Only this one of the stream; may be given again. Default: all."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try again now what waits, is quarantined or a hole, instead of after its pause; and read again what is flagged.

    The next tick of the stream's sensor does it, one block after the other, after all that is due for the first time.
    """
    if sequence and stream is None:
        raise typer.BadParameter(
            "it needs --stream, too: each stream has numbers of its own", param_hint="--sequence"
        )
    answer: dict[str, dict[str, list[int]]] = {}
    with Stats(settings_here(database=True, files=())).connect() as connection:
        for one in [stream] if stream else STREAMS:
            due = due_again.retry(connection, one, sequence)
            missed = sorted(set(sequence or ()) - set(due))
            answer[one] = {"due": due, "missed": missed}
            for number in missed:
                said = f"{number} of {one} neither waits nor was it given up or flagged: nothing to retry."
                say(said, style="red")
            shown = ", ".join(map(str, due[:20])) + (", …" if len(due) > 20 else "")
            if due:
                said = f"{len(due)} sequences of {one} are due: {shown}."
                say(f"{said} {TABLE[one].sensor} tries them, if it is on.")
            else:
                say(f"Nothing of {one} waits, was given up or is flagged.")
    if as_json:
        print_json(answer)
    raise typer.Exit(1 if any(one["missed"] for one in answer.values()) else 0)
