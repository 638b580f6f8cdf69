"""Whether anything has changed that an answer could tell: asked again and again, so that answers need not be."""

from stats_assets.database.connection import Connection

_MOVEMENT = """
SELECT array_agg(coalesce(checkpoint, -1) ORDER BY stream)::text, (SELECT max(updated_at) FROM refreshments),
    (SELECT max(id) FROM statistics_queue), (SELECT count(*) FROM hidden_people), (SELECT max(since) FROM hidden_people)
FROM streams
"""


def movement(connection: Connection) -> tuple[object, ...]:
    """Another one when numbers, how far they reach, or who is hidden have changed."""
    row = connection.execute(_MOVEMENT).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always answers
    return row
