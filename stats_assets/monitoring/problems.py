"""What is wrong, for who is alerted of it: read from the status (status.py) and Dagster's records, nowhere else.

When a hook is told of it is alerts.py's.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from stats_assets.database.facts.ranges import WHAT_TO_DO
from stats_assets.database.ledger.doubts import to_heal
from stats_assets.monitoring import oldest
from stats_assets.monitoring.alerts import Problem
from stats_assets.monitoring.cloudwatch import FAILED_MINUTES, Dagster
from stats_assets.monitoring.failing_jobs import FailingJob
from stats_assets.monitoring.lag import BEHIND, why_another, why_late
from stats_assets.monitoring.made_diffs import MakerStatus
from stats_assets.monitoring.stream_status import Status, StreamStatus
from stats_assets.streams import Stream
from stats_assets.words import in_words

PAUSE = timedelta(minutes=5)  # a stream that pauses goes on by itself
OUT_OF_REACH = timedelta(seconds=BEHIND)  # so does a feed that does not answer once
OUTAGE = timedelta(minutes=2)  # and what is started again after a while: database, daemon, streams
MANY_RUNS = (
    5  # of a stream's own, which are started again by themselves: as many as deploy/'s alarm lets pass
)
SILENT = 300.0  # seconds without a daemon's heartbeat, as there
DAY = timedelta(days=1)
SHOWN = 3
STATUS = "stats-assets status says more."


def problems(status: Status, dagster: Dagster, jobs: Sequence[FailingJob]) -> dict[str, Problem]:
    """All that is wrong now, by key."""
    found = [one for name, stream in status.streams.items() for one in _of_stream(name, stream)]
    if status.maker is not None:
        found += _of_maker(status.maker)
    pausing = {name for name, stream in status.streams.items() if stream.paused}
    found += _of_statistics(status)
    # A stream that pauses says why; one whose newest run has succeeded has healed by itself.
    found += [
        _of_job(job) for job in jobs if job.stream is None or (job.stands and job.stream not in pausing)
    ]
    if dagster.since_heartbeat is not None and dagster.since_heartbeat > SILENT:
        found.append(
            Problem(
                key="daemon",
                kind="daemon",
                stream=None,
                size=1,
                said=f"Dagster's daemon has given no sign of life for {in_words(dagster.since_heartbeat)}:"
                " nothing is requested, no stream goes on.",
                todo="Start it again (stats-assets dev).",
                ended="Dagster's daemon is alive again.",
                patience=OUTAGE,
            )
        )
    return {one.key: one for one in found}


def outage(why: str) -> Problem:
    """Nothing can be said of the streams, as the status itself can't be told."""
    return Problem(
        key="outage",
        kind="outage",
        stream=None,
        size=1,
        said=f"How the streams stand can't be told: {why}",
        todo="Nothing is lost meanwhile; all goes on by itself once that is mended.",
        ended="How the streams stand can be told again.",
        patience=OUTAGE,
    )


def without_dagster(why: str) -> Problem:
    """Dagster's records can't be read, so that it can't be told whether it lives and which runs fail."""
    return Problem(
        key="dagster",
        kind="daemon",
        stream=None,
        size=1,
        said=f"Dagster's records can't be read: {why}",
        todo="",
        ended="Dagster's records can be read again.",
        patience=OUTAGE,
    )


def _of_stream(name: Stream, stream: StreamStatus) -> Iterator[Problem]:
    if stream.cursor is not None and (stream.exit_code or stream.paused):
        yield _standing(name, stream, stream.cursor)
    lists = (
        ("given_up", stream.quarantined, "given up, and set aside", "It is tried again once a day; once the cause is"
         f" mended, stats-assets retry --stream {name} does so at once."),
        ("holes", stream.holes, "missing in the feed, and passed over", "Each is asked for again once a day; if the"
         " feed will never have it, nothing can be done."),
    )  # fmt: skip
    for kind, sequences, what, todo in lists:
        if sequences:
            named = "; ".join(f"{n}: {stream.reasons.get(n, '').rstrip('.')}" for n in sequences[-SHOWN:])
            more = f"; and {len(sequences) - SHOWN} more" if len(sequences) > SHOWN else ""
            yield Problem(
                key=f"{name}: {kind}",
                kind=kind,
                stream=name,
                size=len(sequences),
                said=f"{_number(len(sequences))} of {name} {_be(len(sequences))} {what} ({named}{more}).",
                todo=todo,
                ended=f"No sequence of {name} is {what} any more.",
                again=DAY,
            )
    if stream.flagged:
        named = "; ".join(f"{n}: {why}" for n, why in list(stream.doubts.items())[:SHOWN])
        yield Problem(
            key=f"{name}: flagged",
            kind="flagged",
            stream=name,
            size=stream.flagged,
            said=f"{_number(stream.flagged)} of {name} {_be(stream.flagged)} counted, but doubtful: flagged"
            f" ({named}).",
            todo=f"{to_heal(name)}. What stays so is doubtful at the server itself.",
            ended=f"No sequence of {name} is flagged any more.",
            again=None,  # what the server itself has wrong may stay for ever
        )


def _standing(name: Stream, stream: StreamStatus, cursor: int) -> Problem:
    """The stream is behind, stalled, lost, or pauses, in the status's own words."""
    code, late = stream.exit_code, max(stream.lag_seconds or 0, stream.feed_age_seconds or 0) >= BEHIND
    word = {"no ticks": "without ticks"}.get(stream.word, stream.word) if code else "paused"
    reasons = []
    if stream.lag_seconds is not None and stream.lag_seconds >= BEHIND:
        reasons.append(f"its newest is of {in_words(stream.lag_seconds)} ago")
    if stream.trouble:
        reasons.append(stream.trouble)
    if stream.paused:
        reasons.append(f"it pauses: {stream.paused}" if code else stream.paused)
    if stream.another and stream.head is not None:
        reasons.append(why_another(name, cursor, stream.head))
    elif stream.ahead:
        reasons.append(
            f"the cursor {cursor} lies beyond the feed's head {stream.head}: nothing is done until then"
        )
    elif stream.not_followed:
        reasons.append(stream.not_followed)
    elif stream.stands_still and stream.head is not None:
        reasons.append("nothing was committed in ten minutes, nothing is in flight. Is its sensor on?")
    if stream.head is not None and (why := why_late(stream.feed_age_seconds, at_head=stream.at_head)):
        reasons.append(why)
    if stream.eta_seconds:
        reasons.append(f"it catches up in {in_words(stream.eta_seconds)}")
    return Problem(
        key=name,
        kind="stream",
        stream=name,
        size=max(code, 1),
        said=f"{name} is {word}: {'; '.join(reason.rstrip('.') for reason in reasons)}.",
        todo=STATUS,
        ended=f"{name} is fine again.",
        patience=OUTAGE if late or code == 2 else PAUSE if stream.paused else OUT_OF_REACH,
    )


def _of_maker(maker: MakerStatus) -> Iterator[Problem]:
    if maker.exit_code:
        yield Problem(
            key="made_augmented_diffs",
            kind="maker",
            stream=None,
            size=maker.exit_code,
            said=f"The maker of augmented diffs is {maker.word}: {' '.join(maker.sentences())}".rstrip(": "),
            todo=STATUS,
            ended="The maker of augmented diffs is fine again.",
            patience=OUT_OF_REACH if maker.exit_code == 3 else PAUSE,
        )


def _of_statistics(status: Status) -> Iterator[Problem]:
    if status.verification.bad:
        yield Problem(
            key="verification",
            kind="verification",
            stream=None,
            size=status.verification.differences,
            said=str(status.verification),
            todo="",
            ended="The statistics are what the facts say again, or were rebuilt.",
        )
    gone = [one for one in status.facts_away if not one.accepted]
    if gone:
        yield Problem(
            key="facts",
            kind="facts",
            stream=None,
            size=len(gone),
            said=" ".join(str(one) for one in gone[:SHOWN])
            + (f" So are those of {len(gone) - SHOWN} more ranges." if len(gone) > SHOWN else ""),
            todo=WHAT_TO_DO,
            ended="No facts are away any more, but such as are meant to be.",
            again=DAY,
        )
    if status.oldest_transaction is not None and oldest.is_long(status.oldest_transaction):
        open_ = status.oldest_transaction
        yield Problem(
            key="transaction",
            kind="transaction",
            stream=None,
            size=1,
            said=oldest.sentence(open_),
            todo=oldest.what_to_do(open_),
            ended="No transaction is open for so long any more.",
            again=DAY,
        )
    for warning in status.warnings:
        yield Problem(
            key="database",
            kind="database",
            stream=None,
            size=1,
            said=warning,
            todo="",
            ended="The database gives no warning any more.",
            again=DAY,
        )


def _of_job(job: FailingJob) -> Problem:
    few = job.stream is not None and job.failed <= MANY_RUNS
    name = "a materialization or backfill by hand" if job.job == "__ASSET_JOB" else job.job
    runs = f"{job.failed} runs have" if job.failed > 1 else "A run has"
    said = f"{runs} failed: {name}, the newest ({job.run_id[:8]}) as: {job.why.rstrip('.')}."
    return Problem(
        key=f"runs: {job.job}",
        kind="runs",
        stream=job.stream,
        size=max(1, job.failed),
        said=said,
        todo="Runs in the UI has its log." + (" The sensor starts another by itself." if job.stream else ""),
        ended=f"No run of {name} has failed for {FAILED_MINUTES} minutes"
        + (", and the newest has succeeded." if job.job != "__ASSET_JOB" else "."),
        # They heal by themselves: told are many, or that none succeeds.
        patience=PAUSE if few else timedelta(0),
        again=DAY if job.stands else None,
    )


def _number(n: int) -> str:
    return f"{n} sequences" if n > 1 else "A sequence"


def _be(n: int) -> str:
    return "are" if n > 1 else "is"
