"""`stats-assets sql`: one statement, by a login that may only read."""

from typing import Annotated, Any

import psycopg
import typer
from rich.table import Table

from stats_assets.cli.messages import cell, err, out, print_json
from stats_assets.cli.options import AsJson, as_text
from stats_assets.cli.output import print_json_text
from stats_assets.cli.project import settings_here
from stats_assets.database.connection import Connection
from stats_assets.system import Stats

EXAMPLES = {
    "a table": "stats-assets sql 'SELECT tag, edit_count FROM hashtag_statistics ORDER BY 2 DESC LIMIT 5'",
    "for a program": "stats-assets sql --json 'SELECT day, edit_count FROM user_days'",
}
EXIT_CODES = {
    0: "the rows are printed, also where there are none",
    2: "PostgreSQL refuses the query, it asks nothing, or the database is out of reach",
}


def sql(
    query: Annotated[
        str, typer.Argument(parser=as_text, metavar="QUERY", help="One statement; nothing can be changed.")
    ],
    as_json: AsJson = False,
) -> None:
    """Ask the statistics' database, read-only."""
    stats = Stats(settings_here(looks=True, files=()))
    statement = query.strip().rstrip(";").encode()
    try:
        with stats.ask() as connection:
            connection.adapters.register_loader("jsonb", psycopg.types.string.TextLoader)
            connection.execute("BEGIN READ ONLY")
            if as_json and statement[:6].lower().startswith((b"select", b"with", b"values", b"table")):
                _prepare(connection, statement)  # what is refused is what was typed
                rows = b"SELECT coalesce(json_agg(answer), '[]')::text FROM (" + statement + b"\n) AS answer"
                _, [row] = _answered(connection, rows)
                print_json_text(row[0])
                return
            names, answer = _answered(connection, statement)
    except NotRun as error:
        err.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except psycopg.Error as error:
        err.print(f"PostgreSQL refuses the query: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in answer])
        return
    table = Table()
    for name in names:
        table.add_column(cell(name), overflow="fold")
    for row in answer:
        table.add_row(*("" if value is None else cell(str(value)) for value in row))
    out().print(table)


class NotRun(ValueError):
    """What asks nothing, or more than one thing."""


def _prepare(connection: Connection, statement: bytes) -> None:
    """Raises NotRun, and psycopg.Error as it is said of the statement as it was typed.

    Prepared: one statement, so that nobody can end the read-only transaction and go on.
    """
    prepared = connection.pgconn.prepare(b"", statement)
    if prepared.status == psycopg.pq.ExecStatus.COMMAND_OK:
        prepared = connection.pgconn.describe_prepared(b"")
    if prepared.status != psycopg.pq.ExecStatus.COMMAND_OK:
        error = psycopg.errors.error_from_result(prepared)
        # Before a statement is looked into, that is its only complaint, in whatever language.
        if (
            isinstance(error, psycopg.errors.SyntaxError)
            and error.diag.source_function == "exec_parse_message"
        ):
            raise NotRun("The query is several statements, so that none was run: sql takes one at a time.")
        raise error
    if not prepared.nfields:
        raise NotRun("The query answers no rows, so that it was not run: sql only asks.")


def _answered(connection: Connection, statement: bytes) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns' names and the rows of one statement, of which nothing is kept. What answers no rows is not run."""
    _prepare(connection, statement)
    cursor = connection.execute(statement, prepare=True)
    names = [column.name for column in cursor.description or ()]
    answer = cursor.fetchall()
    connection.rollback()
    return names, answer
