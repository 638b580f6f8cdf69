"""What a minute costs the statistics, at each size of history, beside OSMesa's way: python -m benchmarks.aggregates

Databases of 100 k, 400 k and 1.6 M changesets with heavy users and hashtags (synthetic.sql), in one temporary embedded
PostgreSQL. A batch of 60 changesets, half new and half edited again, is applied by us, and by refreshing four
materialized views (osmesa_views.sql). Not here: assertions; speed belongs into no test.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psycopg

from stats_assets.database.connection import connect
from stats_assets.database.embedded import embedded_url
from stats_assets.database.fact_partitions import make_partitions
from stats_assets.database.migrations import migrate
from stats_assets.database.passes import sample
from stats_assets.database.statistics import apply_queue, save_countries

BATCH = 60
HERE = Path(__file__).parent
VIEWS = ("user_statistics", "hashtag_statistics", "hashtag_user_statistics", "country_statistics")
DRAWN = "CREATE TEMPORARY TABLE drawn_now AS SELECT * FROM drawn(%(first)s, %(last)s, %(users)s, %(tags)s, 0)"
FILL = """
INSERT INTO users (id, name) SELECT DISTINCT user_id, 'user ' || user_id FROM drawn_now ON CONFLICT DO NOTHING;
INSERT INTO changeset_edits
SELECT sequence, id, user_id, at, total, counts, measurements FROM drawn_now;
INSERT INTO changeset_edits_countries
SELECT sequence, id, region, total, counts, measurements FROM drawn_now, unnest(regions) AS region;
INSERT INTO changeset_metadata (changeset_id, sequence, user_id, created_at, closed_at, closed_sequence, open, editor,
    hashtags)
SELECT id, 1, user_id, at, at, 1, false, editor, hashtags FROM drawn_now;
"""
APPLIED = """
INSERT INTO changesets (id, measurements, counts, total_edits, editor, user_id, created_at, closed_at, augmented_diffs,
    updated_at, open, edited_at)
SELECT id, measurements, counts, total, editor, user_id, at, at, ARRAY[sequence], now(), false, at FROM drawn_now;
INSERT INTO changesets_countries
SELECT d.id, c.id, total, ARRAY[sequence], counts, measurements, at
FROM (SELECT *, unnest(regions) AS region FROM drawn_now) AS d JOIN countries AS c ON c.code = region;
INSERT INTO hashtags (hashtag) SELECT DISTINCT unnest(hashtags) FROM drawn_now;
INSERT INTO changesets_hashtags (changeset_id, hashtag_id, user_id, counted_at)
SELECT d.id, h.id, d.user_id, d.at
FROM (SELECT id, user_id, at, unnest(hashtags) AS tag FROM drawn_now) AS d JOIN hashtags AS h ON h.hashtag = tag;
"""
AGAIN = """
WITH edited AS (
    SELECT d.* FROM unnest(%(ids)s::bigint[]) AS n, drawn(n, n, %(users)s, %(tags)s, %(again)s) AS d
), facts AS (
    INSERT INTO changeset_edits SELECT %(sequence)s, id, user_id, at, total, counts, measurements FROM edited
), parts AS (
    INSERT INTO changeset_edits_countries
    SELECT %(sequence)s, id, region, total, counts, measurements FROM edited, unnest(regions) AS region
)
INSERT INTO statistics_queue (changeset_id, sequence) SELECT id, %(sequence)s FROM edited
"""
METADATA = """
INSERT INTO changeset_metadata (changeset_id, sequence, user_id, created_at, closed_at, closed_sequence, open, editor,
    hashtags)
SELECT d.id, 1, user_id, at, at, 1, false, editor, hashtags
FROM unnest(%(ids)s::bigint[]) AS n, drawn(n, n, %(users)s, %(tags)s, 0) AS d WHERE d.id > %(size)s
"""
QUESTIONS = {
    "heaviest user's row": "SELECT * FROM user_statistics WHERE id = 2",
    "heaviest hashtag's row": "SELECT * FROM hashtag_statistics WHERE tag = 'heavy'",
    "a country's row": "SELECT * FROM country_statistics WHERE country_code = 'C0'",
    "a week of the heaviest hashtag": "SELECT * FROM hashtag_days WHERE hashtag = 'heavy'"
    " AND day BETWEEN '2020-05-01' AND '2020-05-07'",
    "a page of users": "SELECT id, name, edit_count FROM user_statistics ORDER BY id LIMIT 25 OFFSET 500",
}


def say(text: str) -> None:
    print(text, flush=True)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class History:
    """A database of one size."""

    def __init__(self, url: str, size: int) -> None:
        self.url, self.size, self.sequence = url, size, size // 60 + 10_000
        self.drawing = {"users": size // 20, "tags": size // 200, "size": size}
        migrate(url)
        self.connection = connect(url)
        self.ours: list[float] = []
        self.osmesa: list[float] = []

    def fill(self) -> None:
        connection = self.connection
        connection.execute("SET statement_timeout = 0; SET maintenance_work_mem = '512MB'")
        make_partitions(connection, 0, self.sequence + 10_000)
        save_countries(connection, {f"C{n}": f"Country {n}" for n in range(300)})
        connection.execute((HERE / "synthetic.sql").read_bytes())
        connection.execute(DRAWN, {**self.drawing, "first": 1, "last": self.size})
        connection.execute((FILL + APPLIED).encode())
        fill = files("stats_assets.database") / "sql" / "fill_aggregates.sql"
        with connection.transaction():
            connection.execute("SET LOCAL work_mem = '1GB'")
            connection.execute(fill.read_bytes())
        connection.execute("DROP TABLE drawn_now")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")

    def make_views(self) -> None:
        self.connection.execute((HERE / "osmesa_views.sql").read_bytes())
        self.connection.execute("SET search_path = public")
        self.connection.execute("VACUUM ANALYZE")

    def batch(self, number: int) -> None:
        """Half of the changesets are new, half are edited again; of each half a tenth is the heaviest user's."""
        connection, half = self.connection, BATCH // 2
        step = self.size // (half * 1000)
        ids = [self.size + number * half + i for i in range(1, half + 1)]
        ids += [(i * 1000 + number) * step + 1 for i in range(half)]
        self.sequence += 1
        given = {**self.drawing, "ids": ids, "sequence": self.sequence, "again": 1 + number % 3}
        connection.execute(METADATA, given)
        connection.execute(AGAIN, given)
        self.ours.append(timed(lambda: apply_queue(connection)))

    def refresh(self) -> None:
        """The four at once, as OSMesa's script does."""

        def refresh_one(view: str) -> None:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"REFRESH MATERIALIZED VIEW CONCURRENTLY osmesa_like.{view}".encode())

        def all_of_them() -> None:
            with ThreadPoolExecutor(len(VIEWS)) as pool:
                list(pool.map(refresh_one, VIEWS))

        self.osmesa.append(timed(all_of_them))

    def differences(self) -> int:
        return len(sample(self.connection).differences)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, measure in turns, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.aggregates", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 400_000, 1_600_000])
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--refreshes", type=int, default=2)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="stats-assets-bench-") as folder:
        Path(folder).chmod(0o755)
        server = embedded_url(Path(folder), grace=1)
        histories = []
        for size in options.sizes:
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE bench_{size}".encode())
            histories.append(History(urlsplit(server)._replace(path=f"/bench_{size}").geturl(), size))
            say(f"{size:>9,} changesets made in {timed(histories[-1].fill):.0f} s")
        for number in range(options.batches):
            for history in histories:
                history.batch(number)
        for history in histories:
            say(
                f"{history.size:>9,}: {history.differences()} differences in a sample after {options.batches} batches"
            )
        for history in histories if options.refreshes else []:
            say(f"{history.size:>9,}: views made in {timed(history.make_views):.0f} s")
            for number in range(options.refreshes):
                history.batch(options.batches + number)
                history.refresh()
        report(histories, warm=min(5, options.batches // 2), batches=options.batches)


def report(histories: Sequence[History], warm: int, batches: int) -> None:
    """A table a person can put into a document; the first batches, with cold caches, are left out."""
    first = median(histories[0].ours[warm:batches])
    say("\n| changesets | our batch | to the first | four views | ratio |\n|---|---|---|---|---|")
    for history in histories:
        ours = median(history.ours[warm:batches])
        views = (
            f"{median(history.osmesa):.1f} s | {median(history.osmesa) / ours:.0f}" if history.osmesa else "|"
        )
        say(f"| {history.size:,} | {ours * 1000:.0f} ms | {ours / first:.2f} | {views} |")
    say("\n| question, in ms | " + " | ".join(f"{history.size:,}" for history in histories) + " |")
    say("|---" * (len(histories) + 1) + "|")
    for name, query in QUESTIONS.items():
        answers = [
            median(timed(lambda: history.connection.execute(query).fetchall()) for _ in range(9))  # noqa: B023
            for history in histories
        ]
        say(f"| {name} | " + " | ".join(f"{answer * 1000:.1f}" for answer in answers) + " |")


if __name__ == "__main__":
    main()
