"""What alarms look at: the streams' standing and the daemon's, as log lines that CloudWatch takes metrics from (its
embedded metric format). Who asks and prints is cli/watch.py; the alarms are deploy/cloudformation/alarms.yaml's.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from stats_assets.augment.window import LATE, PASSED
from stats_assets.monitoring.made_diffs import MakerStatus
from stats_assets.monitoring.stream_status import Status, StreamStatus

NAMESPACE = "StatsAssets"
FAILED_MINUTES = 15
UNITS = {
    "Lag": "Seconds",
    "FeedAge": "Seconds",
    "SinceCommit": "Seconds",
    "SinceTick": "Seconds",
    "SinceHeartbeat": "Seconds",
    "BytesDay": "Bytes",
}


class Dagster(NamedTuple):
    """How Dagster itself does."""

    since_heartbeat: float | None
    """Seconds, of the daemon that is most behind; None: one never beat."""
    failed_runs: int
    """Lately."""


def of_dagster(instance: DagsterInstance, now: datetime) -> Dagster:
    """Ask Dagster's storage."""
    beats = instance.get_daemon_heartbeats()
    ages = [
        now.timestamp() - beats[kind].timestamp if kind in beats else None
        for kind in instance.get_required_daemon_types()
    ]
    known = [age for age in ages if age is not None]
    since = now - timedelta(minutes=FAILED_MINUTES)
    failed = RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_after=since)
    return Dagster(max(known) if known and len(known) == len(ages) else None, instance.get_runs_count(failed))


def lines(cluster: str, status: Status, dagster: Dagster, now: datetime) -> Iterator[str]:
    """A line a stream, one of the maker, if there is one, and one for all. What is unknown is left out: alarms take
    missing data for bad.
    """
    for name, stream in status.streams.items():
        yield _line({"Cluster": cluster, "Stream": name}, _of_stream(stream, now), now)
    if status.maker is not None:
        yield _line({"Cluster": cluster, "Stream": "osmchange"}, _of_maker(status.maker, now), now)
    values = {
        "Queued": status.queued,
        "Differences": status.verification.differences,  # known ones: none before the first verification
        "FactsAway": sum(not away.accepted for away in status.facts_away),
        "SinceHeartbeat": dagster.since_heartbeat,
        "FailedRuns": dagster.failed_runs,
    }
    yield _line({"Cluster": cluster}, values, now)


def _of_stream(stream: StreamStatus, now: datetime) -> dict[str, float | None]:
    return {
        "Lag": stream.lag_seconds,
        "FeedAge": stream.feed_age_seconds,
        "Ahead": None if stream.cursor is None or stream.head is None else 1 if stream.ahead else 0,
        "SinceCommit": _since(stream.committed_at, now),
        "SinceTick": _since(stream.ticked_at, now),
        "Rate": stream.rate,
        "SwitchedOff": None
        if stream.sensor_on is None
        else int(not stream.sensor_on and bool(stream.not_followed)),
        "Waiting": len(stream.waiting),
        "GivenUp": len(stream.quarantined) + len(stream.holes),
        "Flagged": stream.flagged,
        "Unreadable": stream.unreadable,
        "RequestsDay": stream.requests["day"]["heads"] + stream.requests["day"]["bodies"],
        "BytesDay": stream.requests["day"]["bytes"],
    }


def _of_maker(maker: MakerStatus, now: datetime) -> dict[str, float | None]:
    return {
        "Lag": maker.lag_seconds,
        "FeedAge": maker.feed_age_seconds,
        "SinceTick": _since(maker.ticked_at, now),
        "CannotGoOn": int(maker.trouble is not None),
        "LateVersions": len(maker.lately(LATE)) + len(maker.lately(PASSED)),
    }


def _since(then: datetime | None, now: datetime) -> float | None:
    return None if then is None else max(0.0, round((now - then).total_seconds(), 1))


def _line(dimensions: Mapping[str, str], values: Mapping[str, float | None], now: datetime) -> str:
    known = {name: value for name, value in values.items() if value is not None}
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in known],
    }
    about = {"Timestamp": int(now.astimezone(UTC).timestamp() * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": about, **dimensions, **known})
