"""What other sites need to show a page of numbers: its picture, card and feed, and texts to paste.

Whatever a title holds, it is a title there, too: in HTML, Markdown and wikitext.
"""

import re
from collections.abc import Mapping
from html import escape

from stats_assets.pages.page import Page
from stats_assets.pages.visit import Visit, address

PATHS = ("/h/", "/u/", "/uid/", "/c/")
WIDTH, HEIGHT = 600, 315
"""Of a card."""
_PAGES_OWN = ("view", "metric", "columns", "after", "limit", "by")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#&!|])")
_WIKI = re.compile(r"[\[\]{}|<>'=~&]")


def embedding(page: Page, visit: Visit) -> Mapping[str, str] | None:
    """Addresses for the head of a page of numbers; None for all others."""
    if page.window is None or not visit.path.startswith(PATHS):
        return None
    path = visit.path.removesuffix("/live")
    here = visit.origin + visit.link(path, drop=_PAGES_OWN)
    return {
        "here": here,
        "picture": visit.origin + visit.link(f"{path}.png", drop=_PAGES_OWN),
        "feed": visit.origin + visit.link(f"{path}.rss", drop=(*_PAGES_OWN, "team", "target", "title")),
        "oembed": visit.origin + address("/oembed", [("url", here), ("format", "json")]),
        "description": f"{page.window.words().striptags()} · {page.window.date()}".rstrip(" ·"),
    }


def frame(card: str, title: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    """A card in another page's HTML."""
    return (
        f'<iframe src="{escape(card)}" title="{escape(title)}" width="{width}" height="{height}" loading="lazy"'
        ' style="border:0;max-width:100%"></iframe>'
    )


def snippets(visit: Visit, path: str, title: str) -> Mapping[str, str]:
    """Texts to paste: HTML, Markdown, wikitext."""
    here, picture = (visit.origin + visit.link(one, drop=_PAGES_OWN) for one in (path, f"{path}.png"))
    card = visit.origin + visit.link(f"/card{path}", drop=_PAGES_OWN)
    marked = _MARKDOWN.sub(r"\\\1", title)
    return {
        "html": frame(card, title),
        "markdown": f"[![{marked}]({_bracketed(picture)})]({_bracketed(here)})",
        "wiki": f"[{_bracketed(here)} {_WIKI.sub(_entity, title)}]",
    }


def _bracketed(link: str) -> str:
    """An address whose brackets end nothing."""
    return (
        link.replace("(", "%28")
        .replace(")", "%29")
        .replace("[", "%5B")
        .replace("]", "%5D")
        .replace("'", "%27")
    )


def _entity(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"
