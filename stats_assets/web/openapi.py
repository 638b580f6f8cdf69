"""What /openapi.json says of the API, and the page that shows it: from questions/parameters.py."""

from html import escape
from typing import Any

from stats_assets.questions.parameters import ALL, OF_KIND

SAYS = {
    "totals": "All numbers of a window.",
    "series": "A window in steps of time.",
    "leaderboard": "Ranks of users, hashtags, countries or editors.",
    "changesets": "The changesets behind a question, newest first.",
    "newcomers": "Who is new to a hashtag or country.",
    "search": "Hashtags, users and countries by their beginning, or nearly.",
    "trending": "The hashtags with most people; by default of 24 hours.",
    "coverage": "How far both feeds are, and which minutes are missing or doubtful.",
    "definitions": "What is counted: categories, columns, the definitions' hash.",
    "badges": "The milestones of a user.",
    "live": "A running window as server-sent events.",
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/regions-do-not-add"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "parameter": {"type": "string", "description": "The parameter that is refused."},
        "try": {"type": "string", "description": "An address that works."},
        "request_id": {"type": "string"},
    },
}
_REFUSED = {
    400: "A parameter that can't be used.",
    404: "No such user, country or question.",
    406: "Nothing of what is accepted can be sent.",
    422: "It can't be answered so: `try` can.",
    429: "Too much was asked from this address: Retry-After.",
    503: "It can't be counted now: Retry-After.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The answer.", "content": {"application/json": {"schema": {"type": "object"}}}},
    304: {"description": "It is what the client has (If-None-Match)."},
    **{
        status: {"description": says, "content": {"application/problem+json": {"schema": _PROBLEM}}}
        for status, says in _REFUSED.items()
    },
}


def operation(kind: str) -> dict[str, Any]:
    """A kind's summary and parameters."""
    found = [_parameter(name) for name in OF_KIND[kind]]
    if kind == "badges":
        found = [
            {
                "name": "uid",
                "in": "path",
                "required": True,
                "description": "The user's id.",
                "schema": {"type": "string"},
            }
        ]
    return {"summary": SAYS[kind], "parameters": found}


def _parameter(name: str) -> dict[str, Any]:
    one = ALL[name]
    item: dict[str, Any] = {"type": "string"}
    if one.choices:
        item["enum"] = list(one.choices)
    if one.default is not None:
        item["default"] = one.default
    many = one.most > 1
    found: dict[str, Any] = {
        "name": name,
        "in": "query",
        "required": name == "q",
        "description": one.says,
        "schema": {"type": "array", "items": item, "maxItems": one.most} if many else item,
    }
    if one.example:
        found["example"] = [one.example] if many else one.example
    return {**found, **({"style": "form", "explode": True} if many else {})}


def page() -> str:
    """The kinds and their parameters, for people."""
    rows = "".join(
        f"<h2><code>GET /api/v1/{kind}{'/{uid}' if kind == 'badges' else ''}</code></h2><p>{escape(SAYS[kind])}</p>"
        + (_table(names) if names else "")
        for kind, names in OF_KIND.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><style>'
        "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:auto;padding:1rem;color-scheme:light dark}"
        "table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;"
        "border-bottom:1px solid #8886;overflow-wrap:anywhere}</style></head><body><main><h1>API</h1>"
        '<p>Numbers are exact decimals. <a href="/openapi.json">openapi.json</a> says the same to programs.</p>'
        f"{rows}</main></body></html>"
    )


def _table(names: tuple[str, ...]) -> str:
    cells = "".join(
        f'<tr><th scope="row"><code>{escape(name)}</code></th><td>{escape(ALL[name].says)}</td>'
        f"<td>{escape(ALL[name].default or '')}</td></tr>"
        for name in names
    )
    return (
        '<table><thead><tr><th scope="col">Parameter</th><th scope="col">What it says</th>'
        f'<th scope="col">Default</th></tr></thead><tbody>{cells}</tbody></table>'
    )
