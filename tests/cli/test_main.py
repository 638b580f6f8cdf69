"""The command line as a person and a script meet it: output, streams, exit codes, no traceback."""

import gzip
import io
import json
import os
import shutil
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from dagster import DagsterInstance

from stats_assets.cli.grouped import By, grouped
from stats_assets.cli.main import main
from stats_assets.database.ledger import seeking
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.osm.statistics import ChangesetStatistics, RegionStatistics
from stats_assets.system import Stats
from tests.conftest import Run, other_database


@pytest.fixture
def diff(world: World) -> bytes:
    return gzip.decompress(world.augmented_diff(world.first + 3))


def test_stats_of_a_file_plain_or_gz_or_from_a_pipe(run: Run, diff: bytes, tmp_path: Path) -> None:
    (tmp_path / "plain.xml").write_bytes(diff)
    (tmp_path / "packed").write_bytes(gzip.compress(diff))
    answers = [
        run("stats", "plain.xml", "--json"),
        run("stats", "packed", "--json", "--sequence", "7"),
        run("stats", "-", "--json", stdin=diff),
        run("stats", "-", "--json", stdin=gzip.compress(diff)),
    ]
    assert [answer.returncode for answer in answers] == [0, 0, 0, 0]
    assert len({answer.stdout for answer in answers}) == 1
    found = json.loads(answers[0].stdout)
    assert [one["changeset"] for one in found] == sorted(one["changeset"] for one in found)
    assert set(found[0]) == {
        *("changeset", "uid", "user", "total_edits", "counts", "measurements", "countries", "errors")
    }
    assert all(one["total_edits"] == sum(one["counts"].values()) for one in found)
    table = run("stats", "plain.xml")
    assert table.returncode == 0
    assert str(found[0]["changeset"]) in table.stdout


def test_stats_summed_by_user_or_country_are_the_changesets_in_all(run: Run, diff: bytes) -> None:
    """Exactly, and those with most edits come first."""
    found = json.loads(run("stats", "-", "--json", stdin=diff).stdout)
    for by in ("user", "country"):
        parts = [
            part
            for one in found
            for part in (
                [(one["user"], one["total_edits"], one["counts"], one["measurements"])]
                if by == "user"
                else [(code, *part.values()) for code, part in one["countries"].items()]
            )
        ]
        groups = json.loads(run("stats", "-", "--by", by, "--json", stdin=diff).stdout)
        assert [group["edits"] for group in groups] == sorted((g["edits"] for g in groups), reverse=True)
        assert {group[by] for group in groups} == {part[0] for part in parts}
        for group in groups:
            mine = [part for part in parts if part[0] == group[by]]
            assert (group["changesets"], group["edits"]) == (len(mine), sum(part[1] for part in mine))
            counts = sum((Counter(part[2]) for part in mine), Counter())
            assert group["counts"] == counts
            keys = {key for part in mine for key in part[3]}
            assert group["measurements"] == {
                key: pytest.approx(sum(part[3].get(key, 0) for part in mine), abs=1e-12) for key in keys
            }
        table = run("stats", "-", "--by", by, stdin=diff).stdout
        assert all(str(group["edits"]) in table and group[by] in table for group in groups)


def test_sums_are_exact_and_of_nothing_there_are_none() -> None:
    def changeset(number: int, km: str) -> ChangesetStatistics:
        there = RegionStatistics(1, {"roads_created": 1}, {"road_km_created": Decimal(km)})
        when = datetime(2026, 1, 1, tzinfo=UTC)
        return ChangesetStatistics(number, None, None, when, *there[1:], {"FIN": there}, 0, None)

    each: tuple[By, ...] = ("user", "country")
    for by in each:
        [group] = grouped([changeset(1, "90071992547.409931234"), changeset(2, "0.000000001")], by)
        assert group == (
            *("" if by == "user" else "FIN", 2, 2),
            *({"roads_created": 2}, {"road_km_created": Decimal("90071992547.409931235")}),
        )
        assert grouped([], by) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<osm><note/>", "no whole augmented diff"),
        (b"<html><body>busy</body></html>", "<html>"),
        (b"hello", "no whole augmented diff"),
        (b"", "no whole augmented diff"),
        (b"\x1f\x8b\x08\x00broken", "standard input"),
        (b'<!DOCTYPE osm [<!ENTITY a "b">]><osm>&a;</osm>', "DTD"),
    ],
)
def test_stats_of_what_is_no_diff_exits_1_and_says_why(run: Run, body: bytes, said: str) -> None:
    answer = run("stats", "-", "--json", stdin=body)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert said in answer.stderr


SHOP = (
    '<action type="create"><node id="1" lat="1" lon="1" version="1" timestamp="2017-03-09T04:17:12Z" changeset="5"'
    ' uid="7" user="anna"><tag k="shop" v="x"/></node></action>'
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            SHOP + SHOP.replace('version="1"', 'version="?"'),
            ["1 of 2", "version 1", "create node 1: version '?'"],
        ),
        (SHOP + SHOP.replace(' id="1"', ""), ["1 of 2", "id 1", "no id"]),
        (SHOP + "Internal server error", ["1 of 2", "text 1", "Internal server error"]),
        (f"{SHOP}<create>{SHOP}</create>", ["1 of 2", "child 1", "<create>"]),
        (SHOP + SHOP.replace(' type="create"', ""), ["1 of 2", "type 1"]),
    ],
)
def test_stats_says_what_it_could_not_read_counts_the_rest_and_exits_1(
    run: Run, content: str, said: list[str]
) -> None:
    answer = run("stats", "-", "--json", stdin=f"<osm>{content}</osm>".encode())
    assert answer.returncode == 1
    assert [one["counts"] for one in json.loads(answer.stdout)] == [{"pois_added": 1}]
    assert all(text in answer.stderr for text in said), answer.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (SHOP.replace('changeset="5"', 'changeset="0"'), "1 features' edits have no changeset"),
        (
            SHOP.replace("anna", "an\x01na"),
            "1 characters that XML forbids, or bytes that are none, were replaced",
        ),
        (SHOP.replace("2017-", "2099-"), "1 edits are dated in the future"),
        ("<licence/>", "<licence> in <osm> was not understood"),
        (SHOP.replace("create", "merge"), "1 actions are no create, modify or delete"),
    ],
)
def test_stats_says_what_is_not_as_it_stands_there(run: Run, content: str, said: str) -> None:
    answer = run("stats", "-", "--json", stdin=f"<osm>{SHOP.replace('5', '6')}{content}</osm>".encode())
    if "merge" in content:  # only where nothing else is in it
        assert (answer.returncode, said in answer.stderr) == (0, False)
        answer = run("stats", "-", "--json", stdin=f"<osm>{content}</osm>".encode())
    assert answer.returncode == 0, answer.stderr
    assert said in answer.stderr
    json.loads(answer.stdout)


WHOLE = f"<osm>{SHOP}</osm>"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (WHOLE * 2, "Extra content"),
        (f"{WHOLE}text", "Extra content"),
        (f"{WHOLE}<!-- ", "after the root's end"),
        (f"<osm>{SHOP * 1500}&nbsp;{SHOP * 1500}</osm>", "nbsp"),
        (f"<osm>{SHOP}<a:b/></osm>", "prefix a"),
        (WHOLE.replace("osm", "osmChange"), "<osmChange>"),
        (WHOLE.replace("<osm>", "<osm xmlns='http://other'>"), "no whole augmented diff"),
        (WHOLE.replace("action", "Action"), "1 of 1 actions or changesets can't be read"),
        (WHOLE.replace('version="1"', ""), "create node 1: no version"),
        ("<osm>nothing</osm>", "1 of 1"),
        (f"<osm><node/><node/>{SHOP}</osm>", "2 of 3"),
    ],
)
def test_stats_refuses_what_a_stream_refuses(run: Run, body: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "file.xml").write_text(body)
    for answer in (run("stats", "-", "--json", stdin=body.encode()), run("stats", "file.xml")):
        assert answer.returncode == 1
        assert answer.stdout == ""
        assert "no whole augmented diff" in answer.stderr
        assert said in answer.stderr


def test_a_remark_is_a_warning(run: Run, diff: bytes) -> None:
    body = diff.replace(b"\n</osm>", b"\n<remark> runtime error: Query timed out </remark>\n</osm>")
    answer = run("stats", "-", "--json", stdin=body)
    assert answer.returncode == 0
    assert "Query timed out" in answer.stderr
    json.loads(answer.stdout)


def test_wrong_use_exits_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "categories.yaml").write_text("roads:\n  hihgway: true\n")
    (tmp_path / "regions.json").write_text("[]")
    (tmp_path / "folder").mkdir()
    for wrong, why in (("not-there.xml", "No such file or directory"), ("folder", "Is a directory")):
        answer = run("stats", wrong)
        assert (answer.returncode, answer.stderr) == (2, f"{wrong} can't be read: {why}.\n")
    assert run("stats").returncode == 2
    assert run("nonsense").returncode == 2
    for option, name in (("--categories", "categories.yaml"), ("--regions", "regions.json")):
        answer = run("stats", "-", option, name, stdin=b"<osm></osm>")
        assert answer.returncode == 2
        assert name in answer.stderr
        answer = run("stats", "-", option, "/not-there", stdin=b"<osm></osm>")
        assert answer.returncode == 2
        assert answer.stderr.endswith("No such file or directory\n")
        assert (answer.stderr.count("/not-there"), answer.stderr.count("Errno")) == (1, 0)


def test_hashtags(run: Run) -> None:
    answer = run("hashtags", "#HOT and #hot, #hotosm-project-1; #123", "none", "--json")
    assert json.loads(answer.stdout) == [["hot", "hotosm-project-1"], []]
    assert run("hashtags", "#HOT #b").stdout == "#hot #b\n"


def test_sql_reads_and_changes_nothing(run: Run, url: str) -> None:
    rows = run(
        "sql", "SELECT 1.10 AS a, 'x' AS b, '{\"k\": 0.000000001}'::jsonb AS c;", "--json", DATABASE_URL=url
    )
    assert (rows.returncode, json.loads(rows.stdout)) == (0, [{"a": 1.1, "b": "x", "c": {"k": 1e-9}}])
    assert "1.10" in rows.stdout
    assert "[bold]" in run("sql", "SELECT '[bold]' AS a", DATABASE_URL=url).stdout
    several = ("COMMIT; DROP TABLE users", "SELECT 1; SELECT 2")
    for wrong in (
        *several,
        "INSERT INTO users VALUES (1)",
        "nonsense",
        "SELECT 1 +",
        "SELECT 1) AS a; COMMIT; DROP TABLE users; --",
    ):
        for flag in ([], ["--json"]):
            answer = run("sql", wrong, *flag, DATABASE_URL=url)
            assert answer.returncode == 2, wrong
            assert answer.stdout == ""
            assert ("one at a time" in answer.stderr) == (wrong in several), answer.stderr
            assert "json_agg" not in answer.stderr
    assert run("sql", "SELECT count(*) FROM users", DATABASE_URL=url).returncode == 0


def test_migrate_says_what_it_did(run: Run, url: str) -> None:
    assert "up to date" in run("migrate", DATABASE_URL=url).stderr
    assert run("database-url", DATABASE_URL=url).stdout == url + "\n"


def test_a_database_to_nowhere_is_a_sentence_without_the_password(run: Run, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path)  # `alerts` asks for a project
    nowhere = "postgresql://me:hunter2@127.0.0.1:1/db"
    for command, code in ((("migrate",), 2), (("sql", "SELECT 1"), 2), (("status",), 3), (("alerts",), 3)):
        answer = run(*command, DATABASE_URL=nowhere)
        assert answer.returncode == code
        assert "127.0.0.1" in answer.stderr
        assert "hunter2" not in answer.stderr
        assert "failed: Connection refused. Is it running? DATABASE_URL names it" in answer.stderr
        assert answer.stderr.count("?") == 1
    assert run("migrate", DATABASE_URL="mysql://x").returncode == 2


@pytest.mark.parametrize("url", ["postgresql://me:hun/ter2@host/db", "postgresql://me:hun[ter2@host/db"])
def test_a_password_that_is_not_escaped_is_not_shown(run: Run, url: str) -> None:
    answer = run("migrate", DATABASE_URL=url)
    assert answer.returncode == 2
    assert ("percent-encoded" in answer.stderr) == ("/ter2" in url)
    assert "ter2" not in answer.stderr


def test_a_database_of_another_encoding_is_refused_in_words(run: Run, server: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    answer = run("migrate", DATABASE_URL=other_database(server, "ascii"))
    assert answer.returncode == 2
    assert "UTF8" in answer.stderr


def test_outside_a_project_the_command_says_so(run: Run) -> None:
    answer = run("status")
    assert answer.returncode == 2
    assert "dagster.yaml" in answer.stderr


def test_status_for_monitors(run: Run, stats: Stats, feed: DemoFeed, world: World, url: str) -> None:
    environment = {"DATABASE_URL": url, "OVERPASS_URL": feed.url, "CHANGESETS_URL": feed.changesets_url}
    before = run("status", "--json", **environment)
    assert before.returncode == 2  # nothing was ever done
    run_range(stats.work("augmented_diffs"), url, "run", world.first, feed.head)
    with stats.connect() as connection:
        connection.execute(
            "INSERT INTO streams (stream, origin, checkpoint)"
            " VALUES ('augmented_diffs', %s, %s), ('changesets', %s, %s)",
            (world.first, feed.head, world.changesets_first, feed.changesets_head),
        )
        apply_queue(connection)
    found = json.loads(run("status", "--json", **environment).stdout)["streams"]["augmented_diffs"]
    assert (found["origin"], found["cursor"], found["head"]) == (world.first, feed.head, feed.head)
    assert {"lag_seconds", "rate", "eta_seconds", "in_flight", "waiting", "quarantined", "holes"} <= set(
        found
    )
    day, hour = found["requests"]["day"], found["requests"]["hour"]
    bodies = sum(request.sequence is not None for request in feed.requests)
    assert (day["bodies"], day["heads"]) == (bodies, 2)  # a first head is confirmed
    assert day["bytes"] > 1000 * bodies
    assert hour.keys() == day.keys()
    shown = run("status", **environment)
    assert "augmented_diffs" in shown.stdout
    assert f"{bodies + 2} times, {day['bytes'] / 1e6:.1f} MB" in shown.stdout
    assert run("seek", "--stream", "changesets", "--sequence", "3", **environment).returncode == 2
    with stats.connect() as connection:
        seeking.request_seek(connection, "augmented_diffs", feed.head + 9)  # the head has gone back since
        seeking.skip(connection, "augmented_diffs", feed.head, feed.head + 9)
        connection.execute("UPDATE streams SET origin = %s WHERE stream = 'augmented_diffs'", (feed.head,))
    found = json.loads(run("status", "--json", **environment).stdout)["streams"]["augmented_diffs"]
    assert found["seek_to"] == feed.head + 9
    assert found["skipped"] == [[feed.head + 1, feed.head + 9]]
    assert found["islands"] == [[world.first, feed.head - 1]]
    shown = run("status", **environment)
    assert f"{world.first}–{feed.head - 1}" in shown.stdout
    assert f"a seek to {feed.head + 9} waits" in shown.stdout
    feed.stop()
    assert run("status", **environment).returncode == 3


def test_backfill_and_partitions_before_the_origin_in_a_project_without_a_daemon(
    run: Run, feed: DemoFeed, world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path)
    environment = {
        "DATABASE_URL": url,
        "OVERPASS_URL": feed.url,
        "CHANGESETS_URL": feed.changesets_url,
        "AUGMENTED_DIFFS_START": str(world.first),
    }
    of = ("backfill", "--stream", "augmented_diffs", "--start", str(world.first + 3))
    done = run(*of, "--end", str(world.first + 5), **environment)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert f"3 of 3 sequences of augmented_diffs {world.first + 3}..{world.first + 5} are" in done.stderr
    left = run(*of, "--end", str(feed.head + 4), **environment)
    assert left.returncode == 1
    assert f"The feed has only up to {feed.head}" in left.stderr
    assert "blocks left: 1" in left.stderr
    assert run(*of, "--end", "1", **environment).returncode == 2
    beyond = run(*of, "--end", str(feed.head + 1000), **environment)
    assert beyond.returncode == 2
    assert f"Say --end {feed.head} at most" in " ".join(beyond.stderr.replace("│", " ").split())
    ready = run("migrate", "--from", str(world.first - 250), **environment)
    assert ready.returncode == 0, ready.stderr
    assert "3 partitions of augmented_diffs" in ready.stderr
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with DagsterInstance.get() as instance:
        keys = instance.get_dynamic_partitions("augmented_diffs_blocks")
        assert sorted(keys)[:3] == [f"{world.first - 300 + i * 100:09d}" for i in range(3)]
        assert {"SUCCESS"} == {found.status.value for found in instance.get_runs()}
    assert run("migrate", "--from", str(world.first), **environment).returncode == 2


@pytest.mark.parametrize("kind", ["text", "bytes"])
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--version"], 0, "stats-assets "),
        (["hashtags", "--json", "on #Jürgen"], 0, '"jürgen"'),
        (["no-such-command"], 2, ""),
    ],
)
def test_it_can_be_called_in_process_with_any_output(
    words: list[str], code: int, says: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller's own standard output stays as it is."""
    made = io.StringIO() if kind == "text" else io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["stats-assets", *words])
    monkeypatch.setattr(sys, "stdout", made)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    before = os.fstat(1)
    try:
        main()
    except SystemExit as ended:
        assert ended.code == code
    assert says in (made.getvalue() if isinstance(made, io.StringIO) else made.buffer.getvalue().decode())
    assert (os.fstat(1).st_dev, os.fstat(1).st_ino) == (before.st_dev, before.st_ino)
