"""`stats-assets augment`: augmented diffs of a planet and OsmChange, into a directory, without a database.

Which arguments go together, and what is said, is here; how documents come about is augment/making.py's.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from stats_assets.cli.messages import print_json, say
from stats_assets.cli.options import AsJson, from_here, place_from_here
from stats_assets.cli.progress import SAY_SECONDS, Progress
from stats_assets.cli.project import settings_here
from stats_assets.feeds.outcomes import FeedError
from stats_assets.settings import Settings
from stats_assets.words import at as at_time

if TYPE_CHECKING:
    from stats_assets.augment.making import Making, Report
    from stats_assets.augment.store import Noted, Store

DAY = 24 * 60
"""Minutes."""
SHOWN = 5
"""So many of a list are said to people; --json has them all."""

EXAMPLES = {
    "all minutes of a directory of OsmChange": "stats-assets augment --planet planet.osm.pbf"
    " --osmchange replication --out diffs",
    "an hour, from the web": "stats-assets augment --planet liechtenstein.osm.pbf"
    " --osmchange https://planet.openstreetmap.org/replication/minute --start 7464000 --end 7464059 --out diffs",
    "a country, again and again: what is new": "stats-assets augment --planet country.osm.pbf --osmchange"
    " https://download.openstreetmap.fr/replication/europe/monaco/minute --store store --out diffs",
    "whether a store is whole": "stats-assets augment --store store --check",
}
EXIT_CODES = {
    0: "all that was asked for is there",
    1: "OsmChange could not be read to its end: what is there is of what came before; with --check:"
    " the store is damaged",
    2: "wrong use, a planet, a store or a directory that can't be used",
}


def augment(  # noqa: PLR0913 - as many as there are options
    out: Annotated[
        str | None,
        typer.Option(parser=place_from_here, metavar="DIR", help="For the documents: a path or s3://."),
    ] = None,
    planet: Annotated[
        Path | None,
        typer.Option(
            parser=from_here,
            metavar="FILE",
            help="Where it begins: .osm.pbf, .osm, .osm.xml, also .gz, .bz2.",
        ),
    ] = None,
    osmchange: Annotated[
        str | None,
        typer.Option(
            parser=place_from_here, metavar="URL|DIR", help="A replication directory, with state.txt."
        ),
    ] = None,
    start: Annotated[
        int | None, typer.Option(min=0, max=999_999_999, help="First minute; by default the planet's next.")
    ] = None,
    end: Annotated[
        int | None, typer.Option(min=0, max=999_999_999, help="Last minute; by default the newest change's.")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            parser=from_here,
            metavar="DIR",
            help="Kept there, and gone on with; by default it is thrown away.",
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="The planet's time, as 2026-11-30T00:00Z.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Make nothing: read all of --store, and say whether it is whole.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make augmented diffs, a document a minute, of a planet and OsmChange. Needs no database.

    The directory is one that AUGMENTED_DIFFS_URL can name. A store that is there already is gone on with, and the
    planet is not read again.
    """
    from stats_assets.augment.directory import Directory
    from stats_assets.augment.making import Making, begin_at
    from stats_assets.augment.reading import read_osmchange

    if check:
        _check_store(store, as_json)
        return
    if out is None:
        _refuse("it is not said where the documents go: give --out DIR.")
    settings = settings_here(files=())
    if end is not None and start is not None and end < start:
        _refuse(f"--end {end} is before --start {start}: take it at least as high.")
    try:
        directory = Directory(out)
    except ValueError as error:
        _refuse(f"--out: {error}")
    with directory.alone(), _opened(store, planet, _time_of(at)) as kept:
        first = begin_at(kept, start, end)
        making = Making(
            kept, directory, read_osmchange, int(settings.settle_seconds), first=first, last=end, prompt=False
        )
        report, trouble = _made(making, osmchange, settings)
        _check(making, report, first, end, trouble)
        with Progress("documents") as shown:
            whole = making.finish(
                for_good=store is None and not trouble, told=lambda done, of: shown.at(done / of)
            )
        report.made += whole.made
        report.actions += whole.actions
        _show(making, report, first, as_json)
    if trouble:
        say(f"stats-assets: {trouble}", style="red")
        say("What comes after that was not read.", style="red")
        raise typer.Exit(1)


def _check_store(folder: Path | None, as_json: bool) -> None:
    from stats_assets.augment.lmdb_store import LmdbStore, Row
    from stats_assets.augment.store_errors import StoreDamaged, StoreError

    if folder is None:
        _refuse("it is not said which store is to be checked: give --store DIR.")
    damage, rows = "", 0
    try:
        with LmdbStore(folder) as store:
            rows = store.rows
            with Progress("rows", rows) as shown:

                def is_enough(row: Row) -> bool:
                    shown.at(row.rows)
                    return False

                store.check(enough=is_enough)
    except StoreDamaged as error:
        damage = str(error)
    except StoreError as error:
        _refuse(str(error))
    if as_json:
        print_json({"store": str(folder), "rows": rows, "whole": not damage, "damage": damage or None})
    elif not damage:
        print(f"The store {folder} is whole: {rows:,} rows are what was written.")
    if damage:
        say(f"stats-assets: {damage}", style="red")
        raise typer.Exit(1)


def _refuse(what: str) -> NoReturn:
    say(f"stats-assets: {what}", style="red")
    raise typer.Exit(2)


def _time_of(at: str | None) -> int | None:
    if at is None:
        return None
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        _refuse(f"--at {at!r} is no time: write it as 2026-11-30T00:00Z.")
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


@contextmanager
def _opened(folder: Path | None, planet: Path | None, at: int | None) -> "Iterator[Store]":
    """The store, made of the planet where it is not there yet."""
    from stats_assets.augment.lmdb_store import LmdbStore
    from stats_assets.augment.planet import load_planet
    from stats_assets.augment.store_errors import StoreError
    from stats_assets.augment.store_folder import holds_store
    from stats_assets.augment.unreadable import Unreadable

    with tempfile.TemporaryDirectory(prefix="stats-assets-augment-") as temporary:
        place = folder or Path(temporary) / "store"
        try:
            if not holds_store(place):
                if planet is None:
                    _refuse(
                        "there is no store yet to go on with: say of which planet it is made, with --planet FILE."
                    )
                load_planet(planet, place, at, _told())
            elif planet is not None:
                say(f"The store {place} is gone on with; the planet is not read again.")
            with LmdbStore(place) as store:
                yield store
        except (StoreError, Unreadable) as error:
            _refuse(str(error))


def _told() -> Callable[[str, int], None]:
    """Says now and then how far the planet is."""
    said = time.monotonic()

    def tell(what: str, count: int) -> None:
        nonlocal said
        if time.monotonic() - said >= SAY_SECONDS:
            said = time.monotonic()
            say(f"Reading the planet: {count:,} {what}")

    return tell


def _made(making: "Making", osmchange: str | None, settings: Settings) -> "tuple[Report, str]":
    """What was done, and why it ended before the input's end, if it did."""
    from stats_assets.augment.making import Report
    from stats_assets.augment.unreadable import Unreadable
    from stats_assets.feeds.http_client import Http
    from stats_assets.feeds.osmchange import OsmChangeDirectory

    if osmchange is None:
        return Report(), ""
    http = Http(user_agent=settings.user_agent, timeout=settings.http_timeout_seconds)
    try:
        feed = OsmChangeDirectory(osmchange, http)
    except ValueError as error:
        _refuse(f"--osmchange: {error}")
    report = Report()
    with Progress("files") as shown:
        try:
            making.go_on(feed, told=lambda done, of: shown.at(done / of), report=report)
        except (FeedError, Unreadable) as error:
            return report, str(error)
    return report, report.missing


def _check(making: "Making", report: "Report", first: int, end: int | None, trouble: str) -> None:
    """What OsmChange reached, and what was asked for, fit together."""
    from stats_assets.augment.window import minute_of

    place = making.place()
    reached = minute_of(place.reached)
    if end is not None and end > reached + DAY:
        _refuse(
            f"--end {end} is more than a day after all that is known: OsmChange was read up to minute {reached}."
        )
    if report.head is not None and report.head < (place.sequence or 0):
        say(
            f"The store has read up to file {place.sequence}, and the newest is {report.head}: is it another feed, or"
            " did its numbers begin anew? Then load a planet into a new store.",
            style="yellow",
        )
    elif report.head is not None and not trouble and reached < first:
        begins = minute_of(place.begins) + 1
        say(
            f"Nothing can be made yet of minute {first}, the first that is asked for: OsmChange ends at file"
            f" {report.head}, before that. The planet has all that is before minute {begins}.",
            style="yellow",
        )


def _show(making: "Making", report: "Report", first: int, as_json: bool) -> None:
    from stats_assets.augment.window import MEANS

    state, place = making.out.state(), making.place()
    with making.store.reading() as snapshot:
        lists = {what: list(snapshot.noted(what)) for what in MEANS}
    if as_json:
        print_json(
            {
                "documents": report.made,
                "actions": report.actions,
                "first": first,
                "newest": state and state.sequence,
                "settled": state and state.settled,
                "files": report.files,
                "file": place.sequence,
                "reached": datetime.fromtimestamp(place.reached, UTC),
                "versions": report.happened,
                **{what: [noted._asdict() for noted in noted] for what, noted in lists.items()},
            }
        )
        return
    newest = f", the newest is {state.sequence}" if state else ""
    print(f"{report.made} documents with {report.actions} actions, of {report.files} files{newest}.")
    say(f"OsmChange was read up to {at_time(datetime.fromtimestamp(place.reached, UTC))}.")
    for what, noted in lists.items():
        if noted:
            say(f"Versions that {MEANS[what]}: {len(noted)}, among them {_examples(noted)}.", style="yellow")


def _examples(noted: "list[Noted]") -> str:
    shown = [f"{each.kind} {each.id} version {each.version}" for each in noted[-SHOWN:]]
    return ", ".join(shown)
