"""A question's answer as a table, for who sends or writes one: of rows, or all changesets as they come."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice

from stats_assets.database.answers.every_changeset import Stream, every_changeset
from stats_assets.exports.columns import asked_of, left_out
from stats_assets.exports.table import Table, stream_of, table_of
from stats_assets.questions import people
from stats_assets.questions.answer import Answer, Value
from stats_assets.questions.problem import Problem
from stats_assets.web.counting import counting_of
from stats_assets.web.queries import Asked
from stats_assets.web.serving import Serving


def is_stream(asked: Asked) -> bool:
    """Whether it is all changesets, rather than a page of rows."""
    return asked.kind == "changesets" and not any(name in ("limit", "after") for name, _ in asked.given)


def whole(serving: Serving, asked: Asked) -> tuple[Table, Answer]:
    """The table of an answer, and the answer. Raises Problem."""
    answer = serving.answer(asked.kind, asked_of(asked.kind, asked.given), asked.path)
    return table_of(answer, left_out(asked.kind, asked.given)), answer


@contextmanager
def streamed(serving: Serving, asked: Asked, seconds: float) -> Iterator[Table]:
    """All changesets, read as they are taken, for so long. Raises Problem: at once what is refused."""
    people.check(serving.people, "changesets", asked.given)
    if not serving.streams.acquire(blocking=False):
        raise Problem(
            "busy",
            "Too many exports at once",
            "As many exports are sent as this server can. Try again in 30 s.",
            status=503,
            retry_after=30,
        )
    try:
        question = asked_of("changesets", asked.given)
        with every_changeset(serving.pool, counting_of(serving.settings), question) as stream:
            rows = _shown(serving, stream, time.monotonic() + seconds)
            first = list(islice(rows, 1))
            left = left_out("changesets", asked.given)
            yield stream_of(stream.about, stream.columns, chain(first, rows), left)
    finally:
        serving.streams.release()


def _shown(serving: Serving, stream: Stream, until: float) -> Iterator[dict[str, Value]]:
    for row in stream.rows:
        if time.monotonic() > until:
            raise Problem("too-slow", "This takes too long", "An export is cut off here.", status=503)
        shown = people.shown(serving.people, "changesets", {"row": row})["row"]
        assert isinstance(shown, dict)  # noqa: S101 - as it was
        yield shown
