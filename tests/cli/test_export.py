"""`export` and `report`: the same files as the server's, without one."""

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from stats_assets.cli.destination import written_to
from stats_assets.cli.export import FORMS, pieces
from stats_assets.cli.progress import Progress
from stats_assets.questions.problem import Problem
from stats_assets.reports.report import report
from stats_assets.texts.language import LANGUAGES, language
from tests.answers.asking import Asked
from tests.answers.asking import asked as asked
from tests.conftest import Run
from tests.web.test_api import Client

GIVEN = [("hashtag", "missingmaps"), ("from", "2025-02-20T04:20"), ("to", "2025-02-20T05:00")]
QUERY = "hashtag=missingmaps&from=2025-02-20T04:20&to=2025-02-20T05:00"


def test_each_form_is_what_the_server_sends(asked: Asked) -> None:
    get = Client(asked)
    for kind in ("leaderboard", "changesets"):
        for form in FORMS:
            if kind == "changesets" and form in ("svg", "png"):
                continue
            ours = b"".join(pieces(asked.serving.settings, kind, GIVEN, form, False, None))
            if form == "parquet":
                assert ours[:4] == ours[-4:] == b"PAR1"
                continue
            theirs = get(f"/api/v1/{kind}.{form}?{QUERY}").content
            if form == "json":
                one, other = json.loads(ours), json.loads(theirs)
                assert one["rows"] == other["rows"]
            else:
                assert ours == theirs, (kind, form)
    excel = b"".join(pieces(asked.serving.settings, "totals", GIVEN, "csv", True, "fr"))
    assert excel == get(f"/api/v1/totals.csv?{QUERY}&dialect=excel&lang=fr").content
    with pytest.raises(Problem):
        list(pieces(asked.serving.settings, "totals", [("hashtags", "x")], "csv", False, None))


def test_a_person_exports_and_reports_to_files(asked: Asked, run: Run, tmp_path: Path) -> None:
    url = asked.serving.settings.database_url or ""
    words = ["--hashtag", "missingmaps", "--from", "2025-02-20T04:20", "--to", "2025-02-20T05:00"]
    done = run("export", "leaderboard", *words, "-o", str(tmp_path / "board.csv"), DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    rows = list(csv.DictReader(io.StringIO((tmp_path / "board.csv").read_text())))
    assert rows and rows[0]["rank"] == "1"
    refused = run(
        "export", "totals", "--from", "2025-02-20T04:20:01", "-o", str(tmp_path / "no.csv"), DATABASE_URL=url
    )
    assert refused.returncode == 2 and "seconds" in refused.stderr
    assert sorted(one.name for one in tmp_path.iterdir() if "no" in one.name) == []
    done = run("report", *words, "--lang", "ne", DATABASE_URL=url)
    assert done.returncode == 0 and done.stdout.startswith("<!doctype html>")


def test_a_file_whose_name_promises_another_form_is_refused(asked: Asked, run: Run, tmp_path: Path) -> None:
    url = asked.serving.settings.database_url or ""
    words = ["--hashtag", "missingmaps", "--from", "2025-02-20T04:20", "--to", "2025-02-20T05:00"]
    for command, form, begins in ((["export", "totals"], "json", "{"), (["report"], "csv", "rank,")):
        for name in ("x.docx", "x.csv.gz", "x.2025"):
            target = tmp_path / name
            refused = run(*command, *words, "-o", str(target), DATABASE_URL=url)
            assert (refused.returncode, refused.stdout, target.exists()) == (2, "", False)
            assert f"{name} ends as no format" in refused.stderr
            assert "svg" in refused.stderr and "--format" in refused.stderr
            assert (
                run(*command, *words, "-o", str(target), "--format", form, DATABASE_URL=url).returncode == 0
            )
            assert target.read_text().startswith(begins)
            target.unlink()
        assert run(*command, *words, "-o", str(tmp_path / "plain"), DATABASE_URL=url).returncode == 0


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    target = tmp_path / "x.csv"
    target.write_text("before")
    with pytest.raises(ValueError), written_to(target) as write:
        write(b"half")
        raise ValueError
    assert (target.read_text(), len(list(tmp_path.iterdir()))) == ("before", 1)
    with pytest.raises(OSError) as failed, written_to(tmp_path / "nowhere" / "x.csv"):
        pass
    assert failed.value.filename == str(tmp_path / "nowhere" / "x.csv")


@pytest.mark.parametrize("subject", ["hashtag=missingmaps", "country=NPL", "user=1101"])
def test_a_report_is_one_file_that_needs_nothing_else(asked: Asked, subject: str) -> None:
    given: list[Any] = [tuple(subject.split("=")), ("last", "1h")]
    tree: Any = html.document_fromstring(report(asked.serving.answer, language("en"), given))
    elsewhere = [*tree.xpath("//@src"), *tree.xpath("//link/@href"), *tree.xpath("//form/@action")]
    assert elsewhere == []
    assert all(
        link.startswith(("#", "data:", "https://www.openstreetmap.org/copyright"))
        for link in tree.xpath("//@href")
    )
    assert [one.get("type") for one in tree.xpath("//script")] == ["application/json"]
    assert not [name for one in tree.iter() for name in one.attrib if name.startswith(("on", "hx-"))]
    data = json.loads(tree.xpath("//script")[0].text)
    totals = next(one["content"]["totals"] for one in data if one["kind"] == "totals")
    assert totals == json.loads(Client(asked)(f"/api/v1/totals?{subject}&last=1h").text)["totals"]
    assert f"{totals['edits']:,}" in tree.xpath("string(//dl)")
    files = {one.get("download"): one.get("href") for one in tree.xpath("//a[@download]")}
    assert set(files) == {"totals.csv", "leaderboard.csv", "series.csv"}
    table = base64.b64decode(files["totals.csv"].partition("base64,")[2]).decode()
    assert next(csv.DictReader(io.StringIO(table)))["edits"] == str(totals["edits"])


def test_a_report_in_every_language_and_of_nothing_in_particular(asked: Asked) -> None:
    for code in LANGUAGES:
        tree: Any = html.document_fromstring(report(asked.serving.answer, language(code), GIVEN))
        assert tree.get("lang") == code and tree.get("dir") == language(code).direction
    with pytest.raises(Problem, match="hashtags"):
        report(asked.serving.answer, language("en"), [("last", "1h")])


def test_a_hostile_name_ends_no_element_of_a_report(asked: Asked) -> None:
    text = report(asked.serving.answer, language("en"), GIVEN, title="</script><script>alert(1)</script>")
    assert "<script>alert" not in text
    tree: Any = html.document_fromstring(text)
    assert len(tree.xpath("//script")) == 1


def test_progress_counts_changesets(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    monkeypatch.setattr(Progress, "at", lambda _, done, doing="": told.append(done))
    lines = b"".join(pieces(asked.serving.settings, "changesets", [], "ndjson", False, None)).splitlines()
    assert told == list(range(1, len(lines) + 1))
