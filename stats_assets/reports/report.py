"""A report: the page of a hashtag, a person or a country as one HTML file, with all that it shows inside.

The templates are the pages' own. What leads elsewhere becomes plain text, what only a server can do is left out, and
the answers behind the numbers are in it, as JSON and as CSV to save.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import html
from lxml.etree import _Element as Element

from stats_assets.exports import csv_form
from stats_assets.exports.columns import asked_of, left_out
from stats_assets.exports.table import table_of
from stats_assets.pages import country, hashtag, person, rendering
from stats_assets.pages.page import Page
from stats_assets.pages.visit import Ask, Visit, hashtag_path
from stats_assets.questions.answer import Answer, Given, Kind
from stats_assets.questions.exact_json import written
from stats_assets.questions.parameters import OF_KIND
from stats_assets.questions.problem import Problem
from stats_assets.texts.language import Language

SUBJECTS = ("hashtag", "user", "country")
_GONE = (
    *("script", "link", "form", "header[@class='top']", "footer//nav", "section[@id='take']"),
    *("a[@class='skip']", "a[contains(@href, '/live')]", "section[@id='coverage']/p[not(@class)]"),
    "*[contains(concat(' ', @class, ' '), ' no-print ')]",
)
"""Of a page what does nothing in a file."""
_KEPT_HOSTS = ("https://www.openstreetmap.org/copyright",)


@dataclass
class _Recorder:
    """Asks, and keeps what was answered."""

    ask: Ask
    answers: list[Answer] = field(default_factory=list)

    def __call__(self, kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Answer:
        found = self.ask(kind, given, path)
        self.answers.append(found)
        return found


def report(ask: Ask, language: Language, given: Given, title: str = "") -> str:
    """The file's text. Raises Problem."""
    recorder = _Recorder(ask)
    visit, made = _page(recorder, language, given, title)
    tables = _tables(recorder, given)
    return _alone(rendering.rendered(made, visit), language, recorder.answers, tables)


def _page(ask: Ask, language: Language, given: Given, title: str) -> tuple[Visit, Page]:
    tags, users, countries = ([value for name, value in given if name == one] for one in SUBJECTS)
    query = [(name, value) for name, value in given if name not in ("hashtag", "combine")]
    if title:
        query.append(("title", title))
    if tags:
        together = ("combine", "apart") not in given
        path = hashtag_path(tags, together)
        visit = Visit(ask, language, path, query)
        return visit, hashtag.hashtag(visit, path.removeprefix("/h/"))
    if len(users) == 1 and not countries:
        visit = Visit(ask, language, f"/u/{users[0]}", [pair for pair in query if pair[0] != "user"])
        made = person.person(visit, users[0])
        assert made is not None  # noqa: S101 -- only an id that is no number has no page
        return visit, made
    if len(countries) == 1:
        visit = Visit(ask, language, f"/c/{countries[0]}", [pair for pair in query if pair[0] != "country"])
        return visit, country.country(visit, countries[0])
    raise Problem(
        "report-of-what",
        "A report of what?",
        "A report is of hashtags, of one person, or of one country: name some (--hashtag, --user, --country).",
    )


def _tables(ask: Ask, given: Given) -> Sequence[tuple[str, str]]:
    """Names of files, and their CSV: who, and when; what is not answered is not there."""
    found = []
    kinds: tuple[Kind, ...] = ("totals", "leaderboard", "series")
    for kind in kinds:
        known = [pair for pair in given if pair[0] in OF_KIND[kind]]
        try:
            answer = ask(kind, asked_of(kind, known), None)
        except Problem:
            continue
        found.append((f"{kind}.csv", "".join(csv_form.written(table_of(answer, left_out(kind, known))))))
    return found


def _alone(
    text: str, language: Language, answers: Sequence[Answer], tables: Sequence[tuple[str, str]]
) -> str:
    """The page without what it can't have in a file, and with what is behind it."""
    tree: Any = html.document_fromstring(text)
    for one in tree.xpath("|".join(f"//{path}" for path in _GONE)):
        one.drop_tree()
    for one in tree.iter():
        if isinstance(one.tag, str):
            _plain(one)
    head, body, main = (tree.xpath(f"//{one}")[0] for one in ("head", "body", "main"))
    policy = _element("meta")
    policy.set("http-equiv", "Content-Security-Policy")
    policy.set("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    head.insert(1, policy)  # behind the encoding
    head.append(_element("style", rendering.content_of("pages.css").decode()))
    main.append(_files(language, tables))
    body.append(_element("script", _json(answers), type="application/json", id="data"))
    return f"<!doctype html>\n{html.tostring(tree, encoding='unicode')}"


def _plain(one: Element) -> None:
    """No way out of the file, and nothing that waits for a script."""
    link = one.get("href", "")
    gone = [str(name) for name in one.attrib if str(name).startswith("hx-")]
    if one.tag == "a" and link and not link.startswith(("#", *_KEPT_HOSTS)):
        one.tag = "span"
        gone += [name for name in ("href", "target", "rel", "hreflang") if name in one.attrib]
    for name in gone:
        del one.attrib[name]


def _files(language: Language, tables: Sequence[tuple[str, str]]) -> Any:
    section = _element("section", "", id="files", **{"class": "no-print"})
    section.append(_element("h2", str(language.say("take"))))
    for name, text in tables:
        link = "data:text/csv;charset=utf-8;base64," + base64.b64encode(text.encode()).decode()
        section.append(_element("a", name, download=name, href=link, **{"class": "button"}))
    return section


def _element(tag: str, text: str = "", **attributes: str) -> Any:
    made = html.Element(tag)
    made.text = text
    for name, value in attributes.items():
        made.set(name, value)
    return made


def _json(answers: Sequence[Answer]) -> str:
    """The answers; nothing in them ends the element."""
    each = [
        '{"kind":'
        + json.dumps(one.kind)
        + ',"given":'
        + json.dumps([list(pair) for pair in one.given])
        + ',"content":'
        + written(one.content)
        + "}"
        for one in answers
    ]
    return ("[" + ",\n".join(each) + "]").replace("<", "\\u003c")
