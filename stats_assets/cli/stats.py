"""`stats-assets stats`: what one augmented diff would count, with what a stream would say of it."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from stats_assets.cli.grouped import By, Group, grouped, shown_user
from stats_assets.cli.messages import cell, err, out, print_json
from stats_assets.cli.options import AsJson, from_here
from stats_assets.cli.project import settings_here
from stats_assets.env_file import DEFINING
from stats_assets.feeds.body import Body, open_body
from stats_assets.feeds.history import judge_history
from stats_assets.feeds.outcomes import BeforeHistory, FeedError
from stats_assets.feeds.validation import judge_body, judge_envelope
from stats_assets.mendable import reason_of

if TYPE_CHECKING:
    from stats_assets.osm.categories import Categories
    from stats_assets.osm.regions import Regions
    from stats_assets.osm.statistics import ChangesetStatistics, DiffStatistics

# What is said of a diff that was read, whatever its exit code.
_MENDED = {
    "character_replaced": "characters that XML forbids, or bytes that are none, were replaced",
    "value_left_out": "values of more than 1 MB were left out",
    "time_cut": "edits are dated in the future: taken as of now",
    "user_too_long": "edits' user names were longer than OSM allows, and were cut",
    "unknown_child": "elements beside the actions were not understood",
    "unknown_action_type": "actions are no create, modify or delete: nothing is left to be counted",
}

EXAMPLES = {
    "a minute, by changeset": "stats-assets stats minute.adiff.xml.gz",
    "by country, from a pipe": "gunzip -c minute.adiff.xml.gz | stats-assets stats - --by country",
    "for a program": "stats-assets stats minute.adiff.xml.gz --json",
}
EXIT_CODES = {
    0: "all of it was counted",
    1: "it is no whole augmented diff, or some of its actions could not be read",
    2: "wrong use, a file that is not there or can't be used",
}


def stats(
    file: Annotated[str, typer.Argument(help="An augmented diff, plain or gzip; - for standard input.")],
    sequence: Annotated[int | None, typer.Option(help="Only labels the output.")] = None,
    regions: Annotated[
        Path | None,
        typer.Option(
            parser=from_here, metavar="FILE", help="GeoJSON with code and name, in place of the default."
        ),
    ] = None,
    categories: Annotated[
        Path | None, typer.Option(parser=from_here, metavar="FILE", help="YAML, in place of the default.")
    ] = None,
    by: Annotated[By | None, typer.Option(help="Sums in place of changesets.")] = None,
    as_json: AsJson = False,
) -> None:
    """The statistics of one augmented diff, without any database. What is wrong with it is said on standard error."""
    from stats_assets.osm.categories import Categories
    from stats_assets.osm.regions import Regions

    path = from_here(file)
    given = {"categories_file": categories, "regions_file": regions}
    settings = settings_here(files=[name for name in DEFINING if given[name] is None])
    rules = Categories.load(categories or settings.categories_file)
    places = Regions.load(regions or settings.regions_file)
    try:
        with _as_body(file, path, sequence) as body:
            diff = _counted(body, rules, places)
    except FeedError as error:
        err.print(
            f"{error.url} is no whole augmented diff: {error.what}", style="red", markup=False, soft_wrap=True
        )
        raise typer.Exit(1) from None
    except OSError as error:
        err.print(
            f"{file} can't be read: {reason_of(error, path)}.", style="red", markup=False, soft_wrap=True
        )
        wrong_use = isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError)
        raise typer.Exit(2 if wrong_use else 1) from None
    for line in _remarks_on(diff):
        err.print(f"warning: {file}: {line}", style="yellow", markup=False, soft_wrap=True)
    groups = grouped(diff.changesets, by) if by else []
    if as_json:
        print_json(
            [group.as_json(by) for group in groups]
            if by
            else [_changeset(changeset) for changeset in diff.changesets]
        )
    else:
        title = file if sequence is None else f"{file}, sequence {sequence}"
        _print_diff(diff, title, _groups(groups, by) if by else _changesets(diff))
    if diff.unreadable:
        raise typer.Exit(1)


@contextmanager
def _as_body(file: str, path: Path, sequence: int | None) -> Iterator[Body]:
    """The file, or what comes by standard input, as a feed's body."""
    now = datetime.now(UTC)
    if file != "-":
        yield Body(sequence or 0, path, file, path.stat().st_size, now, 0.0)
        return
    with tempfile.NamedTemporaryFile() as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Body(sequence or 0, Path(copy.name), "standard input", copy.tell(), now, 0.0)


def _counted(body: Body, categories: "Categories", regions: "Regions") -> "DiffStatistics":
    """The body's statistics. Raises FeedError where a stream would not use it; remarks are said, not judged."""
    from stats_assets.osm.diff import count_diff

    with open_body(body.path, url=body.url) as document:
        diff = count_diff(document, categories=categories, regions=regions, limit=body.fetched_at)
    judge_envelope(
        diff.envelope,
        url=body.url,
        until=None,
        unreadable=diff.unreadable,
        of=diff.actions,
        example=next(iter(diff.examples), ""),
        remarks=False,
    )
    judge_body(body, until=None, remarks=False)
    return diff


def _remarks_on(diff: "DiffStatistics") -> Iterator[str]:
    """What the server says of the diff, and what of it is not in the numbers, or not as it stands there."""
    from stats_assets.osm.statistics import UNREADABLE

    for remark in diff.envelope.remarks:
        yield f"it has a remark: {remark}"
    if diff.unreadable:
        reasons = [
            f"{reason.removeprefix(UNREADABLE)} {n}"
            for reason, n in diff.flags.items()
            if UNREADABLE in reason
        ]
        yield f"{diff.unreadable} of {diff.actions} actions could not be read: {', '.join(reasons)}"
    try:
        judge_history(diff.creations, actions=diff.actions, url="")
    except BeforeHistory as error:
        yield f"a stream would not count it: {error.what}"
    for reason, what in _MENDED.items():
        if reason in diff.flags:
            yield f"{diff.flags[reason]} {what}"
    if diff.examples:
        yield "for example:" + "".join(f"\n  {example}" for example in diff.examples)
    if nobodys := diff.tallies.get("nobodys_edit"):
        yield f"{nobodys} features' edits have no changeset: they are nobody's, and counted nowhere"


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


def _print_diff(diff: "DiffStatistics", title: str, table: Table) -> None:
    err.print(title, highlight=False, markup=False, soft_wrap=True)
    out().print(table)
    totals = f"{diff.actions} actions, {diff.features} counted features, {len(diff.changesets)} changesets"
    err.print(
        f"{totals}. OpenStreetMap data © OpenStreetMap contributors, ODbL.", highlight=False, soft_wrap=True
    )


def _changesets(diff: "DiffStatistics") -> Table:
    table = _table("changeset", "user", "edits", "what", "countries", "errors")
    for c in diff.changesets:
        countries = [f"{code} {part.edit_count}" for code, part in c.countries.items()]
        cells = (
            *(shown_user(c), str(c.total_edits), _what(c)),
            *("\n".join(countries), str(c.errors or "")),
        )
        table.add_row(str(c.changeset), *map(cell, cells))
    return table


def _groups(groups: Sequence[Group], by: By) -> Table:
    table = _table(by, "changesets", "edits", "what")
    for group in groups:
        table.add_row(*map(cell, (group.name, str(group.changesets), str(group.edits), _what(group))))
    return table


def _table(*names: str) -> Table:
    table = Table()
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name in ("changeset", "changesets", "edits"))
    return table


def _what(of: "ChangesetStatistics | Group") -> str:
    """Counts and measures, a line each."""
    said = [f"{key} {number}" for key, number in of.counts.items()]
    return "\n".join(said + [f"{key} {number:f}" for key, number in of.measurements.items()])
