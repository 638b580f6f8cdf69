"""The blocks of a page from answers: four numbers, categories, measures, boards. What is asked is each page's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from markupsafe import Markup

from stats_assets.charts.bars import bar, progress
from stats_assets.charts.world import world
from stats_assets.pages import shown
from stats_assets.pages.visit import Content, Visit, hashtag_path, user_path
from stats_assets.texts import numbers, places, times
from stats_assets.texts.language import Language, name

FOUR = ("buildings_added", "road_km_added", "users", "edits")
FROM_UP = 20
"""Below this many a percentage says more about luck than about work."""
NOT_COLUMNS = frozenset(
    {
        "rank",
        "tied",
        "user_id",
        "name",
        "hashtag",
        "country",
        "code",
        "editor",
        "key",
        "label",
        "new_here",
        "page",
    }
    | {"first", "last", "type", "match", "id"}
)
Number = int | Decimal


@dataclass(frozen=True)
class Big:
    """One of the large numbers."""

    column: str
    value: Markup
    label: Markup
    before: Markup | None = None


def flat(totals: Mapping[str, Any]) -> Mapping[str, Any]:
    """Totals with their counts and measurements beside the rest."""
    return {**totals, **(totals.get("counts") or {}), **(totals.get("measurements") or {})}


def value_of(totals: Mapping[str, Any], column: str) -> Number:
    """A total, exact; 0 where it is not told."""
    value = flat(totals).get(column) or 0
    return value if isinstance(value, int | Decimal) else Decimal(str(value))


def four(
    content: Content,
    language: Language,
    before: Content | None = None,
    columns: Sequence[str] = FOUR,
    *,
    percent: bool = True,
) -> Sequence[Big]:
    """Buildings added, km of roads added, people, edits."""
    found = []
    for column in columns:
        value = value_of(content["totals"], column)
        key = {"users": "people", "changesets": "changesets_plain"}.get(column, column)
        label = (
            language.say(f"n_{key}", n=int(value))
            if language.knows(f"n_{key}")
            else shown.heading(column, language)
        )
        earlier = None
        if before is not None:
            earlier = compared(value, value_of(before["totals"], column), column, language, percent=percent)
        found.append(Big(column, shown.number(value, column, language), label, earlier))
    return found


def compared(value: Number, before: Number, column: str, language: Language, *, percent: bool) -> Markup:
    """With the window before: a percentage only from 20 up, and where both are whole."""
    earlier = (
        numbers.kilometres(before, language.locale)
        if shown.is_measure(shown.split(column)[0])
        else numbers.whole(before, language.locale)
    )
    if not percent or before < FROM_UP or value < FROM_UP:
        return language.say("before_number", number=earlier)
    return language.say("before_share", share=numbers.share(value, before, language.locale), number=earlier)


@dataclass(frozen=True)
class Row:
    """A category, or a measure: what was added, modified, deleted."""

    label: str
    cells: Sequence[Markup]
    total: Markup
    bar: Markup
    note: Markup | None = None


def categories(content: Content, language: Language) -> Sequence[Row]:
    """Those with edits, most first."""
    counts = content["totals"].get("counts") or {}
    stems = dict.fromkeys(shown.split(column)[0] for column in counts)
    sums = {stem: [counts.get(f"{stem}_{kind}") or 0 for kind in shown.KINDS] for stem in stems}
    kept = sorted((stem for stem in stems if sum(sums[stem])), key=lambda stem: -sum(sums[stem]))
    most = max((sum(sums[stem]) for stem in kept), default=0)
    return [
        Row(
            shown.named(stem, language),
            [shown.count(value, language) for value in sums[stem]],
            shown.count(sum(sums[stem]), language),
            Markup(bar(sums[stem], most)),  # noqa: S704 -- charts/ escapes
        )
        for stem in kept
    ]


def measures(content: Content, language: Language) -> Sequence[Row]:
    """Lengths and areas that are not zero; never summed over kinds of things, nor over kinds of change."""
    given = content["totals"].get("measurements") or {}
    rows = []
    for stem in dict.fromkeys(shown.split(column)[0] for column in given):
        values = [Decimal(str(given.get(f"{stem}_{kind}") or 0)) for kind in shown.KINDS]
        if any(values):
            metres = shown.in_metres(values, stem)
            label = shown.heading(stem, language, metres=metres).striptags()
            cells = [shown.number(value, stem, language, metres=metres) for value in values]
            rows.append(Row(label, cells, Markup(""), Markup("")))
    return rows


@dataclass(frozen=True)
class Line:
    """A line of a board. `rank` is `2 =` where it is shared."""

    rank: str
    label: Markup
    link: str
    cells: Sequence[Markup]
    new: bool = False

    def of(self, board: "Board", columns: Sequence[str]) -> Sequence[Markup]:
        """The cells of some columns alone."""
        known = dict(zip(board.columns, self.cells, strict=True))
        return [known.get(column, Markup("–")) for column in columns]


@dataclass(frozen=True)
class Board:
    """Rows by rank; `columns` are the names of what the cells hold."""

    columns: Sequence[str]
    headings: Sequence[Markup]
    lines: Sequence[Line]
    metric: str
    total_rows: int
    next: str | None
    """What `after` is on the page that follows."""
    not_ranked: int = 0
    hidden: int = 0
    cut: bool = False
    """Whether there are more lines than are shown."""


def board(
    content: Content, visit: Visit, of: str, new: frozenset[int] = frozenset(), most: int | None = None
) -> Board:
    """A leaderboard's answer; `most`: of so many lines."""
    language, rows = visit.language, content.get("rows") or []
    metric = (content.get("about", {}).get("query", {}) or {}).get("metric") or "edits"
    columns = [column for column in (rows[0] if rows else ()) if column not in NOT_COLUMNS]
    columns = [metric, *(column for column in columns if column != metric)] if metric in columns else columns
    metres = {column: shown.in_metres([row.get(column) for row in rows], column) for column in columns}
    left_out = content.get("not_ranked") or {}
    return Board(
        columns=columns,
        headings=[shown.heading(column, language, metres=metres[column]) for column in columns],
        lines=[
            Line(
                rank_of(row, place),
                *label_of(row, of, visit),
                [shown.number(row.get(c), c, language, metres=metres[c]) for c in columns],
                new=bool(row.get("new_here")) or row.get("user_id") in new,
            )
            for place, row in enumerate(rows[:most], 1)
        ],
        metric=metric,
        total_rows=content.get("total_rows") or len(rows),
        next=_after(content.get("next")),
        cut=most is not None and len(rows) > most,
        not_ranked=left_out.get("unattributed_edits") or 0,
        hidden=left_out.get("hidden_users") or 0,
    )


def nobody(people: int) -> Board:
    """The board of a server that shows no people."""
    return Board((), (), (), "edits", people, None)


def _after(link: str | None) -> str | None:
    return next(iter(parse_qs(urlsplit(link).query).get("after", ())), None) if link else None


def map_of(content: Content, language: Language) -> Markup | None:
    """A leaderboard of countries on the map, where there are any."""
    edits = {str(row.get("country")): int(row.get("edits") or 0) for row in content.get("rows") or []}
    if not edits:
        return None

    def said(code: str, number: int) -> str:
        return f"{places.country(code, language.locale)}: {numbers.whole(number, language.locale)}"

    return Markup(world(edits, str(language.say("map_title")), said))  # noqa: S704 -- charts/ escapes


def rank_of(row: Mapping[str, Any], place: int) -> str:
    """1, 2 =, 2 =, 4."""
    return f"{row.get('rank', place)}{' =' if row.get('tied') else ''}"


def label_of(row: Mapping[str, Any], of: str, visit: Visit) -> tuple[Markup, str]:
    """What a row is of, and its page."""
    if of == "users":
        return person(row, visit), person_link(row, visit)
    if of == "hashtags":
        tag = str(row.get("hashtag") or row.get("key") or row.get("name") or "")
        return name(f"#{tag}"), visit.window_to(hashtag_path([tag]))
    if of == "countries":
        code = str(row.get("country") or row.get("code") or row.get("key") or "")
        label = places.country(code, visit.language.locale, row.get("name") or row.get("label"))
        return name(label), visit.window_to(f"/c/{code}")
    return name(row.get("editor") or row.get("key") or row.get("name") or ""), ""


def person(row: Mapping[str, Any], visit: Visit) -> Markup:
    """A name, `user 123` where there is none, `person` where nobody is named."""
    if visit.nameless or row.get("user_id") is None:
        return visit.language.say("n_people", n=1)
    if row.get("name"):
        return name(row["name"])
    return visit.language.say("user_number", id=str(row["user_id"]))


def person_link(row: Mapping[str, Any], visit: Visit) -> str:
    """A person's page; empty where there is none."""
    if visit.nameless or not visit.people or row.get("user_id") is None:
        return ""
    return visit.window_to(user_path(row["user_id"], row.get("name")))


def newcomers(content: Content, visit: Visit) -> Sequence[Mapping[str, Any]]:
    """Who is new to the hashtag: name, page, first upload, edits."""
    zone = times.zone((content.get("about", {}).get("query", {}) or {}).get("tz"))
    found = []
    for row in content.get("rows") or []:
        first = times.parsed(row.get("first"))
        local = first and first.astimezone(zone)
        found.append(
            {
                "label": person(row, visit),
                "link": person_link(row, visit),
                "first": f"{times.day(local.date(), visit.language.locale)} {times.hour(local)}"
                if local
                else "",
                "edits": shown.number(row.get("edits"), "edits", visit.language),
                "id": row.get("user_id"),
            }
        )
    return found


def targets(content: Content, wanted: Sequence[tuple[str, Decimal]], language: Language) -> Sequence[Row]:
    """How far each target is reached."""
    rows = []
    for column, target in wanted:
        value = value_of(content["totals"], column)
        said = language.say(
            "target_of",
            value=shown.number(value, column, language),
            target=shown.number(target, column, language),
        )
        chart = Markup(progress(value, target))  # noqa: S704 -- charts/ escapes
        rows.append(Row(shown.plain_heading(column, language), [], said, chart))
    return rows
