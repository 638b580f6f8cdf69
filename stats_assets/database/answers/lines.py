"""What counts for a question, as SQL: a line for each changeset in each minute (by upload), or each changeset.

All answers are sums over these lines. Their columns: changeset_id, user_id, at, moment (at which it counts, inside its
minute), edits, counts, measurements, editor.
"""
# ruff: noqa: S608 - SQL is made of constants

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stats_assets.database.answers.sizes import TIMED, WINDOW, Way
from stats_assets.database.answers.subjects import Subject
from stats_assets.feeds.sequences import FIRST_SINCE
from stats_assets.questions.editors import family_sql
from stats_assets.questions.question import Question
from stats_assets.questions.vocabulary import Vocabulary

MOMENT = f"(timestamptz '{FIRST_SINCE.isoformat()}' + f.sequence * interval '1 minute')"
# A window is (since, until] by either clock.
COUNTED = "(c.counted_at - interval '1 microsecond')"
USER = "coalesce(c.user_id, f.user_id)"
EDITOR = f"lower({family_sql('c.editor')})"
_PAIRS = 50  # a function of PostgreSQL's has at most 100 arguments


@dataclass(frozen=True, slots=True)
class Lines:
    """A SELECT, and what it is given."""

    sql: str
    given: dict[str, Any]


def lines(subject: Subject, vocabulary: Vocabulary, way: Way = WINDOW, *, regions: bool = False) -> Lines:
    """The lines of a subject.

    way: by whose uploads they are found. regions: a line for each region, too, with its code as `region` and what lies
    in it.
    """
    question = subject.question
    first, last = question.window.sequences
    given: dict[str, Any] = {
        "first": None if first is None else max(first, 0),
        "last": last,
        "since": question.window.since,
        "until": question.window.until,
        "hashtags": subject.hashtags,
        "union": subject.union,
        "owner": way.owner,
        "owner_ids": list(way.ids),
        "users": subject.users,
        "country": subject.country and subject.country[1],
        "country_id": subject.country and subject.country[0],
        "editors": [editor.lower() for editor in question.editors],
    }
    place = regions or subject.country is not None
    by_upload = question.clock == "upload"
    identity = "f.changeset_id" if by_upload else "c.id"
    where = _window(question) + _who(subject, way)
    for number, tag in enumerate(subject.also or ()):
        given[f"also_{number}"] = tag
        where.append(_linked("hashtag", f"= %(also_{number})s", identity))
    if [] in (subject.also, subject.hashtags, subject.users):
        where = ["false"]
    source = _uploaded(place, way) if by_upload else _changesets(question, place, way)
    if subject.country is not None:
        where.append(
            (
                "p.region = %(country)s"
                if by_upload
                else f"p.country_id = %(country_id)s{_timed(question, 'p.counted_there_at')}"
            )
            if not regions
            else "k.code = %(country)s"
        )
    kept = "p" if place else "f" if by_upload else "c"
    counts, measurements = (
        (f"{kept}.counts_there", f"{kept}.measurements_there")
        if place and not by_upload
        else (f"{kept}.counts", f"{kept}.measurements")
    )
    edits = f"{kept}.total_edits::numeric"
    if place:
        edits = f"(SELECT coalesce(sum(value::numeric), 0) FROM jsonb_each({counts}))"
    lateral = ""
    if question.restricted:
        counted = vocabulary.counted(question.categories, question.changes)
        measured = vocabulary.measured(question.categories, question.changes)
        lateral = f" CROSS JOIN LATERAL (SELECT {_sum(counts, counted)} AS edits OFFSET 0) AS part"
        where.append("part.edits > 0")
        edits, counts, measurements = "part.edits", _only(counts, counted), _only(measurements, measured)
    user = USER if by_upload else "c.user_id"
    at, moment = ("f.edited_at", MOMENT) if by_upload else ("c.counted_at", COUNTED)
    region = ", k.code AS region" if regions else ""
    return Lines(
        f"SELECT {identity} AS changeset_id, {user} AS user_id, {at} AS at, {moment} AS moment, {edits} AS edits,"
        f" {counts} AS counts, {measurements} AS measurements, c.editor{region}"
        f" FROM {source}{_KNOWN_REGION[by_upload] if regions else ''}{lateral}"
        f" WHERE {' AND '.join(where) or 'true'}",
        given,
    )


_KNOWN_REGION = {
    True: " JOIN countries AS k ON k.code = p.region",
    False: " JOIN countries AS k ON k.id = p.country_id",
}


# Each looked up by itself (OFFSET keeps the planner from undoing it): a join of another kind would read all of a table.
_BY_KEY = " CROSS JOIN LATERAL (SELECT * FROM {0} AS o WHERE {1} OFFSET 0) AS {2}"
_IN_DIFF = "o.sequence = f.sequence AND o.changeset_id = f.changeset_id"


def _uploaded(place: bool, way: Way) -> str:
    if way.owner is None:
        here = " JOIN changeset_edits_countries AS p ON p.sequence = f.sequence AND p.changeset_id = f.changeset_id"
        known = "changeset_edits AS f LEFT JOIN changesets AS c ON c.id = f.changeset_id"
        return known + (here if place else "")
    apart = "DISTINCT " if len(way.ids) > 1 else ""
    found = (
        f"(SELECT {apart}sequence, changeset_id FROM uploads WHERE owner = %(owner)s"
        " AND owner_id = ANY (%(owner_ids)s) AND sequence >= coalesce(%(first)s::bigint, 0)"
        " AND sequence <= coalesce(%(last)s::bigint, 2147483647)) AS u"
    )
    found += _BY_KEY.format("changeset_edits", _IN_DIFF.replace("f.", "u."), "f")
    found += _BY_KEY.format("changesets", "o.id = f.changeset_id", "c")
    return found + (_BY_KEY.format("changeset_edits_countries", _IN_DIFF, "p") if place else "")


def _changesets(question: Question, place: bool, way: Way) -> str:
    if way.owner is None:
        here = " JOIN changesets_countries AS p ON p.changeset_id = c.id"
        return "changesets AS c" + (here if place else "")
    table, whose, time = TIMED[way.owner]
    key = "id" if table == "changesets" else "changeset_id"
    found = (
        f"(SELECT DISTINCT {key} AS id FROM {table} WHERE {whose} = ANY (%(owner_ids)s)"
        f"{_timed(question, time)}) AS u"
    )
    found += _BY_KEY.format("changesets", "o.id = u.id", "c")
    return found + (_BY_KEY.format("changesets_countries", "o.changeset_id = c.id", "p") if place else "")


def _sum(numbers: str, names: Sequence[str]) -> str:
    return " + ".join(("0::numeric", *(f"coalesce(({numbers} ->> '{name}')::numeric, 0)" for name in names)))


def _only(numbers: str, names: Sequence[str]) -> str:
    """An object of these alone, looked up by name and not taken apart."""
    parts = (names[begin : begin + _PAIRS] for begin in range(0, max(1, len(names)), _PAIRS))
    pairs = (", ".join(f"'{name}', {numbers} -> '{name}'" for name in part) for part in parts)
    return f"jsonb_strip_nulls({' || '.join(f'jsonb_build_object({one})' for one in pairs)})"


def _window(question: Any) -> list[str]:
    window = question.window
    if question.clock == "upload":
        found = ["f.sequence >= %(first)s"] if window.since is not None else []
        return [*found, "f.sequence <= %(last)s"] if window.until is not None else found
    found = ["c.counted_at IS NOT NULL"]
    # Three indexes for what is one column: a plain look in each.
    for sign, name in ((">", "since"), ("<=", "until")):
        if getattr(window, name) is not None:
            found.append(f"c.counted_at {sign} %({name})s")
    if window.since is not None and window.until is not None:
        found.append(
            "(c.closed_at > %(since)s AND c.closed_at <= %(until)s"
            " OR c.closed_at IS NULL AND c.created_at > %(since)s AND c.created_at <= %(until)s"
            " OR c.closed_at IS NULL AND c.created_at IS NULL)"
        )
    return found


def _linked(owner: str, which: str, identity: str) -> str:
    """That a changeset has such a link: a look at its own links, whatever all of them are."""
    table, whose, _ = TIMED[owner]
    return (
        f"EXISTS (SELECT FROM {table} AS l WHERE l.changeset_id = {identity} AND l.{whose} {which} OFFSET 0)"
    )


def _timed(question: Question, column: str) -> str:
    """The window in an index of a link's, which holds the changeset's time, too."""
    ends = (("since", ">"), ("until", "<="))
    return "".join(
        f" AND {column} {sign} %({name})s"
        for name, sign in ends
        if getattr(question.window, name) is not None
    )


def _who(subject: Subject, way: Way) -> list[str]:
    """What is not said already by whose uploads are read."""
    question, found = subject.question, []
    by_upload = question.clock == "upload"
    identity, user = ("f.changeset_id", USER) if by_upload else ("c.id", "c.user_id")
    if subject.hashtags is not None and not (way.owner == "hashtag" and list(way.ids) == subject.hashtags):
        found.append(_linked("hashtag", "= ANY (%(hashtags)s)", identity))
    if subject.union is not None and way.owner != "union":
        found.append(_linked("union", "= %(union)s", identity))
    if subject.users is not None:
        found.append(f"{user} = ANY (%(users)s)")
    if question.editors:
        found.append(f"{EDITOR} = ANY (%(editors)s)")
    return found
