"""A problem as bytes (problem+json, RFC 9457), for what is refused before or beside the routes.

What is refused and why is where it is raised.
"""

import json
from collections.abc import Sequence

from stats_assets.questions.problem import Problem

Headers = list[tuple[bytes, bytes]]


def refusal(problem: Problem, request_id: str, more: Sequence[tuple[str, str]] = ()) -> tuple[Headers, bytes]:
    """Headers and body of the response that says it."""
    said = {
        "type": f"/problems/{problem.name}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "parameter": problem.parameter,
        "try": problem.attempt,
        "request_id": request_id,
    }
    body = json.dumps(
        {name: value for name, value in said.items() if value is not None}, ensure_ascii=False
    ).encode()
    headers = [
        ("content-type", "application/problem+json"),
        ("content-length", str(len(body))),
        ("cache-control", "no-store"),
    ]
    if problem.retry_after is not None:
        headers.append(("retry-after", str(problem.retry_after)))
    return [(name.encode(), value.encode("latin-1", "replace")) for name, value in (*headers, *more)], body
