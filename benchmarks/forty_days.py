"""Forty days of a made world, filled at once: 1.6 million changesets, as a database has them whose roll-ups are whole.

Facts, changesets and links are forty_days.sql's; here, all that is summed up of them. Measuring is api.py's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg

from benchmarks.aggregates import HERE, seconds, tell
from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.migrations import migrate

FIRST, MINUTES = 6_500_000, 57_600
OWNED = {
    "world": "SELECT 0::bigint AS owner_id, f.* FROM facts AS f",
    "user": "SELECT user_id AS owner_id, f.* FROM facts AS f",
    "hashtag": "SELECT hashtag_id AS owner_id, f.* FROM facts AS f JOIN changesets_hashtags USING (changeset_id)",
    "union": "SELECT union_id AS owner_id, f.* FROM facts AS f JOIN changesets_unions USING (changeset_id)",
    "country": "SELECT country AS owner_id, f.* FROM facts AS f JOIN made USING (changeset_id),"
    " unnest(countries) AS country",
}
_HASHTAGS = "changesets_hashtags AS l USING (changeset_id) JOIN hashtags AS h ON h.id = l.hashtag_id"
KEYS = {
    ("user", "editor"): ("o.owner_id, 0, editor", "JOIN made USING (changeset_id)"),
    ("user", "country"): (
        "o.owner_id, 0, 'C' || country",
        "JOIN made USING (changeset_id), unnest(countries) AS country",
    ),
    ("user", "hashtag"): ("o.owner_id, 0, hashtag", f"JOIN {_HASHTAGS}"),
    ("country", "hashtag"): ("o.owner_id, 0, hashtag", f"JOIN {_HASHTAGS}"),
    **{(owner, "user"): ("o.owner_id, o.user_id, ''", "") for owner in ("hashtag", "union", "country")},
}
"""An owner's breakdowns: id and key, and where they are found."""


def _objects(owned: str, by: str) -> str:
    """Sums of a shape are its numbers, so often: what is grouped is few."""
    return f"""(
        SELECT owner_id, {by}, coalesce(jsonb_object_agg(key, total) FILTER (WHERE NOT measured), '{{}}') AS counts,
            coalesce(jsonb_object_agg(key, total) FILTER (WHERE measured), '{{}}') AS measurements
        FROM (
            SELECT owner_id, {by}, measured, key, trim_scale(sum(number * value)) AS total
            FROM (SELECT owner_id, {by}, shape, count(*) AS number FROM ({owned}) AS o GROUP BY 1, 2, 3) AS g
            JOIN shape_keys USING (shape) GROUP BY owner_id, {by}, measured, key
        ) AS sums GROUP BY owner_id, {by}
    ) AS objects USING (owner_id, {by})"""  # noqa: S608 - constants


def _sums(owned: str, by: str, more: str = "") -> str:
    return f"""(
        SELECT owner_id, {by}, count(DISTINCT changeset_id) AS changesets, count(DISTINCT user_id) AS users,
            sum(edits) AS edits{more}
        FROM ({owned}) AS o GROUP BY owner_id, {by}
    ) AS sums JOIN {_objects(owned, by)}"""  # noqa: S608 - constants


PEOPLE = """
INSERT INTO people_days
SELECT '{owner}', owner_id, {day}, user_id, count(DISTINCT changeset_id), sum(edits),
    lag({day}) OVER (PARTITION BY owner_id, user_id ORDER BY {day})
FROM ({owned}) AS o GROUP BY owner_id, {day}, user_id
"""
UPLOADED, COUNTED = "(begins AT TIME ZONE 'UTC')::date", "(counted_at AT TIME ZONE 'UTC')::date"


def fill(connection: Connection, size: int) -> None:
    """All tables of so many changesets."""
    connection.execute(
        "SET statement_timeout = 0; SET work_mem = '512MB'; SET maintenance_work_mem = '512MB'"
    )
    connection.execute("SET synchronous_commit = off; SET jit = off")
    make_partitions(connection, FIRST, FIRST + MINUTES + 2_000)
    connection.execute(
        "CREATE UNLOGGED TABLE kept (owner text, owner_id bigint, member_id bigint, changesets bigint, edits bigint,"
        " counts jsonb, measurements jsonb)"
    )
    with _without_joins_by_row(connection):
        connection.execute((HERE / "forty_days.sql").read_text().replace(":size", str(size)).encode())
        for owner, owned in OWNED.items():
            for sql in _of_uploads(owner, owned):
                connection.execute(sql.encode())
            tell(f"  uploads of {owner}")
        for owner, owned in OWNED.items():
            if owner != "world":
                for sql in _of_changesets(owner, owned):
                    connection.execute(sql.encode())
    connection.execute("ANALYZE aggregate_keys, aggregate_days")
    for owner in OWNED:
        connection.execute(SHOWN, (owner,))
    tell("  aggregates")
    connection.execute("UPDATE roll_ups SET whole = true")
    connection.execute("DROP TABLE facts, made, shapes, shape_keys, kept")
    connection.execute("VACUUM ANALYZE")
    connection.execute("RESET ALL")


@contextmanager
def _without_joins_by_row(connection: Connection) -> Iterator[None]:
    """What is joined is all of the tables: hashing is quicker, which the planner does not always see."""
    connection.execute("SET enable_nestloop = off")
    yield
    connection.execute("RESET enable_nestloop")


def _of_uploads(owner: str, owned: str) -> Iterator[str]:
    yield (
        f"INSERT INTO uploads SELECT changeset_id, '{owner}', owner_id, sequence, user_id, edits, before"  # noqa: S608
        f" FROM ({owned}) AS o ORDER BY changeset_id, owner_id, sequence"
    )
    for minutes, by in ((1440, "begins"), *(() if owner == "user" else ((15, "quarter"),))):
        yield (
            f"INSERT INTO upload_sums SELECT '{owner}', owner_id, {minutes}, {by}, changesets, users,"  # noqa: S608
            f" edits, counts, measurements FROM {_sums(owned, by)}"
        )
    if owner != "user":
        yield PEOPLE.format(owner=owner, day=UPLOADED, owned=owned)


def _of_changesets(owner: str, owned: str) -> Iterator[str]:
    by_day = f"SELECT *, {COUNTED} AS day, 0 AS member_id FROM ({owned}) AS o"  # noqa: S608
    yield (
        f"INSERT INTO aggregate_days SELECT '{owner}', owner_id, day, changesets, edits, counts,"  # noqa: S608
        f" measurements, now() FROM {_sums(by_day, 'day')}"
    )
    for (of, measure), (key, joined) in KEYS.items():
        if of == owner:
            yield (
                f"INSERT INTO aggregate_keys SELECT '{owner}', owner_id, '{measure}', id, key,"  # noqa: S608
                f" count(DISTINCT changeset_id), sum(edits) FROM (SELECT {key},"
                f" o.changeset_id, o.edits FROM ({owned}) AS o {joined})"
                " AS k (owner_id, id, key, changeset_id, edits) GROUP BY owner_id, id, key"
            )
    times = ", min(counted_at) AS first_edit, max(counted_at) AS last_edit"
    yield (
        f"INSERT INTO kept SELECT '{owner}', owner_id, 0, changesets, edits, counts, measurements"  # noqa: S608
        f" FROM {_sums(by_day, 'member_id')}"
    )
    if owner == "hashtag":
        of_users = f"SELECT *, user_id AS member_id FROM ({owned}) AS o"  # noqa: S608
        yield (
            "INSERT INTO aggregates SELECT 'hashtag_user', owner_id, member_id, changesets, edits, counts,"  # noqa: S608
            f" measurements, now(), first_edit, last_edit FROM {_sums(of_users, 'member_id', times)}"
        )


SHOWN = """
INSERT INTO aggregates
SELECT k.owner, k.owner_id, 0, k.changesets, k.edits, k.counts, k.measurements, now(), b.*
FROM kept AS k CROSS JOIN LATERAL breakdowns_of(k.owner, k.owner_id, 0) AS b WHERE k.owner = %s
"""
"""Of an owner all that its row shows is looked up by its keys."""


def make(server: str, size: int, name: str = "forty_days") -> str:
    """A database of that name on the server; its URL."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    migrate(url)
    with connect(url) as connection:
        took = seconds(lambda: fill(connection, size))
    tell(f"{size:,} changesets: made in {took:.0f} s")
    return url
