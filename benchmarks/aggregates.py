"""What a minute costs the statistics, at each size of history, beside OSMesa's way: python -m benchmarks.aggregates

Databases of 100 k, 400 k and 1.6 M changesets (synthetic.sql) in one temporary embedded PostgreSQL, measured in turns:
a batch of 60 changesets, half new and half counted again, is applied by us; then by four refreshes (osmesa_views.sql).
Not here: assertions; speed belongs into no test.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psycopg

from stats_assets.database.connection import connect
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.migrations import migrate
from stats_assets.database.statistics.applier import apply_queue, save_countries
from stats_assets.database.statistics.passes import sample
from stats_assets.database.statistics.verification import compare
from stats_assets.embedded_postgres.access import embedded_url

HALF = 30  # of a batch; the heaviest user and hashtag have the same share of any 30 changesets in a row
COLD = 3  # batches after loading that do not count: they fill the caches
HERE = Path(__file__).parent
VIEWS = ("user_statistics", "hashtag_statistics", "hashtag_user_statistics", "country_statistics")
DRAW = "CREATE TEMPORARY TABLE now_drawn AS SELECT * FROM drawn(%(ids)s, %(size)s, %(again)s)"
EDITS = """
INSERT INTO changeset_edits
SELECT coalesce(%(sequence)s, sequence), id, user_id, at, total, counts, measurements FROM now_drawn
"""
EDITS_COUNTRIES = """
INSERT INTO changeset_edits_countries
SELECT coalesce(%(sequence)s, sequence), id, region, total, counts, measurements
FROM now_drawn, unnest(regions) AS region
"""
METADATA = """
INSERT INTO changeset_metadata (changeset_id, sequence, user_id, created_at, closed_at, closed_sequence, open, editor,
    hashtags)
SELECT id, 1, user_id, at, at, 1, false, editor, hashtags FROM now_drawn
ON CONFLICT DO NOTHING
"""
QUEUE = "INSERT INTO statistics_queue (changeset_id, sequence) SELECT id, %(sequence)s FROM now_drawn"
# As the applier would: it would take hours for 1.6 M.
APPLIED = """
INSERT INTO users (id, name) SELECT n, 'user ' || n FROM generate_series(2, %(size)s / 20 + 3) AS n;
INSERT INTO changesets (id, measurements, counts, total_edits, editor, user_id, created_at, closed_at, augmented_diffs,
    updated_at, open, edited_at)
SELECT id, measurements, counts, total, editor, user_id, at, at, ARRAY[sequence], now(), false, at FROM now_drawn;
INSERT INTO changesets_countries
SELECT d.id, c.id, total, ARRAY[sequence], counts, measurements, at
FROM now_drawn AS d, unnest(regions) AS region JOIN countries AS c ON c.code = region;
INSERT INTO hashtags (hashtag) SELECT DISTINCT unnest(hashtags) FROM now_drawn;
INSERT INTO changesets_hashtags (changeset_id, hashtag_id, tagged_by, tagged_at)
SELECT d.id, h.id, d.user_id, d.at
FROM now_drawn AS d, unnest(hashtags) AS tag JOIN hashtags AS h ON h.hashtag = tag;
"""
QUESTIONS = {
    "the heaviest user's row": "SELECT * FROM user_statistics WHERE id = 2",
    "the heaviest hashtag's row": "SELECT * FROM hashtag_statistics WHERE tag = 'heavy'",
    "the heaviest country's row": "SELECT * FROM country_statistics WHERE country_code = 'C0'",
    "a week of the heaviest hashtag": "SELECT * FROM hashtag_days WHERE hashtag = 'heavy'"
    " AND day BETWEEN '2020-05-01' AND '2020-05-07'",
}


def say(text: str) -> None:
    print(text, flush=True)


def tell(text: str) -> None:
    """On stderr: what is no part of a table."""
    print(text, file=sys.stderr, flush=True)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class History:
    """A database of one size. ours, osmesa: seconds of each batch, of each round of refreshes; each: its views'."""

    def __init__(self, url: str, size: int) -> None:
        self.url, self.size, self.batches, self.random = url, size, 0, random.Random(size)  # noqa: S311
        self.ours: list[float] = []
        self.osmesa: list[float] = []
        self.each: dict[str, float] = {}
        migrate(url)
        self.connection = connect(url)

    def fill(self) -> None:
        connection = self.connection
        connection.execute(
            "SET statement_timeout = 0; SET work_mem = '1GB'; SET maintenance_work_mem = '512MB'"
        )
        make_partitions(connection, 0, self.size // 60 + 100_000)
        save_countries(connection, {f"C{n}": f"Country {n}" for n in range(300)})
        connection.execute((HERE / "synthetic.sql").read_bytes())
        self._facts(list(range(1, self.size + 1)), 0, None)
        for statement in APPLIED.strip().split(";\n"):
            connection.execute(statement.encode(), {"size": self.size})
        connection.execute("ANALYZE")
        with connection.transaction():
            connection.execute((HERE / "fill.sql").read_bytes())
        connection.execute("DROP TABLE now_drawn")
        connection.execute("VACUUM ANALYZE")
        with suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute("CHECKPOINT")
        connection.execute("RESET ALL")

    def _facts(self, ids: Sequence[int], again: int, sequence: int | None) -> None:
        given = {"ids": ids, "size": self.size, "again": again, "sequence": sequence}
        self.connection.execute(DRAW, given)
        for statement in (EDITS, EDITS_COUNTRIES, METADATA, *([QUEUE] if sequence else [])):
            self.connection.execute(statement, given)

    def batch(self) -> None:
        """The next 30 changesets, and 30 of all times that a later minute has edited again."""
        old = [self.random.randrange(self.size // HALF) * HALF + i for i in range(1, HALF + 1)]
        new = self.size + self.batches * HALF
        sequence = new // 60 + 50_000 + self.batches
        for ids, again in ((list(range(new + 1, new + HALF + 1)), 0), (old, 1 + self.batches % 5)):
            self._facts(ids, again, sequence)
            self.connection.execute("DROP TABLE now_drawn")
        self.batches += 1
        self.ours.append(seconds(lambda: apply_queue(self.connection)))
        self._check(len(sample(self.connection).differences))

    def make_views(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute((HERE / "osmesa_views.sql").read_bytes())
            connection.execute("VACUUM ANALYZE")

    def refresh(self) -> None:
        """The four at once, as OSMesa's script does."""

        def refresh_one(view: str) -> float:
            with psycopg.connect(self.url, autocommit=True) as connection:
                sql = f"REFRESH MATERIALIZED VIEW CONCURRENTLY osmesa_like.{view}"
                return seconds(lambda: connection.execute(sql.encode()))

        def all_of_them() -> None:
            with ThreadPoolExecutor(len(VIEWS)) as pool:
                self.each = dict(zip(VIEWS, pool.map(refresh_one, VIEWS), strict=True))

        self.osmesa.append(seconds(all_of_them))

    def check_heaviest(self) -> None:
        """What the batches wrote, changesets and all that the heaviest owners have, against the facts."""
        rows = self.connection.execute("SELECT id FROM hashtags WHERE hashtag = 'heavy'").fetchall()
        heavy = [("user", 2), *(("hashtag", row[0]) for row in rows)]
        for part, first, size in (*((part, a, 1) for part, a in heavy), ("changesets", self.size + 1, 10**6)):
            self._check(len(compare(self.connection, part, first, size).differences))

    def _check(self, differences: int) -> None:
        if differences:
            say(f"{self.size:>9,} WRONG: {differences} differences after batch {self.batches}")


@contextmanager
def temporary_server() -> Iterator[str]:
    """An embedded server of its own: its URL."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root, the server is another user's
        yield embedded_url(Path(folder), grace=1)


@contextmanager
def filled_history(size: int) -> Iterator[History]:
    """A history of so many changesets, in a server of its own; how long it took goes to stderr."""
    with temporary_server() as server:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute("CREATE DATABASE bench")
        history = History(urlsplit(server)._replace(path="/bench").geturl(), size)
        took = seconds(history.fill)
        tell(f"{size:,} changesets, {megabytes(history):,.0f} MB: made in {took:.0f} s")
        yield history
        history.connection.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, measure in turns, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 400_000, 1_600_000])
    parser.add_argument("--batches", type=int, default=40, help="of each size (40)")
    parser.add_argument("--refreshes", type=int, default=2, help="rounds of the four views, each size (2)")
    parser.add_argument("--skip-osmesa", action="store_true", help="no views")
    given = parser.parse_args(arguments)
    with temporary_server() as server:
        histories: list[History] = []
        for size in given.sizes:
            with psycopg.connect(server, autocommit=True) as admin:
                settings = ("server_version", "shared_buffers", "work_mem", "fsync")
                shown = (admin.execute(f"SHOW {name}".encode()).fetchone() for name in settings)
                about = ", ".join(
                    f"{name} {row[0]}" for name, row in zip(settings, shown, strict=True) if row
                )
                admin.execute(f"CREATE DATABASE bench_{size}".encode())
            if not histories:
                say(about)
            histories.append(History(urlsplit(server)._replace(path=f"/bench_{size}").geturl(), size))
            took = seconds(histories[-1].fill)
            say(f"{size:>9,} changesets, {megabytes(histories[-1]):,.0f} MB: made in {took:.0f} s")
        for number in range(COLD + given.batches):
            for history in histories:
                history.batch()
            say(f"batch {number + 1:3}, ms: " + ratios([history.ours[-1] for history in histories]))
        for history in histories:
            history.check_heaviest()
        for history in [] if given.skip_osmesa else histories:
            say(f"{history.size:>9,}: views made in {seconds(history.make_views):.0f} s")
            for _ in range(given.refreshes):
                history.batch()
                history.refresh()
                each = ", ".join(f"{view} {took:.1f}" for view, took in history.each.items())
                say(f"{history.size:>9,}: refreshed in {history.osmesa[-1]:.1f} s: {each}")
        report(histories, slice(COLD, COLD + given.batches))
        for history in histories:
            history.connection.close()


def megabytes(history: History) -> float:
    row = history.connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return row[0] / 1e6 if row else 0.0


def ratios(times: Sequence[float]) -> str:
    return " ".join(f"{took * 1000:8.0f} ({took / times[0]:.2f})" for took in times)


def report(histories: Sequence[History], measured: slice) -> None:
    """Tables that a person can put into a document."""
    first = median(histories[0].ours[measured])
    say("\n| changesets | a batch of 60, median (fastest) | to the smallest | four refreshes | ratio |")
    say("|---:|---:|---:|---:|---:|")
    for history in histories:
        times = history.ours[measured]
        ours = median(times)
        row = f"| {history.size:,} | {ours * 1000:.0f} ms ({min(times) * 1000:.0f}) | {ours / first:.2f} |"
        osmesa = median(history.osmesa) if history.osmesa else None
        say(row + ("|  |" if osmesa is None else f" {osmesa:.1f} s | {osmesa / ours:.0f} |"))
    say("\n| question, ms | " + " | ".join(f"{history.size:,}" for history in histories) + " |")
    say("|---|" + "---:|" * len(histories))
    for name, query in QUESTIONS.items():
        answers = []
        for history in histories:
            connection = history.connection
            answers.append(
                median(seconds(lambda: connection.execute(query.encode()).fetchall()) for _ in range(15))  # noqa: B023
            )
        say(f"| {name} | " + " | ".join(f"{took * 1000:.1f}" for took in answers) + " |")


if __name__ == "__main__":
    main()
