"""`stats-assets migrate`: the schema, and the partitions before a stream's origin."""

import os
from typing import Annotated

import typer

from stats_assets.cli.messages import err, print_json, say, sure
from stats_assets.cli.options import AsJson, StreamOption, Yes
from stats_assets.cli.progress import Progress
from stats_assets.cli.project import settings_here
from stats_assets.database import migrations
from stats_assets.database.connection import Connection, database_url, without_password
from stats_assets.database.facts.empty_partitions import drop_empty
from stats_assets.database.facts.fact_partitions import MOST, SEQUENCES, make_partitions
from stats_assets.database.ledger import stream_rows
from stats_assets.database.ledger.ledger import BLOCK, block_of
from stats_assets.database.looking import check_reader
from stats_assets.database.migrations import NEWEST
from stats_assets.feeds.outcomes import HeadUnknown
from stats_assets.ingest.feed_head import of_limit
from stats_assets.streams import TABLE, Stream
from stats_assets.system import Stats

READER = "DAGSTER_READ_DB_URI"
"""A deployment's: the URL of the login by which its read-only UI looks at Dagster's records."""
PAGES_READER = "PAGES_DATABASE_URL"
"""Likewise: the login by which its pages read the statistics."""
MOST_KEYS = 1_000  # partitions, ten weeks

EXAMPLES = {
    "bring the schema up to date": "stats-assets migrate",
    "before a deployment that can be taken back": "stats-assets migrate --additive-only",
    "make older blocks ready for a backfill in the UI": "stats-assets migrate --from 7450000 --stream augmented_diffs",
}
EXIT_CODES = {
    0: "it is up to date",
    2: "wrong use or setting, PostgreSQL refuses, or a database out of reach",
    4: "with --additive-only: code of before could not go on, nothing was done",
}


def migrate(
    first: Annotated[
        int | None,
        typer.Option(
            "--from",
            min=0,
            max=999_999_999,
            help="Make partitions from this sequence to the stream's origin.",
        ),
    ] = None,
    stream: StreamOption = "augmented_diffs",
    remove: Annotated[
        bool,
        typer.Option(
            "--remove", help="With --from: take these partitions away again, where nothing is in them."
        ),
    ] = False,
    additive_only: Annotated[
        bool,
        typer.Option(
            "--additive-only",
            help="Refuse, with exit code 4 and nothing done, where code of before could not go on afterwards.",
        ),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database's schema up to date.

    With --from, also make ready what is before a stream's origin, so that it can be chosen in the UI for a backfill.
    """
    if remove and first is None:
        raise typer.BadParameter("it needs --from: where the partitions begin", param_hint="--remove")
    reader = os.environ.get(READER)
    settings = settings_here(database=True, dagster=bool(first is not None or additive_only or reader))
    url = database_url(settings)
    if additive_only:
        _refuse_forward_only(url)
    with Progress("revisions of the schema") as shown:
        before = migrations.migrate(
            url, lambda done, of: shown.at(done / of, f"revision {done} of {of} is made")
        )
    did = (
        "was up to date"
        if before is not None and before >= NEWEST
        else f"went from {before or 'nothing'} to revision {NEWEST}"
    )
    err.print(f"The schema of {without_password(url)} {did}.", highlight=False, soft_wrap=True)
    check_reader(settings)
    if reader:
        _let_read(reader)
    if pages := os.environ.get(PAGES_READER):
        _let_pages_read(url, pages)
    keys = []
    if first is not None:
        keys = (_take_away if remove else _make_ready)(Stats(settings), stream, first, yes)
    if as_json:
        done = {"before": before, "revision": max(before or NEWEST, NEWEST), "partitions": keys}
        print_json(done | {"removed": remove})


def _let_read(reader: str) -> None:
    from dagster import DagsterInstance
    from dagster_postgres import PostgresRunStorage

    from stats_assets.database.given_login import GivenLoginError
    from stats_assets.database.records_login import let_read

    with DagsterInstance.get() as instance:
        records = instance.run_storage
        if not isinstance(records, PostgresRunStorage):
            raise GivenLoginError(f"{READER} is set, and Dagster's records are not in PostgreSQL: unset it.")
        records.get_run_storage_id()  # else the UI's first page would write it
        owner, reader = (one.replace("+psycopg2://", "://", 1) for one in (records.postgres_url, reader))
    if let_read(owner, reader):
        said = f"Dagster's records can be read as {without_password(reader)}."
        err.print(said, highlight=False, soft_wrap=True)


def _let_pages_read(owner: str, reader: str) -> None:
    from stats_assets.database.pages_login import let_read

    if let_read(owner, reader):
        said = f"Pages can read the statistics as {without_password(reader)}."
        err.print(said, highlight=False, soft_wrap=True)


def _refuse_forward_only(url: str) -> None:
    from stats_assets.cli import forward_only

    if found := forward_only.pending(url):
        say(
            f"Code of before can't work with what is to be done here ({'; '.join(found)}): stop what runs, keep a copy"
            " of the database, then migrate without --additive-only.",
            style="red",
        )
        raise typer.Exit(forward_only.EXIT)


def _make_ready(stats: Stats, stream: Stream, first: int, yes: bool) -> list[str]:
    from dagster import DagsterInstance

    from stats_assets.orchestration.partitions import BLOCKS, key_of

    with stats.connect() as connection:
        origin = _origin(stats, connection, stream, first)
        keys = [key_of(block) for block in range(block_of(first), origin, BLOCK)]
        if len(keys) > MOST_KEYS:
            sure(f"That makes {len(keys)} partitions of {stream}, {keys[0]} to {keys[-1]}.", yes=yes)
        if TABLE[stream].has_fact_partitions:
            with Progress("partitions of the facts", -(-(origin - first) // SEQUENCES)) as shown:
                for start in range(first, origin, MOST // 2 * SEQUENCES):
                    shown.at((start - first) // SEQUENCES)
                    make_partitions(connection, start, min(origin, start + MOST // 2 * SEQUENCES) - 1)
    with DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(BLOCKS[stream].name or "", keys)
    say(f"{len(keys)} partitions of {stream}, {keys[0]} to {keys[-1]}, can be chosen in the UI.")
    return keys


def _take_away(stats: Stats, stream: Stream, first: int, yes: bool) -> list[str]:
    from dagster import DagsterInstance

    from stats_assets.orchestration.spare_partitions import remove_keys, spare_keys

    with stats.connect() as connection, DagsterInstance.get() as instance:
        origin = _origin(stats, connection, stream, first)
        keys, busy = spare_keys(instance, connection, stream, first, origin)
        if busy:
            say(f"{busy} Wait for its end, or cancel it.", style="red")
            raise typer.Exit(2)
        if len(keys) > MOST_KEYS:
            sure(f"That removes {len(keys)} partitions of {stream}, {keys[0]} to {keys[-1]}.", yes=yes)
        remove_keys(instance, stream, keys)
        dropped = []
        if TABLE[stream].has_fact_partitions:
            dropped = drop_empty(connection, first, origin - 1)
    say(f"{len(keys)} partitions of {stream} in which nothing was done are gone from the UI.")
    if dropped:
        say(f"{len(dropped)} empty partitions of the facts are gone, too.")
    return keys


def _origin(stats: Stats, connection: Connection, stream: Stream, first: int) -> int:
    """Where the stream begins, or will; what is asked for must be before it."""
    row = stream_rows.stream_of(connection, stream)
    origin = row.origin if row is not None else None
    if origin is None:
        origin = stats.settings.start(stream)
    if origin is None:
        try:
            origin = of_limit(connection, stats.source(stream, connection), stream, decides=True)
        except HeadUnknown as error:
            say(f"Up to where? {stream} has not begun, and {error}.", style="red")
            raise typer.Exit(2) from None
    if first >= origin:
        say(f"--from {first} is not before {origin}, where {stream} begins: nothing to do.", style="red")
        raise typer.Exit(2)
    return origin
