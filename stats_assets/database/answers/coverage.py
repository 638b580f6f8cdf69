"""The kind `coverage`: how far both feeds are, and which minutes of a window are missing or doubtful, and why."""
# ruff: noqa: S608 - SQL is made of constants

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from stats_assets.augment.window import HELD, LATE, PASSED
from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.minutes import OLDER
from stats_assets.database.ledger.spans import long_skip_before
from stats_assets.database.made_diffs import made_diffs
from stats_assets.database.statistics.verdicts import verdict
from stats_assets.feeds.sequences import covers
from stats_assets.questions.answer import Value
from stats_assets.questions.windows import in_utc, to_the_second
from stats_assets.streams import STREAMS

TICKS = timedelta(days=1)
MOST = 1_000
"""So many stretches of each kind are listed, the newest."""


def answer(asking: Asking) -> dict[str, Value]:
    """Of the window, else of all that is counted."""
    standing, minutes = asking.standing, asking.minutes
    judged = verdict(asking.connection)
    feeds: dict[str, Value] = {}
    for stream in STREAMS:
        reach = standing.reaches[stream]
        feeds[stream] = {
            "complete_to": _time(reach.complete_to),
            "sequence": reach.sequence,
            "lag_seconds": reach.lag_seconds,
            "state": reach.state,
        }
    window = asking.question.window
    counted = minutes.expected > 0
    since = window.since or (covers(minutes.first).since if counted else standing.begins)
    until = window.until or (covers(minutes.last).until if counted else standing.begins)
    return {
        "as_of": to_the_second(standing.as_of),
        "begins": _time(standing.begins),
        "feeds": feeds,
        "made_diffs": _made(asking),
        "queued_changesets": standing.queued,
        "window": {
            "from": _time(since),
            "to": _time(until),
            "known_since": _time(_known_since(asking)),
            "first_sequence": minutes.first if counted else None,
            "last_sequence": minutes.last if counted else None,
            "minutes": minutes.expected,
            "missing_minutes": minutes.missing_number,
            "missing": _missing(asking),
            "flagged": _flagged(asking),
            "older_definitions": _older(asking),
        },
        "verified": None
        if judged.at is None
        else {"ended": in_utc(judged.at + standing.shift), "differences": judged.differences},
    }


def _known_since(asking: Asking) -> datetime | None:
    """Since when what was before the window is counted, without a stretch that lacks: an origin, or a seek."""
    begins, since = asking.standing.begins, asking.question.window.since
    if begins is None or since is None:
        return begins
    skipped = long_skip_before(asking.connection, "augmented_diffs", asking.minutes.first)
    return begins if skipped is None else max(begins, covers(skipped).until)


def _made(asking: Asking) -> dict[str, Value] | None:
    """How far augmented diffs are made here; None: they are not, or no more: the sensor has not ticked for a day."""
    row = made_diffs(asking.connection)
    if row.made is None or row.ticked_at is None or row.now - row.ticked_at > TICKS:
        return None
    return {
        "complete_to": in_utc(covers(row.made).until),
        "sequence": row.made,
        "late_versions": row.tallies.get(LATE, 0) + row.tallies.get(PASSED, 0),
        "held_versions": row.tallies.get(HELD, 0),
    }


def _time(time: datetime | None) -> str | None:
    return None if time is None else in_utc(time)


def _stretch(first: int, last: int) -> dict[str, Value]:
    return {"from": in_utc(covers(first).since), "to": in_utc(covers(last).until)}


def _joined(rows: list[tuple[Any, ...]]) -> list[tuple[int, int, tuple[Any, ...]]]:
    """Sequences in a row of which the same is said."""
    found: list[tuple[int, int, tuple[Any, ...]]] = []
    for first, last, *said in rows:
        if found and found[-1][1] + 1 == first and found[-1][2] == tuple(said):
            found[-1] = (found[-1][0], last, found[-1][2])
        else:
            found.append((first, last, tuple(said)))
    return found[-MOST:]


def _missing(asking: Asking) -> list[dict[str, Value]]:
    """Each with why: quarantined, hole, waiting, trying, skipped, before_begin, away, or not_counted."""
    spans = asking.minutes.missing
    given = {
        "firsts": [first for first, _ in spans],
        "lasts": [last for _, last in spans],
        "most": 100 * MOST,
    }
    known = {
        row[0]: row[1:]
        for row in asking.connection.execute(
            """
            SELECT l.sequence, CASE WHEN l.work <> 'idle' THEN l.work ELSE l.result END, l.not_before, l.reason
            FROM unnest(%(firsts)s::bigint[], %(lasts)s::bigint[]) AS span (first, last)
            JOIN ledger AS l ON l.stream = 'augmented_diffs' AND l.sequence BETWEEN span.first AND span.last
            WHERE l.result <> 'committed' AND (l.work <> 'idle' OR l.result = 'skipped')
            ORDER BY l.sequence DESC LIMIT %(most)s
            """,
            given,
        ).fetchall()
    }
    rows: list[tuple[Any, ...]] = []
    for first, last in spans:
        marks = sorted(
            {first, last + 1, *(s for s in known if first <= s <= last)} | _ends(asking, first, last, known)
        )
        rows += [(a, b - 1, *_why(asking, a, known)) for a, b in pairwise(marks)]
    return [
        {
            **_stretch(first, last),
            "why": why,
            "next_try": None if next_try is None else in_utc(next_try + asking.standing.shift),
            "detail": detail,
        }
        for first, last, (why, next_try, detail) in _joined(rows)
    ]


def _ends(asking: Asking, first: int, last: int, known: dict[int, Any]) -> set[int]:
    """Where within a span something else is said: behind known ones, at the beginning, where facts are away."""
    found = {s + 1 for s in known if first <= s < last}
    begin = asking.standing.first
    found |= {begin} if begin is not None and first < begin <= last else set()
    for (a, b), _ in asking.minutes.away:
        found |= {mark for mark in (a, b + 1) if first < mark <= last}
    return found


def _why(asking: Asking, sequence: int, known: dict[int, Any]) -> tuple[Any, ...]:
    for (first, last), reason in asking.minutes.away:
        if first <= sequence <= last:
            return "away", None, reason
    if sequence in known:
        return tuple(known[sequence])
    begin = asking.standing.first
    return ("before_begin" if begin is None or sequence < begin else "not_counted"), None, None


def _flagged(asking: Asking) -> list[dict[str, Value]]:
    rows = asking.connection.execute(
        "SELECT sequence, sequence, flagged FROM ledger WHERE stream = 'augmented_diffs' AND flagged IS NOT NULL"
        " AND sequence BETWEEN %s AND %s ORDER BY sequence DESC LIMIT %s",
        (asking.minutes.first, asking.minutes.last, MOST),
    ).fetchall()
    return [{**_stretch(first, last), "why": why} for first, last, (why,) in _joined(rows[::-1])]


def _older(asking: Asking) -> list[dict[str, Value]]:
    given = {
        "first": asking.minutes.first,
        "last": asking.minutes.last,
        "definitions": asking.counting.definitions,
        "most": 100 * MOST,
    }
    rows = asking.connection.execute(
        "SELECT sequence, sequence, definitions FROM ledger WHERE stream = 'augmented_diffs'"
        " AND sequence BETWEEN %(first)s AND %(last)s AND result = 'committed'"
        f" AND definitions IN ({OLDER}) ORDER BY sequence DESC LIMIT %(most)s".encode(),
        given,
    ).fetchall()
    return [
        {**_stretch(first, last), "definitions": definitions}
        for first, last, (definitions,) in _joined(rows[::-1])
    ]
