"""`stats-assets status`: for a person a table and what is wrong in sentences, for a monitor JSON and an exit code."""

from collections.abc import Iterator
from datetime import UTC, datetime
from textwrap import shorten

import typer
from rich.table import Table

from stats_assets.cli.messages import out, print_json, say
from stats_assets.cli.options import AsJson
from stats_assets.cli.project import settings_here
from stats_assets.database.connection import DatabaseUnreachable
from stats_assets.database.facts.ranges import WHAT_TO_DO
from stats_assets.database.failures import named
from stats_assets.database.ledger.doubts import to_heal
from stats_assets.database.ledger.spans import Span
from stats_assets.database.looking import SchemaNotReady
from stats_assets.embedded_postgres.access import EmbeddedServerError
from stats_assets.ingest import failover
from stats_assets.monitoring import oldest
from stats_assets.monitoring import status as standing
from stats_assets.monitoring.lag import why_another, why_late
from stats_assets.monitoring.made_diffs import MakerStatus
from stats_assets.monitoring.stream_status import Status, StreamStatus
from stats_assets.monitoring.switches import switches_here
from stats_assets.osm import compiled
from stats_assets.streams import TABLE, Stream
from stats_assets.system import Stats
from stats_assets.words import at, in_words

SHOWN, LONGEST = 5, 400

EXAMPLES = {
    "both streams, for people": "stats-assets status",
    "for a monitor, which goes by the exit code": "stats-assets status --json",
}
EXIT_CODES = {
    0: "fine",
    1: "the stream or its feed is behind by ten minutes or more, or a verification found differences",
    2: "stalled, switched off, never begun, or ahead of the feed's head; wrong use or setting",
    3: "the feed or the database is out of reach, or has no schema yet, or an older one",
}


def status(as_json: AsJson = False) -> None:
    """Where each stream stands, in figures and in words; to watch it, or to ask by a monitor."""
    settings = settings_here(looks=True)
    try:
        with named():
            found = standing.of(Stats(settings), switches_here)
    except (DatabaseUnreachable, EmbeddedServerError, SchemaNotReady) as error:
        say(f"stats-assets: {error}", style="red")
        raise typer.Exit(3) from None
    if as_json:
        print_json(found.as_json())
        raise typer.Exit(found.exit_code)
    now = datetime.now(UTC)
    table = Table("", *found.streams)
    columns = [list(_rows(stream, now)) for stream in found.streams.values()]
    for row in zip(*columns, strict=True):
        if any(value for _, value in row) or row[0][0] in ("origin", "cursor"):
            table.add_row(row[0][0], *(value for _, value in row))
    out().print(table)
    for name, stream in found.streams.items():
        read_from = failover.in_words(stream.addresses)
        for sentence in ([f"{read_from}."] if read_from else []) + list(_sentences(name, stream, now)):
            out().print(f"{name}: {sentence}", markup=False, highlight=False, soft_wrap=True)
    if found.maker:
        for sentence in _of_maker(found.maker):
            said = f"made augmented diffs: {sentence}"
            out().print(said, markup=False, highlight=False, soft_wrap=True)
    out().print(f"{found.queued} changed changesets wait for the statistics.", highlight=False)
    for away in found.facts_away[:SHOWN]:
        out().print(f"{away}{' It is meant so.' if away.accepted else ''}", highlight=False, soft_wrap=True)
    if len(found.facts_away) > SHOWN:
        out().print(f"… and of {len(found.facts_away) - SHOWN} more ranges.", highlight=False)
    if found.facts_away:
        said = f"{found.held} changed changesets wait for them. " if found.held else ""
        out().print(
            f"Their sums stay, nothing is counted there. {said}{WHAT_TO_DO}", highlight=False, soft_wrap=True
        )
    elif found.held:
        out().print(
            f"{found.held} changed changesets rest on facts that are missing; stats-assets rebuild looks for them.",
            highlight=False,
            soft_wrap=True,
        )
    out().print(compiled.sentence(), highlight=False, soft_wrap=True)
    out().print(str(found.verification), markup=False, highlight=False, soft_wrap=True)
    _print_of_database(found)
    raise typer.Exit(found.exit_code)


def _of_maker(maker: MakerStatus) -> Iterator[str]:
    """How far it is, and what is wrong."""
    said = [maker.word]
    if maker.sequence is not None:
        behind = "" if maker.head is None else f" of {maker.head}"
        said.append(f"OsmChange is read to {maker.sequence}{behind}")
    if maker.made is not None:
        ago = "" if maker.lag_seconds is None else f", which ended {in_words(maker.lag_seconds)} ago"
        said.append(f"made to {maker.made}{ago}; settled to {maker.settled}")
    yield f"{'; '.join(said)}."
    if read_from := failover.in_words(maker.addresses):
        yield f"{read_from}."
    yield from (shorten(one, LONGEST, placeholder=" …") for one in maker.sentences())


def _print_of_database(found: Status) -> None:
    """What it rests on: a line in yellow wants somebody."""
    if found.oldest_transaction is not None:
        said = oldest.sentence(found.oldest_transaction)
        if oldest.is_long(found.oldest_transaction):
            say(f"{said} {oldest.what_to_do(found.oldest_transaction)}", style="yellow")
        else:
            out().print(said, markup=False, highlight=False, soft_wrap=True)
    for warning in found.warnings:
        say(warning, style="yellow")
    for hook in found.hooks:
        if hook.failed_at is not None:
            say(hook.sentence, style="yellow")


def _rows(stream: StreamStatus, now: datetime) -> Iterator[tuple[str, str]]:
    """What a stream's column says: (label, value), the same labels for each."""
    yield "", stream.word
    yield "origin", _number(stream.origin)
    yield "cursor", _number(stream.cursor)
    yield "feed's head", _number(stream.head)
    yield "lag", "" if stream.lag_seconds is None else in_words(stream.lag_seconds)
    yield (
        "feed's newest",
        "" if stream.feed_age_seconds is None else f"{in_words(stream.feed_age_seconds)} ago",
    )
    yield "sequences a minute", f"{stream.rate:.1f}" if stream.rate else ""
    yield "caught up in", in_words(stream.eta_seconds) if stream.eta_seconds else ""
    yield "sensor", {None: "", False: "off", True: "on"}[stream.sensor_on]
    yield "last tick", _ago(stream.ticked_at, now)
    yield "last commit", _ago(stream.committed_at, now)
    day = stream.requests["day"]
    asked, size = day["heads"] + day["bodies"], day["bytes"] / 1e6
    yield "asked in 24 hours", f"{asked} times, {size:.1f} MB" if asked else ""
    yield "in flight", _spans(stream.in_flight)
    yield "by hand, backfills", _spans(stream.by_hand)
    for label, sequences in (
        ("waiting", stream.waiting),
        ("quarantined", stream.quarantined),
        ("holes", stream.holes),
    ):
        yield label, _spans([(n, n) for n in sequences])
    yield "flagged", str(stream.flagged or "")
    yield "not readable", str(stream.unreadable or "")
    yield "skipped", _spans(stream.skipped)
    yield "done before the origin", _spans(stream.islands)
    yield "older definitions", _spans(stream.older_definitions)


def _sentences(name: Stream, stream: StreamStatus, now: datetime) -> Iterator[str]:
    if stream.trouble:
        yield f"{stream.trouble.rstrip('.')}."
    if stream.paused and stream.paused_until:
        yield f"paused until {at(stream.paused_until, now)}: {stream.paused.rstrip('.')}."
    if stream.seek_to is not None:
        yield f"a seek to {stream.seek_to} waits for the sensor's next tick."
    if stream.cursor is None:
        yield _to_begin(name, stream)
    elif stream.another and stream.head is not None:
        yield f"{why_another(name, stream.cursor, stream.head)}."
    elif stream.ahead:
        back = min(n for n in (stream.newest, stream.head) if n is not None)
        said = f"the cursor {stream.cursor} lies beyond the feed's head {stream.head}: nothing is done until then."
        if back >= (stream.origin or 0) - 1:
            yield f"{said} To go back: stats-assets seek --stream {name} --sequence {back}"
        else:
            yield f"{said} The stream begins at {stream.origin}, where it was told to."
    elif stream.not_followed:
        yield f"{stream.not_followed}."
    elif stream.stands_still:
        yield (
            f"nothing was committed in ten minutes, and no run is at work. What its ticks say is in Dagster's UI:"
            f" Automation, {TABLE[name].sensor}; what failed: Runs."
        )
    if stream.head is not None and (late := why_late(stream.feed_age_seconds, at_head=stream.at_head)):
        yield f"{late}."
    for first, last in stream.older_definitions[:SHOWN]:
        yield (
            f"{first} to {last} were counted under older categories, regions or code. To count them anew:"
            f" stats-assets backfill --stream {name} --start {first} --end {last}"
        )
    if stream.flagged:
        yield f"{stream.flagged} flagged. {to_heal(name)}"
    for sequence, reason in [*list(stream.reasons.items())[:SHOWN], *stream.doubts.items()]:
        yield f"{sequence}: {shorten(reason, LONGEST, placeholder=' …')}"


def _to_begin(name: Stream, stream: StreamStatus) -> str:
    if stream.not_followed and stream.sensor_on is not False:
        return f"not begun: {stream.not_followed}."
    if stream.sensor_on:
        return "not begun, but its sensor is on: the next tick begins. What ticks say is in Dagster's UI (Automation)."
    return f"not begun. To begin: switch on {TABLE[name].sensor} in Dagster's UI (Automation)."


def _ago(then: datetime | None, now: datetime) -> str:
    return "" if then is None else f"{in_words((now - then).total_seconds())} ago"


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _spans(spans: list[Span]) -> str:
    shown = [str(first) if first == last else f"{first}–{last}" for first, last in spans[:SHOWN]]
    return ", ".join(shown) + (f" … ({len(spans)})" if len(spans) > SHOWN else "")
