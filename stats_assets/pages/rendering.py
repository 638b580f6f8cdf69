"""A page as HTML: the templates, by Jinja2, in a visit's language, everything escaped."""

import json
from functools import cache
from hashlib import sha256
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined

from stats_assets.pages import shown
from stats_assets.pages.embedding import embedding
from stats_assets.pages.page import Page
from stats_assets.pages.visit import Visit
from stats_assets.texts.language import ENDONYMS, LANGUAGES, name


def rendered(page: Page, visit: Visit) -> str:
    """The whole document."""
    own = visit.language

    def forms(key: str) -> str:
        """A sentence's plurals, for what counts on in the browser."""
        text = own.texts[key]
        return json.dumps({"other": text} if isinstance(text, str) else dict(text), ensure_ascii=False)

    return (
        _environment()
        .get_template(page.template)
        .render(
            page=page,
            visit=visit,
            language=own,
            t=own.say,
            name=name,
            forms=forms,
            heading=lambda column: shown.heading(column, own),
            static=static,
            embedding=embedding(page, visit),
            languages=[(code, ENDONYMS[code], visit.link(lang=code)) for code in LANGUAGES],
            **page.told,
        )
    )


@cache
def static(file: str) -> str:
    """The address of a static file, which changes with what is in it."""
    return f"/static/{file}?{sha256(content_of(file)).hexdigest()[:12]}"


@cache
def content_of(file: str) -> bytes:
    """A static file. Raises FileNotFoundError."""
    if file not in files():
        raise FileNotFoundError(file)
    return resources.files(__package__).joinpath("static", file).read_bytes()


@cache
def files() -> frozenset[str]:
    """The names of static files."""
    return frozenset(one.name for one in resources.files(__package__).joinpath("static").iterdir())


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("stats_assets.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
