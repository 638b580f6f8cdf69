"""The command line: `stats-assets`. Commands parse, call plain functions, and print; none imports Dagster.

Exit codes: 0 fine; 1 the answer is bad; 2 wrong use or wrong setting. JSON goes to stdout alone, all else to stderr.
"""

import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stats_assets import __version__
from stats_assets import status as standing
from stats_assets.database.connection import DatabaseUnreachable, connect, database_url, masked
from stats_assets.database.embedded import EmbeddedServerError
from stats_assets.database.migrations import NEWEST
from stats_assets.database.migrations import migrate as migrate_database
from stats_assets.osm import (
    Categories,
    CategoriesError,
    DiffStatistics,
    Regions,
    RegionsError,
    count_diff,
    hashtags_in_comment,
)
from stats_assets.parts import Stats
from stats_assets.replication import FeedError, decompressed, open_body
from stats_assets.settings import Settings, SettingsError, load_settings
from stats_assets.stack import StackError, find_project_root, is_demo, project_root, run_demo, run_dev

app = typer.Typer(
    name="stats-assets",
    help="OpenStreetMap editing statistics, kept up to date minute by minute.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
err = Console(stderr=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, on stdout alone.")]
WRONG = (SettingsError, DatabaseUnreachable, EmbeddedServerError, CategoriesError, RegionsError, StackError)


def main() -> None:
    """The entry point: an error that a person can mend is a message and an exit code, never a traceback."""
    try:
        app()
    except WRONG as error:
        err.print(f"stats-assets: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except BrokenPipeError:
        # Whoever read our output (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"stats-assets {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


def _settings(*, database: bool = False) -> Settings:
    """The project's settings, whatever folder below it one is in; then the project's root is the current folder."""
    root = find_project_root()
    if root is not None:
        os.chdir(root)
        if is_demo(root):  # there the demo's own settings count, whatever the environment says
            for name in Settings.model_fields:
                os.environ.pop(name.upper(), None)
    settings = load_settings()
    if database and root is None and settings.database_url is None:
        project_root()  # says what to do
    return settings


def _json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _out() -> Console:
    """Standard output: as wide as the terminal, or as wide as need be when it goes to a file or a pipe."""
    return Console(width=None if sys.stdout.isatty() else 100_000)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)


@app.command()
def stats(
    file: Annotated[str, typer.Argument(help="An augmented diff, plain or gzip; - for standard input.")],
    sequence: Annotated[int | None, typer.Option(help="Only labels the output.")] = None,
    regions: Annotated[
        Path | None, typer.Option(help="GeoJSON with code and name, in place of the default.")
    ] = None,
    categories: Annotated[Path | None, typer.Option(help="YAML, in place of the default.")] = None,
    as_json: AsJson = False,
) -> None:
    """The statistics of one augmented diff, without any database."""
    path = None if file == "-" else Path(file).absolute()
    regions, categories = (given and given.absolute() for given in (regions, categories))
    settings = _settings()
    rules = Categories.load(categories or settings.categories_file)
    places = Regions.load(regions or settings.regions_file)
    try:
        source = decompressed(sys.stdin.buffer, url="standard input") if path is None else open_body(path)
        with source as body:
            diff = count_diff(body, categories=rules, regions=places)
    except (FeedError, OSError) as error:
        err.print(f"{file} can't be read: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(
            2 if isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError) else 1
        ) from None
    for remark in diff.envelope.remarks:
        err.print(f"warning: {file} has a remark: {remark}", style="yellow", markup=False, soft_wrap=True)
    if diff.envelope.root != "osm" or not diff.envelope.complete:
        root = (
            f"its root is <{diff.envelope.root}>"
            if diff.envelope.root not in (None, "osm")
            else "it is cut off"
        )
        what = diff.envelope.error or root
        err.print(f"{file} is no whole augmented diff: {what}.", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1)
    if as_json:
        _json([_changeset(changeset) for changeset in diff.changesets])
    else:
        _print_diff(diff, file if sequence is None else f"{file}, sequence {sequence}")


def _changeset(changeset: Any) -> dict[str, Any]:
    return {
        "changeset": changeset.changeset,
        "uid": changeset.uid,
        "user": changeset.user,
        "total_edits": changeset.total_edits,
        "counts": changeset.counts,
        "measurements": changeset.measurements,
        "countries": {code: part._asdict() for code, part in changeset.countries.items()},
        "errors": changeset.errors,
    }


def _print_diff(diff: DiffStatistics, title: str) -> None:
    table = Table()
    err.print(title, highlight=False, markup=False, soft_wrap=True)
    for name in ("changeset", "user", "edits", "what", "countries", "errors"):
        table.add_column(name, overflow="fold", no_wrap=name in ("changeset", "edits"))
    for c in diff.changesets:
        what = [f"{key} {number}" for key, number in c.counts.items()]
        what += [f"{key} {number:f}" for key, number in c.measurements.items()]
        countries = [f"{code} {part.edit_count}" for code, part in c.countries.items()]
        user = c.user or (str(c.uid) if c.uid else "")
        cells = (user, str(c.total_edits), "\n".join(what), "\n".join(countries), str(c.errors or ""))
        table.add_row(str(c.changeset), *map(escape, cells))
    _out().print(table)
    totals = f"{diff.actions} actions, {diff.features} counted features, {len(diff.changesets)} changesets"
    err.print(
        f"{totals}. OpenStreetMap data © OpenStreetMap contributors, ODbL.", highlight=False, soft_wrap=True
    )


@app.command()
def hashtags(
    text: Annotated[list[str], typer.Argument(help="A changeset's comment.")], as_json: AsJson = False
) -> None:
    """The hashtags that are found in comments."""
    found = [hashtags_in_comment(comment) for comment in text]
    if as_json:
        _json(found)
    else:
        for tags in found:
            print(" ".join(f"#{tag}" for tag in tags))


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One statement; nothing can be changed.")],
    as_json: AsJson = False,
) -> None:
    """Ask the statistics' database, read-only."""
    url = Stats(_settings(database=True)).url
    statement = query.strip().rstrip(";").encode()
    try:
        with connect(url) as connection:
            connection.adapters.register_loader("jsonb", psycopg.types.string.TextLoader)
            connection.execute("BEGIN READ ONLY")
            if as_json and statement[:6].lower().startswith((b"select", b"with", b"values", b"table")):
                rows = b"SELECT coalesce(json_agg(answer), '[]')::text FROM (" + statement + b"\n) AS answer"
                # Prepared: one statement, so that nobody can end the read-only transaction and go on.
                row = connection.execute(rows, prepare=True).fetchone()
                print(row[0] if row else "[]")
                return
            cursor = connection.execute(statement, prepare=True)
            names = [column.name for column in cursor.description or ()]
            answer = cursor.fetchall() if names else []
    except psycopg.Error as error:
        err.print(f"PostgreSQL refuses the query: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    if as_json:
        _json([dict(zip(names, row, strict=True)) for row in answer])
        return
    table = Table()
    for name in names:
        table.add_column(escape(name), overflow="fold")
    for row in answer:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    _out().print(table)


@app.command("database-url")
def print_database_url() -> None:
    """The database's URL, as psql and others take it; the embedded server is started if need be."""
    print(database_url(_settings(database=True)))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    url = database_url(_settings(database=True))
    before = migrate_database(url)
    did = "was up to date" if before == NEWEST else f"went from {before or 'nothing'} to revision {NEWEST}"
    err.print(f"The schema of {masked(url)} {did}.", highlight=False, soft_wrap=True)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Where each stream stands. Exit code: 0 fine, 1 behind, 2 stalled, 3 unreachable."""
    settings = _settings(database=True)
    try:
        found = standing.of(Stats(settings))
    except (DatabaseUnreachable, EmbeddedServerError) as error:
        err.print(f"stats-assets: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(3) from None
    if as_json:
        _json(found.as_json())
    else:
        _out().print(found.as_table())
    raise typer.Exit(found.exit_code)


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="The UI's port.")] = 3000,
) -> None:
    """The live system in the foreground: UI, daemon, code server, supervised; Ctrl-C ends all."""
    _settings()
    raise typer.Exit(run_dev(port))


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="The UI's port.")] = 3000,
    feed_port: Annotated[int, typer.Option(help="The feed's port.")] = 8090,
    feed_only: Annotated[bool, typer.Option(help="Only the feed, no Dagster.")] = False,
    directory: Annotated[
        Path | None, typer.Option(help="Serve the real diffs NNN.adiff.xml.gz of this folder.")
    ] = None,
) -> None:
    """The same, offline: an invented world with its own feeds, database and archive, below .demo/."""
    raise typer.Exit(run_demo(port, feed_port, feed_only=feed_only, directory=directory))
