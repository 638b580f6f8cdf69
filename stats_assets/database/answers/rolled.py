"""Totals of one whole owner (a hashtag, user, country, union, the world) out of sums that are kept, and edges beside.

Exactly what sums over its lines would be: whole UTC days, whole quarters of an hour, and lines for what is left at both
ends. What is a part of an owner (a category, an editor) has no sums.
"""
# ruff: noqa: S608 - SQL is made of constants

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from stats_assets.database.answers.lines import lines
from stats_assets.database.answers.sizes import MOST, Way, rolled_up, too_slow, uploads
from stats_assets.database.answers.subjects import Subject
from stats_assets.database.answers.sums import Sums, exact, total
from stats_assets.database.connection import Connection
from stats_assets.feeds.sequences import covers
from stats_assets.questions.vocabulary import Vocabulary
from stats_assets.questions.windows import Window

FEW = 2_000
"""Uploads that are added up as they are."""
_DAY, _QUARTER = timedelta(days=1), timedelta(minutes=15)
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST, _MOST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
_OBJECTS = "".join(
    f", (SELECT jsonb_object_agg(key, total) FROM (SELECT key, sum(value::numeric) AS total"
    f" FROM steps, jsonb_each({name}) GROUP BY key) AS each)::text"
    for name in ("counts", "measurements")
)
_STEPS = f"""
WITH steps AS MATERIALIZED (
    SELECT * FROM upload_sums WHERE owner = %(owner)s AND owner_id = %(id)s AND minutes = 1440
        AND begins >= %(day)s AND begins < %(last_day)s
    UNION ALL
    SELECT * FROM upload_sums WHERE owner = %(owner)s AND owner_id = %(id)s AND minutes = 15
        AND (begins >= %(quarter)s AND begins < least(%(day)s, %(last_quarter)s)
            OR begins >= greatest(%(last_day)s, %(quarter)s) AND begins < %(last_quarter)s)
)
SELECT coalesce(sum(edits), 0){_OBJECTS} FROM steps
"""
_INSIDE = "owner = %(owner)s AND owner_id = %(id)s AND sequence >= %(first)s AND sequence <= %(last)s"
_BY_UPLOADS = f"""
SELECT count(*) FILTER (WHERE before IS NULL OR before < %(first)s), count(DISTINCT user_id),
    count(DISTINCT user_id) FILTER (WHERE user_id = ANY (%(hidden)s)),
    coalesce(sum(edits) FILTER (WHERE user_id IS NULL), 0), min(sequence), max(sequence)
FROM uploads WHERE {_INSIDE}
"""
_OF_DAYS = """owner = %(owner)s AND owner_id = %(id)s AND day >= (%(day)s AT TIME ZONE 'UTC')::date
    AND day < (%(last_day)s AT TIME ZONE 'UTC')::date"""
_BY_DAYS = f"""
SELECT (SELECT coalesce(sum(changesets), 0) FROM upload_sums WHERE owner = %(owner)s AND owner_id = %(id)s
        AND minutes = 1440 AND begins >= %(day)s AND begins < %(last_day)s)
    - (SELECT count(*) FROM uploads WHERE {_INSIDE} AND step_of(before, 1440) < step_of(sequence, 1440)
        AND before >= %(first)s),
    (SELECT count(*) FROM people_days WHERE clock = 'upload' AND {_OF_DAYS}
        AND (before IS NULL OR before < (%(day)s AT TIME ZONE 'UTC')::date)),
    (SELECT count(DISTINCT user_id) FROM people_days WHERE clock = 'upload' AND {_OF_DAYS}
        AND user_id = ANY (%(hidden)s)),
    (SELECT coalesce(sum(edits), 0) FROM upload_sums WHERE owner = %(owner)s AND owner_id = %(id)s
        AND minutes = 1440 AND begins >= %(day)s AND begins < %(last_day)s)
    - (SELECT coalesce(sum(edits), 0) FROM people_days WHERE clock = 'upload' AND {_OF_DAYS}),
    (SELECT min(sequence) FROM uploads WHERE {_INSIDE}), (SELECT max(sequence) FROM uploads WHERE {_INSIDE})
"""
# Of a country uploads know features, and its edits are counts.
_NOBODYS = f"""
SELECT coalesce(sum((SELECT sum(value::numeric) FROM jsonb_each(p.counts))), 0)
FROM uploads AS u JOIN changeset_edits_countries AS p USING (sequence, changeset_id)
WHERE {_INSIDE.replace("sequence", "u.sequence")} AND u.user_id IS NULL AND p.region = %(region)s
"""


def rolled(connection: Connection, subject: Subject, vocabulary: Vocabulary) -> Sums | None:
    """The totals by upload; None: they are to be added up from lines. Raises Problem where neither is quick."""
    owner = subject.one_owner
    if owner is None or subject.question.clock != "upload" or not rolled_up(connection):
        return None
    number = uploads(connection, subject, owner[0], [owner[1]], MOST + 1)
    if number <= FEW:
        return None
    window = subject.question.window
    since, until = window.since or _LEAST, window.until or _MOST
    day, last_day = _up(since, _DAY), _down(until, _DAY)
    quarter, last_quarter = (
        (day, last_day) if owner[0] == "user" else (_up(since, _QUARTER), _down(until, _QUARTER))
    )
    if quarter >= last_quarter:
        return None
    if day >= last_day:
        day = last_day = last_quarter
    first, last = window.sequences
    given: dict[str, Any] = {
        "owner": owner[0],
        "id": owner[1],
        "region": subject.country and subject.country[1],
        "first": max(0, first or 0),
        "last": 2**31 - 1 if last is None else last,
        "day": day,
        "last_day": last_day,
        "quarter": quarter,
        "last_quarter": last_quarter,
        "hidden": list(subject.hidden),
    }
    if number > MOST and (since, until) != (day, last_day):
        raise too_slow(subject.question, MOST, many=False)
    steps = connection.execute(_STEPS, given).fetchone()
    people = connection.execute(_BY_DAYS if number > MOST else _BY_UPLOADS, given).fetchone()
    assert steps is not None and people is not None  # noqa: S101 - aggregates always answer
    edges = [
        _of_lines(connection, subject, vocabulary, owner, Window(a, b))
        for a, b in ((window.since, quarter), (last_quarter, window.until))
        if a is not None and b is not None and a < b
    ]
    counts, measurements = (
        _added([exact(steps[place]), *(edge[place + 6] for edge in edges)]) for place in (1, 2)
    )
    changesets, users, hidden, unattributed, *ends = people
    if owner[0] == "user":  # who has no days of people
        users, hidden, unattributed = 1, 0, Decimal(0)
    if owner[0] == "country" and unattributed:
        row = connection.execute(_NOBODYS, given).fetchone()
        unattributed = row[0] if row else Decimal(0)
    return Sums(
        edits=sum(counts.values(), Decimal(0)),
        changesets=changesets,
        users=users,
        unattributed_edits=unattributed,
        hidden_users=hidden,
        first=_of_minute(connection, subject, vocabulary, owner, ends[0]).first,
        last=_of_minute(connection, subject, vocabulary, owner, ends[1]).last,
        counts=counts,
        measurements=measurements,
    )


def _of_lines(
    connection: Connection, subject: Subject, vocabulary: Vocabulary, owner: tuple[str, int], window: Window
) -> Sums:
    part = replace(subject, question=replace(subject.question, window=window))
    return total(connection, lines(part, vocabulary, Way(owner[0], (owner[1],), 0)), subject.hidden)


def _of_minute(
    connection: Connection, subject: Subject, vocabulary: Vocabulary, owner: tuple[str, int], sequence: int
) -> Sums:
    return _of_lines(connection, subject, vocabulary, owner, Window(*covers(sequence)))


def _added(objects: Sequence[dict[str, Decimal]]) -> dict[str, Decimal]:
    found: Counter[str] = Counter()
    for one in objects:
        found.update(one)  # type: ignore[arg-type]
    return {key: value for key, value in found.items() if value}  # type: ignore[misc]


def _down(time: datetime, step: timedelta) -> datetime:
    return time - (time - _ZERO) % step


def _up(time: datetime, step: timedelta) -> datetime:
    return time + (_ZERO - time) % step
