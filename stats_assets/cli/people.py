"""`stats-assets people`: who is not shown by pages and API, at their own wish or as they have left OpenStreetMap."""

import sys
from datetime import datetime
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from stats_assets.cli.messages import out, print_json, say
from stats_assets.cli.options import AsJson
from stats_assets.cli.project import settings_here
from stats_assets.database import hidden_people
from stats_assets.database.connection import Connection
from stats_assets.settings import Settings, SettingsError
from stats_assets.system import Stats

MOST = (1 << 63) - 1
Do = Literal["hide", "show", "list", "refresh"]

EXAMPLES = {
    "show a person no more": "stats-assets people hide 123",
    "take it back": "stats-assets people show 123",
    "who is hidden, also as they have left OpenStreetMap": "stats-assets people list --deleted --json",
    "read OpenStreetMap's list of deleted users now": "stats-assets people refresh",
}
EXIT_CODES = {
    0: "done, or it was so already",
    1: "the list was not read, or the account was deleted at OpenStreetMap and stays hidden",
    2: "wrong use or setting, or a database out of reach",
}


def people(
    do: Annotated[Do, typer.Argument(help="What to do.")],
    user: Annotated[
        str | None, typer.Argument(metavar="[UID]", help="Of hide and show: the user's number.")
    ] = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="list: those, too, who have left OpenStreetMap.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="refresh: also if the list was just read.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hide a person from pages, API, exports and pictures, within a minute; totals keep their edits.

    hide UID, show UID (takes it back), list, refresh (reads OpenStreetMap's list of deleted users).
    """
    if (user is None) == (do in ("hide", "show")):
        raise SettingsError(
            f"people {do} needs a user's number: stats-assets people {do} 123."
            if user is None
            else f"people {do} takes no user."
        )
    if do == "list":
        _list(settings_here(looks=True, files=()), deleted=deleted, as_json=as_json)
    elif do == "refresh":
        _refresh(settings_here(database=True, files=()), again=again)
    else:
        with Stats(settings_here(database=True, files=())).connect() as connection:
            uid = _uid(connection, user or "")
            (_hide if do == "hide" else _show)(connection, uid)


def _uid(connection: Connection, text: str) -> int:
    if text.isascii() and text.isdecimal() and 0 < int(text[:20]) <= MOST:
        return int(text)
    known = connection.execute("SELECT id FROM users WHERE name = %s ORDER BY 1", (text,)).fetchall()
    hint = f" Of that name is {' and '.join(str(row[0]) for row in known)}." if known else ""
    raise SettingsError(
        f"{text!r} is no user's number, which is on their page at openstreetmap.org: names change hands.{hint}"
    )


def _hide(connection: Connection, uid: int) -> None:
    new = hidden_people.hide(connection, uid)
    row = connection.execute("SELECT EXISTS (SELECT FROM users WHERE id = %s)", (uid,)).fetchone()
    known = "" if row == (True,) else " Nothing of that user is here yet."
    say(f"User {uid} is {'hidden now' if new else 'hidden already'}.{known}")


def _show(connection: Connection, uid: int) -> None:
    asked = hidden_people.show(connection, uid)
    if "deleted" in hidden_people.reasons(connection, uid):
        say(f"User {uid} stays hidden: the account was deleted at OpenStreetMap.", style="yellow")
        raise typer.Exit(1)
    say(f"User {uid} is shown now." if asked else f"User {uid} was not hidden.")


def _list(settings: Settings, *, deleted: bool, as_json: bool) -> None:
    wanted: list[hidden_people.Reason] = ["asked", "deleted"] if deleted else ["asked"]
    with Stats(settings).look() as connection:
        found = hidden_people.hidden_people(connection, *wanted)
        read = hidden_people.last_read(connection)
    if as_json:
        print_json([one._asdict() for one in found])
        return
    table = Table("user", "name", "why", "since")
    for one in found:
        table.add_row(str(one.user_id), escape(one.name or ""), one.reason, _at(one.since))
    out().print(table)
    say(
        f"OpenStreetMap's list of deleted users was read {_at(read[0])}: {read[1]:,} are on it."
        if read
        else "OpenStreetMap's list of deleted users was never read: stats-assets people refresh does."
    )


def _refresh(settings: Settings, *, again: bool) -> None:
    from stats_assets.feeds.outcomes import FeedError
    from stats_assets.ingest.deleted_users import refresh

    stats = Stats(settings)
    try:
        with stats.connect() as connection:
            done = refresh(connection, stats.http, settings.deleted_users_url, again=again)
    except FeedError as error:
        say(
            f"stats-assets: the list of deleted users was not read, and all stays as it was. {error}",
            style="red",
        )
        sys.exit(1)
    if isinstance(done, datetime):
        say(f"The list was read {_at(done)}, and is made daily: not read again. --again does.")
    else:
        say(
            f"{done.listed:,} users are on the list; of {done.known:,} something is here, and they are hidden"
            f" ({done.added:,} new, {done.removed:,} no longer)."
        )


def _at(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
