"""Forty days of a made world, filled at once: 1.6 million changesets, as a database has them whose roll-ups are whole.

Facts, changesets and links are forty_days.sql's; here, all that is summed up of them. Measuring is api.py's.
"""

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
    "country": "SELECT country AS owner_id, f.* FROM facts AS f JOIN made USING (changeset_id), unnest(countries) AS country",
}


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


def _sums(owned: str, by: str) -> str:
    return f"""(
        SELECT owner_id, {by}, count(DISTINCT changeset_id) AS changesets, count(DISTINCT user_id) AS users, sum(edits) AS edits
        FROM ({owned}) AS o GROUP BY owner_id, {by}
    ) AS sums JOIN {_objects(owned, by)}"""  # noqa: S608 - constants


PEOPLE = """
INSERT INTO people_days
SELECT '{clock}', '{owner}', owner_id, {day}, user_id, count(DISTINCT changeset_id), sum(edits),
    lag({day}) OVER (PARTITION BY owner_id, user_id ORDER BY {day})
FROM ({owned}) AS o GROUP BY owner_id, {day}, user_id
"""
UPLOADED, COUNTED = "(begins AT TIME ZONE 'UTC')::date", "(counted_at AT TIME ZONE 'UTC')::date"


def fill(connection: Connection, size: int) -> None:
    """All tables of so many changesets."""
    connection.execute(
        "SET statement_timeout = 0; SET work_mem = '512MB'; SET maintenance_work_mem = '512MB'"
    )
    connection.execute("SET synchronous_commit = off; SET enable_nestloop = off; SET jit = off")
    make_partitions(connection, FIRST, FIRST + MINUTES + 2_000)
    connection.execute((HERE / "forty_days.sql").read_text().replace(":size", str(size)).encode())
    for owner, owned in OWNED.items():
        told = connection.execute
        told(
            f"INSERT INTO uploads SELECT changeset_id, '{owner}', owner_id, sequence, user_id, edits, before"  # noqa: S608
            f" FROM ({owned}) AS o ORDER BY changeset_id, owner_id, sequence".encode()
        )
        for minutes, by in ((1440, "begins"), *(() if owner == "user" else ((15, "quarter"),))):
            told(
                f"INSERT INTO upload_sums SELECT '{owner}', owner_id, {minutes}, {by}, changesets, users, edits, counts,"  # noqa: S608
                f" measurements FROM {_sums(owned, by)}".encode()
            )
        by_day = f"SELECT *, {COUNTED} AS day, 0 AS everything FROM ({owned}) AS o"  # noqa: S608
        told(
            f"INSERT INTO aggregate_days SELECT '{owner}', owner_id, day, changesets, edits, counts, measurements, now()"  # noqa: S608
            f" FROM {_sums(by_day, 'day')}".encode()
        )
        told(
            f"INSERT INTO aggregates SELECT '{owner}', owner_id, 0, changesets, edits, counts, measurements, now()"  # noqa: S608
            f" FROM {_sums(by_day, 'everything')}".encode()
        )
        if owner != "user":
            for clock, day in (("upload", UPLOADED), ("changeset", COUNTED)):
                told(PEOPLE.format(clock=clock, owner=owner, day=day, owned=owned).encode())
            told(
                f"INSERT INTO aggregate_keys SELECT '{owner}', owner_id, 'user', user_id, '', count(DISTINCT changeset_id),"  # noqa: S608
                f" sum(edits) FROM ({owned}) AS o WHERE '{owner}' <> 'world' GROUP BY owner_id, user_id".encode()
            )
        tell(f"  {owner}")
    connection.execute("UPDATE roll_ups SET whole = true")
    connection.execute("DROP TABLE facts, made, shape_keys")
    connection.execute("VACUUM ANALYZE")
    connection.execute("RESET ALL")


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
