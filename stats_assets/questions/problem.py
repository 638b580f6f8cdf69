"""A question that is not answered: why, and what could be asked in its place (problem+json, RFC 9457).

How it is sent is web/refusals.py's.
"""

from stats_assets.mendable import Mendable


class Problem(Mendable):
    """A refusal in words. `name` is the last part of its type (`/problems/NAME`), `attempt` a URL that works."""

    def __init__(
        self,
        name: str,
        title: str,
        detail: str,
        *,
        status: int = 400,
        parameter: str | None = None,
        attempt: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.name, self.title, self.detail, self.status = name, title, detail, status
        self.parameter, self.attempt, self.retry_after = parameter, attempt, retry_after
