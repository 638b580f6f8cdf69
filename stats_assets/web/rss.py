"""What happens to a hashtag or a person as RSS 2.0: milestones, and the days on which there was something.

Each item is a fact of a day that is over: it has a lasting address and a lasting name.
"""

from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import Any
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from stats_assets.pages import shown
from stats_assets.pages.milestones import milestones, reached
from stats_assets.pages.person import identity
from stats_assets.pages.visit import WINDOW, Content, Visit
from stats_assets.questions.answer import Given
from stats_assets.texts import times
from stats_assets.texts.language import wanted
from stats_assets.web.caching import kept_so
from stats_assets.web.pictures import title_of
from stats_assets.web.queries import given_of
from stats_assets.web.serving import Serving

TYPE = "application/rss+xml"
DAYS = 90
"""So far back."""
COLUMNS = ("edits", "users", "buildings_added")


def rss(serving: Serving, subject: Given, request: Request) -> Response:
    """The feed. Raises Problem."""
    language = wanted(request.query_params.get("lang"), request.headers.get("accept-language"))
    given = [(name, value) for name, value in given_of(request) if name != "lang"]
    path = request.scope["path"].removesuffix(".rss")
    origin = str(request.base_url).rstrip("/")
    visit = Visit(ask=serving.answer, language=language, path=path, query=given, origin=origin)
    title = title_of(language, subject, people=True)
    found = _series(visit, subject)
    items = [*_reached(serving, visit, subject), *_days(visit, found, title)]
    here = origin + visit.link()
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>'
        f"<title>{_text(title)}</title><link>{_text(here)}</link>"
        f"<description>{_text(str(language.say('source')))}</description><language>{language.code}</language>"
        f'<atom:link href="{_text(origin + visit.link(path + ".rss"))}" rel="self" type="{TYPE}"/><ttl>60</ttl>'
        f"{''.join(items)}</channel></rss>"
    ).encode()
    headers = kept_so("series", subject, found.get("about"))
    headers["ETag"] = f'W/"{sha256(body).hexdigest()[:24]}"'
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=TYPE)


def _reached(serving: Serving, visit: Visit, subject: Given) -> list[str]:
    who = [value for name, value in subject if name == "user"]
    here = visit.origin + visit.link()
    if who:
        user_id, _ = identity(visit, who[0])
        said = [one.striptags() for one in milestones(visit, user_id) or []]
    else:
        asked = [*subject, ("limit", "1"), *_window(visit), *visit.shared("live")]
        news: Any = serving.live(asked)["news"]
        said = [
            f"#{one['hashtag']}: {text.striptags()}" for one in news if (text := reached(one, visit.language))
        ]
    return [_item(one, here, f"{here}#{one}", None) for one in said]


def _series(visit: Visit, subject: Given) -> Content:
    return visit.content("series", *subject, ("by", "day"), ("columns", ",".join(COLUMNS)), *_window(visit))


def _window(visit: Visit) -> Given:
    return () if any(name in WINDOW for name, _ in visit.query) else (("last", f"{DAYS}d"),)


def _days(visit: Visit, found: Content, title: str) -> list[str]:
    """The days that are over, newest first."""
    items = []
    for step in reversed(found["series"]):
        begin, end = times.parsed(step["from"]), times.parsed(step["to"])
        if begin and end and step["edits"] and not step["running"]:
            items.append(_day(visit, title, step, begin, end))
    return items[:DAYS]


def _day(visit: Visit, title: str, step: Any, begin: datetime, end: datetime) -> str:
    language = visit.language
    said = [
        f"{shown.number(step[column], column, language).striptags()}"
        f" {language.say(f'n_{key}', n=int(step[column])).striptags()}"
        for column, key in zip(COLUMNS, ("edits", "people", "buildings_added"), strict=True)
    ]
    last = (end - timedelta(minutes=1)).date()
    day = times.days(begin.date(), last, language.locale)
    link = visit.origin + visit.link(
        drop=("last", "period"), from_=f"{begin:%Y-%m-%dT%H:%M}", to=f"{end:%Y-%m-%dT%H:%M}"
    )
    return _item(f"{title}, {day}: {', '.join(said)}", link, link, end)


def _item(title: str, link: str, guid: str, at: datetime | None) -> str:
    date = f"<pubDate>{format_datetime(at)}</pubDate>" if at else ""
    return (
        f"<item><title>{_text(title)}</title><link>{_text(link)}</link>"
        f'<guid isPermaLink="false">{_text(guid)}</guid>{date}</item>'
    )


def _text(text: str) -> str:
    """As XML can have it: no sign of control."""
    return escape("".join(c for c in text if c >= " " or c in "\t\n"), {'"': "&quot;"})
