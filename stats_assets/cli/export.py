"""`stats-assets export`: an answer of the API as a file, without a server."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from stats_assets.cli.destination import form_of, written_to
from stats_assets.cli.messages import say
from stats_assets.cli.options import Output
from stats_assets.cli.progress import Progress
from stats_assets.cli.project import settings_here
from stats_assets.cli.question_options import asking
from stats_assets.questions.answer import Given, Kind
from stats_assets.questions.parameters import ALL, OF_KIND
from stats_assets.settings import Settings

if TYPE_CHECKING:
    from stats_assets.exports.table import Row
    from stats_assets.web.queries import Asked

Form = Literal["csv", "json", "ndjson", "parquet", "svg", "png"]
FORMS: tuple[Form, ...] = ("csv", "json", "ndjson", "parquet", "svg", "png")
SECONDS = 300
"""Of one statement: nobody else waits for it."""
LONGEST = 86_400.0

EXAMPLES = {
    "who mapped most for a hashtag, for a spreadsheet": "stats-assets export leaderboard --hashtag missingmaps"
    " --last 7d --output board.csv",
    "all changesets of a month, for a notebook": "stats-assets export changesets --hashtag missingmaps"
    " --period 2025-02 --output feb.parquet",
    "a picture of an afternoon": "stats-assets export totals --hashtag missingmaps --from 2025-02-20T14:00"
    " --to 2025-02-20T17:30 --tz Africa/Nairobi -o event.png",
    "into a pipe": "stats-assets export series --country KEN --last 24h --by hour --format ndjson | head",
}
EXIT_CODES = {
    0: "all of it was written",
    1: "what was written to standard output could not be written",
    2: "wrong use, a question that is refused (what could be asked is said), a database out of reach",
}


@asking(name for name in ALL)
def export(
    what: Annotated[
        Kind, typer.Argument(metavar="WHAT", help=f"As in /api/v1/WHAT: {', '.join(get_args(Kind))}.")
    ],
    output: Output = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="Default: as the file's name ends, else csv.")
    ] = None,
    dialect: Annotated[
        Literal["excel"] | None, typer.Option(help="CSV as a spreadsheet of --lang opens it.")
    ] = None,
    lang: Annotated[str | None, typer.Option(help="Language of a picture, and of a spreadsheet.")] = None,
    given: Given = (),
) -> None:
    """Write what the API answers as CSV, JSON, NDJSON, Parquet or a picture.

    Of changesets all are written, unless --limit says how many.
    """
    settings = settings_here(looks=True)
    chosen = form or form_of(output, FORMS, "csv")
    if dialect and chosen != "csv":
        say(f"--dialect is for CSV, and this is {chosen}.", style="red")
        raise typer.Exit(2)
    if chosen in ("parquet", "png") and output is None and sys.stdout.isatty():
        say(f"{chosen} is not for a terminal: name a file with --output.", style="red")
        raise typer.Exit(2)
    with written_to(output) as write:
        for piece in pieces(settings, what, given, chosen, dialect is not None, lang):
            write(piece)


def pieces(
    settings: Settings, kind: Kind, given: Given, form: Form, excel: bool, lang: str | None
) -> Iterator[bytes]:
    """The file, piece by piece. Raises Problem."""
    from stats_assets.exports import csv_form, ndjson, parquet
    from stats_assets.exports.table import Table
    from stats_assets.pictures.png import png
    from stats_assets.questions.exact_json import written
    from stats_assets.texts.language import wanted
    from stats_assets.web import tables
    from stats_assets.web.pictures import poster_of
    from stats_assets.web.pool import open_pool
    from stats_assets.web.serving import Serving

    with open_pool(settings.model_copy(update={"answer_seconds": SECONDS})) as pool:
        serving, language = Serving(settings, pool), wanted(lang, None)
        asked = _asked(kind, given)
        if form == "json":
            yield (written(serving.answer(*asked).content) + "\n").encode()
        elif form in ("svg", "png"):
            _, drawn = poster_of(serving, asked, language)
            yield png(drawn) if form == "png" else drawn.encode()
        else:
            dialect = csv_form.excel(language.locale) if excel else csv_form.PLAIN
            ways: dict[str, Callable[[Table], Iterable[str] | Iterable[bytes]]] = {
                "csv": lambda table: csv_form.written(table, dialect),
                "ndjson": ndjson.written,
                "parquet": parquet.written,
            }
            if tables.is_stream(asked):
                known = [pair for pair in given if pair[0] in OF_KIND["totals"]]
                totals: Any = serving.answer("totals", known).content["totals"]
                with (
                    tables.streamed(serving, asked, LONGEST) as table,
                    Progress("changesets", max(1, totals["changesets"])) as shown,
                ):
                    table = replace(table, rows=_told(table.rows, shown.at))
                    yield from map(_as_bytes, ways[form](table))
            else:
                yield from map(_as_bytes, ways[form](tables.whole(serving, asked)[0]))


def _asked(kind: Kind, given: Given) -> "Asked":
    from stats_assets.web.queries import Asked

    if kind != "badges":
        return Asked(kind, given)
    users = [value for name, value in given if name == "user"]
    if len(users) != 1 or len(given) > 1:
        say(
            "badges are those of one person, and of all times: --user with an id, and nothing else.",
            style="red",
        )
        raise typer.Exit(2)
    return Asked(kind, (), {"uid": users[0]})


def _told(rows: "Iterable[Row]", at: Callable[[float], None]) -> "Iterator[Row]":
    for done, row in enumerate(rows, 1):
        yield row
        at(done)


def _as_bytes(piece: str | bytes) -> bytes:
    return piece.encode() if isinstance(piece, str) else piece
