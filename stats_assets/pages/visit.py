"""A visit: who asks what in which language, by the address alone, and addresses of what is next to it.

All state of a page is in its address. What a parameter means is questions/'s.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from stats_assets.questions.answer import Answer, Given, Kind
from stats_assets.questions.parameters import OF_KIND
from stats_assets.questions.problem import Problem
from stats_assets.questions.question import Asked
from stats_assets.texts.language import Language

Ask = Callable[[Kind, Given, Mapping[str, str] | None], Answer]
Content = Mapping[str, Any]
WINDOW = ("from", "to", "last", "period")
FILTERS = ("also", "user", "country", "clock", "editor", "category", "kind")
SHARED = (*WINDOW, "tz", *FILTERS)
"""What a page hands on to every question."""
OURS = (
    "by",
    "metric",
    "columns",
    "limit",
    "after",
    "q",
    "lang",
    "team",
    "target",
    "view",
    "title",
    "names",
    "rows",
)
"""What a page reads itself."""


@dataclass(frozen=True)
class Found:
    """What a block shows: an answer's content, or why there is none."""

    content: Content
    problem: Problem | None = None

    def __bool__(self) -> bool:
        return self.problem is None


@dataclass(frozen=True)
class Visit:
    """`path` is decoded and begins with a slash; `origin` is `https://host`, as the visitor knows it."""

    ask: Ask
    language: Language
    path: str
    query: Given = ()
    origin: str = ""
    people: bool = True
    """Whether people have pages here."""

    def first(self, name: str, otherwise: str = "") -> str:
        """A parameter's value, where it is given."""
        return next((value for key, value in self.query if key == name), otherwise)

    def all(self, name: str) -> Sequence[str]:
        """All values of a parameter."""
        return [value for key, value in self.query if key == name]

    def shared(self, kind: Asked) -> Given:
        """Of the parameters that every question of this page has, those that this kind knows."""
        return [(key, value) for key, value in self.query if key in SHARED and key in OF_KIND[kind]]

    @property
    def nameless(self) -> bool:
        """Whether nobody is to be named here: for schools."""
        return self.first("names") == "0"

    def content(self, kind: Kind, *given: tuple[str, str], shared: bool = True) -> Content:
        """An answer; what a page is of is said by the page alone. Raises Problem."""
        own = {key for key, _ in given}
        more = [one for one in self.shared(kind) if one[0] not in own] if shared else ()
        content = self.ask(kind, [*given, *more], None).content
        if "apart" in content:
            raise Problem(
                "regions-do-not-add",
                "Countries cannot be added together",
                "A page is of one country at most: leave the others out.",
                status=422,
                parameter="country",
            )
        return content

    def found(self, kind: Kind, *given: tuple[str, str], shared: bool = True) -> Found:
        """An answer for a block that may fail alone."""
        try:
            return Found(self.content(kind, *given, shared=shared))
        except Problem as problem:
            return Found({}, problem)

    def at(self, query: Given) -> "Visit":
        """The same page with other parameters."""
        return replace(self, query=query)

    def link(self, path: str | None = None, *, drop: Sequence[str] = (), **changes: str | None) -> str:
        """This address with some parameters changed (None: without it). `from_` is `from`."""
        named = {name.rstrip("_"): value for name, value in changes.items()}
        kept = [(key, value) for key, value in self.query if key not in named and key not in drop]
        kept += [(key, value) for key, value in named.items() if value is not None]
        return address(self.path if path is None else path, kept)

    def elsewhere(self, path: str, *given: tuple[str, str]) -> str:
        """Another page in the same language and zone."""
        kept = [(key, value) for key, value in self.query if key in ("lang", "tz")]
        return address(path, [*kept, *given])

    def window_to(self, path: str, *given: tuple[str, str]) -> str:
        """Another page with the same window."""
        return self.elsewhere(path, *((key, value) for key, value in self.query if key in WINDOW), *given)


def address(path: str, query: Given) -> str:
    """A path and its parameters, encoded; always of this host, as two slashes would begin another's name."""
    text = urlencode(query, quote_via=quote, safe=":,")
    return quote("/" + path.lstrip("/"), safe="/;,:@!$&'()*+=~") + (f"?{text}" if text else "")


def hashtag_path(tags: Sequence[str], together: bool = True) -> str:
    """`/h/A;B`, side by side `/h/A,B`."""
    return "/h/" + (";" if together else ",").join(tags)


def user_path(user_id: int | None, name: str | None) -> str:
    """A person's page: by the id, which lasts."""
    return f"/uid/{user_id}" if user_id is not None else f"/u/{name}"
