"""The metadata of a stream's run: its figures, how much of its blocks is done, and how far behind the stream is then.

The figures are added up by ingest/run_result.py's Report.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from stats_assets.database.connection import DatabaseUnreachable, connect
from stats_assets.database.failures import named
from stats_assets.database.ledger import stream_rows
from stats_assets.database.ledger.ledger import BLOCK, block_of
from stats_assets.ingest.run_result import Report
from stats_assets.orchestration.assets.freshness import newest_age
from stats_assets.streams import Stream
from stats_assets.system import Stats


def metadata_of(*reports: Report) -> dict[str, Any]:
    """The figures of a run."""
    count_seconds = sum(report.count_seconds for report in reports)
    size = sum(report.bytes for report in reports)
    verdicts = sum((report.verdicts for report in reports), start=Counter[str]())
    tallies = sum((report.tallies for report in reports), start=Counter[str]())
    flags = sum((report.flags for report in reports), start=Counter[str]())
    ended = [report.ended_early for report in reports if report.ended_early]
    return {
        "start": reports[0].start,
        "end": reports[-1].end,
        "sequences": sum(report.committed for report in reports),
        "verdicts": dict(verdicts),
        "failed": sum(len(report.failed) for report in reports),
        "left": sum(report.left for report in reports),
        "actions": sum(report.actions for report in reports),
        "features": sum(report.features for report in reports),
        "changesets": sum(report.changesets for report in reports),
        "errors": sum(report.errors for report in reports),
        "bytes": size,
        "fetch_seconds": round(sum(report.fetch_seconds for report in reports), 3),
        "count_seconds": round(count_seconds, 3),
        "commit_seconds": round(sum(report.commit_seconds for report in reports), 3),
        "mb_per_second": round(size / 1e6 / count_seconds, 2) if count_seconds else 0.0,
        **({"ignored": dict(tallies)} if tallies else {}),
        **({"flagged": dict(flags)} if flags else {}),
        **({"ended_early": "; ".join(ended)} if ended else {}),
    }


def block_metadata(stats: Stats, stream: Stream, reports: Sequence[Report]) -> Mapping[str, str]:
    """How much of the run's blocks is done, as a person reads it: "37 of 100, 1 waiting, 2 quarantined".

    If the database can't say it just now, that is said instead: what was committed stays, and the run has not failed.
    """
    try:
        with named():
            return {"block_done": _block_done(stats, stream, reports)}
    except DatabaseUnreachable as error:
        return {"block_done": str(error)}


def lag_metadata(stats: Stats, stream: Stream) -> Mapping[str, float]:
    """How far behind the stream is now, in seconds; nothing where that is not known."""
    with suppress(DatabaseUnreachable), named(), connect(stats.url) as connection:
        behind = newest_age(connection, stats, stream)
        return {} if behind is None else {"lag_seconds": behind}
    return {}


def _block_done(stats: Stats, stream: Stream, reports: Sequence[Report]) -> str:
    first = block_of(reports[0].start)
    with connect(stats.url) as connection:
        done = stream_rows.blocks(connection, stream, first)
        held = stream_rows.held(connection, stream, first)
        given_up = {
            "quarantined": Counter(
                block_of(n) for n, _ in stream_rows.troubled(connection, stream, "quarantined")
            ),
            "missing": Counter(block_of(n) for n, _ in stream_rows.troubled(connection, stream, "hole")),
        }
    said = []
    covered = (range(block_of(report.start), report.end + 1, BLOCK) for report in reports)
    for block in dict.fromkeys(block for blocks in covered for block in blocks):
        parts = [f"{done.get(block, 0)} of {BLOCK}"]
        parts += [f"{held[block]} waiting"] if held.get(block) else []
        parts += [f"{found[block]} {word}" for word, found in given_up.items() if found[block]]
        said.append(", ".join(parts))
    return "; ".join(said)
