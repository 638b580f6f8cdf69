"""`stats-assets report`: a page as one file, for a mail, a stick, an archive."""

from typing import Annotated, Literal

import typer

from stats_assets.cli.destination import form_of, written_to
from stats_assets.cli.export import pieces
from stats_assets.cli.messages import say
from stats_assets.cli.options import Output
from stats_assets.cli.project import settings_here
from stats_assets.cli.question_options import asking
from stats_assets.questions.answer import Given
from stats_assets.settings import Settings

Form = Literal["html", "png", "svg", "csv"]
FORMS: tuple[Form, ...] = ("html", "png", "svg", "csv")
TAKEN = (
    *("hashtag", "user", "country", "also", "combine", "clock", "editor", "category", "kind"),
    *("from", "to", "last", "period", "tz", "names"),
)

EXAMPLES = {
    "last week of a hashtag, in French": "stats-assets report --hashtag missingmaps --period 2025-W08 --lang fr"
    " --output week.html",
    "somebody's year": "stats-assets report --user mapper-1101 --period 2025 -o year.html",
    "an afternoon as a picture": "stats-assets report --hashtag missingmaps --from 2025-02-20T14:00"
    " --to 2025-02-20T17:30 --tz Africa/Nairobi -o event.png",
    "a country's table": "stats-assets report --country KEN --last 7d -o kenya.csv",
}
EXIT_CODES = {
    0: "the report was written",
    1: "standard output could not be written to",
    2: "wrong use, a question that is refused, a database out of reach",
}


@asking(TAKEN)
def report(
    output: Output = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="Default: as the file's name ends, else html.")
    ] = None,
    lang: Annotated[str | None, typer.Option(help="en, fr, es, pt, sw, ne, ar.")] = None,
    title: Annotated[str, typer.Option(help="In place of the hashtags.")] = "",
    given: Given = (),
) -> None:
    """Write a page of numbers as one HTML file that opens without a network; or its picture, or its table.

    Charts and numbers are inside, and so is the data behind them.
    """
    settings = settings_here(looks=True)
    chosen = form or form_of(output, FORMS, "html")
    if not any(name in ("hashtag", "user", "country") for name, _ in given):
        say(
            "A report of what? Name a hashtag, a user or a country: --hashtag, --user, --country.",
            style="red",
        )
        raise typer.Exit(2)
    with written_to(output) as write:
        if chosen == "html":
            write(_html(settings, given, lang, title).encode())
        elif chosen == "csv":
            for piece in pieces(settings, "leaderboard", [*given, ("limit", "1000")], "csv", False, lang):
                write(piece)
        else:
            for piece in pieces(settings, "totals", given, chosen, False, lang):
                write(piece)


def _html(settings: Settings, given: Given, lang: str | None, title: str) -> str:
    from stats_assets.cli.export import SECONDS
    from stats_assets.reports import report as reports
    from stats_assets.texts.language import wanted
    from stats_assets.web.pool import open_pool
    from stats_assets.web.serving import Serving

    with open_pool(settings.model_copy(update={"answer_seconds": SECONDS})) as pool:
        return reports.report(Serving(settings, pool).answer, wanted(lang, None), given, title)
