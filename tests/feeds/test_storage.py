"""S3 as a source and as the archive: what a long-living process sees, what each answer costs, what a person is told."""

from __future__ import annotations

import gzip
import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import aiobotocore.endpoint  # type: ignore[import-untyped]
import pytest
import requests
import s3fs

from stats_assets.feeds.archive import Archive, ArchiveError
from stats_assets.feeds.body import Body
from stats_assets.feeds.directory import DirectorySource
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.outcomes import BadAnswer, HeadUnknown, SequenceMissing
from tests.bucket import BUCKET, another_process, no_credentials_of_the_machine, s3_server
from tests.drills.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.feeds.conftest import MakeHttp

HTTP = Http("tests", head_timeout=PATIENCE)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def uri(server: str, tmp_path: Path) -> str:
    return f"s3://{BUCKET}/{tmp_path.name}"


@pytest.fixture
def source(uri: str) -> DirectorySource:
    return DirectorySource(f"{uri}/changesets", ".osm.gz", HTTP)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests to the server, as METHOD and the object's name."""
    seen: list[str] = []
    send = aiobotocore.endpoint.AioEndpoint._send

    async def noting(self: object, request: object) -> object:
        seen.append(f"{request.method} {request.url.rsplit('/', 1)[-1]}")  # type: ignore[attr-defined]
        return await send(self, request)

    monkeypatch.setattr(aiobotocore.endpoint.AioEndpoint, "_send", noting)
    return seen


def body_of(folder: Path, sequence: int) -> Body:
    path = folder / f"fetched-{sequence}"
    path.write_bytes(gzip.compress(b"<osm/>"))
    return Body(sequence, path, f"http://feed/{sequence}", path.stat().st_size, datetime.now(UTC), 0.5)


def says(uri: str, sequence: int) -> None:
    another_process().pipe_file(f"{uri}/changesets/state.yaml", f"sequence: {sequence}\n".encode())


def test_a_long_living_process_sees_what_others_write(
    uri: str, source: DirectorySource, tmp_path: Path
) -> None:
    says(uri, 5)
    assert source.head() == 5
    with pytest.raises(SequenceMissing):
        source.fetch(5, tmp_path)
    another_process().pipe_file(f"{uri}/changesets/000/000/005.osm.gz", gzip.compress(b"<osm/>"))
    says(uri, 6)
    assert source.head() == 6
    assert source.fetch(5, tmp_path).size == len(gzip.compress(b"<osm/>"))


def test_what_each_answer_costs(uri: str, asked: list[str], source: DirectorySource, tmp_path: Path) -> None:
    archive = Archive(uri, "changesets")

    def cost() -> list[str]:
        seen = asked.copy()
        asked.clear()
        return seen

    archive.put(body_of(tmp_path, 7))
    assert cost() == ["PUT 007.osm.gz", "GET state.yaml", "PUT state.yaml"]
    archive.put(body_of(tmp_path, 8))
    assert cost() == ["PUT 008.osm.gz", "GET state.yaml", "PUT state.yaml"]
    archive.put(body_of(tmp_path, 5))  # as a backfill does
    assert cost() == ["PUT 005.osm.gz"]
    source.head()
    assert cost() == ["GET state.yaml"]
    source.fetch(7, tmp_path)
    assert cost() == ["GET 007.osm.gz"]
    archive.get(7, tmp_path)
    assert cost() == ["GET 007.osm.gz", "HEAD 007.osm.gz"]
    with pytest.raises(SequenceMissing):
        archive.get(9, tmp_path)
    assert cost() == ["GET 009.osm.gz"]


def test_a_big_body_goes_in_parts(
    uri: str, asked: list[str], source: DirectorySource, tmp_path: Path
) -> None:
    body = body_of(tmp_path, 7)
    with gzip.open(body.path, "w", compresslevel=0) as file:
        file.write(b"<osm><!--" + os.urandom(9 << 20).hex().encode() + b"--></osm>")
    Archive(uri, "changesets").put(body)
    assert sum(1 for request in asked if "partNumber=" in request) == 3
    assert source.fetch(7, tmp_path).path.read_bytes() == body.path.read_bytes()


def test_another_writers_higher_state_is_not_lowered(
    uri: str, source: DirectorySource, tmp_path: Path
) -> None:
    archive = Archive(uri, "changesets")
    archive.put(body_of(tmp_path, 7))
    says(uri, 100)
    archive.put(body_of(tmp_path, 8))
    assert source.head() == 100


def test_a_forked_process_has_a_client_of_its_own(uri: str, source: DirectorySource) -> None:
    says(uri, 5)
    assert source.head() == 5
    child = os.fork()
    if child == 0:
        try:
            os._exit(source.head())
        finally:
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    assert source.head() == 5


def test_many_threads_share_a_client(uri: str, source: DirectorySource) -> None:
    says(uri, 5)
    heads: list[int] = []
    threads = [threading.Thread(target=lambda: heads.append(source.head())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heads == [5] * 16


# What is wrong, and what is said


def test_a_bucket_that_is_not_there(server: str, tmp_path: Path) -> None:
    source = DirectorySource("s3://another/x", ".osm.gz", HTTP)
    with pytest.raises(
        HeadUnknown, match=r"^s3://another/x/state.yaml: The specified bucket does not exist: no head$"
    ):
        source.head()
    with pytest.raises(SequenceMissing, match="The specified bucket does not exist"):
        source.fetch(1, tmp_path)
    with pytest.raises(
        ArchiveError, match=r"s3://another/x/changesets .* The specified bucket does not exist\.$"
    ):
        Archive("s3://another/x", "changesets").put(body_of(tmp_path, 1))


def test_a_state_that_is_not_there(source: DirectorySource) -> None:
    with pytest.raises(HeadUnknown, match="The specified key does not exist: no head"):
        source.head()


@pytest.fixture
def nobody(server: str) -> Iterator[pytest.MonkeyPatch]:
    """Without any credentials."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        no_credentials_of_the_machine(patch)
        yield patch
    s3fs.S3FileSystem.clear_instance_cache()


def test_no_credentials_are_named_and_not_kept_for_ever(
    nobody: pytest.MonkeyPatch, uri: str, source: DirectorySource, tmp_path: Path
) -> None:
    with pytest.raises(HeadUnknown, match=r"AWS_ACCESS_KEY_ID .* a profile \(AWS_PROFILE\) .* role"):
        source.head()
    with pytest.raises(BadAnswer, match="AWS_PROFILE"):
        source.fetch(1, tmp_path)
    with pytest.raises(ArchiveError, match="AWS_PROFILE"):
        Archive(uri, "changesets").put(body_of(tmp_path, 1))
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
    nobody.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    says(uri, 5)
    assert source.head() == 5
    nobody.setenv("AWS_PROFILE", "another")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(HeadUnknown, match=r"\(another\) could not be found .*AWS_PROFILE"):
        DirectorySource(f"s3://{BUCKET}/x", ".osm.gz", HTTP).head()


def test_a_silent_service_for_roles_does_not_hold_the_head(
    nobody: pytest.MonkeyPatch, source: DirectorySource, make_http: MakeHttp
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody.setenv("AWS_EC2_METADATA_DISABLED", "false")
        service = f"http://127.0.0.1:{silent.getsockname()[1]}"
        nobody.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service)
        with pytest.raises(HeadUnknown, match="no answer within the time limit"):
            DirectorySource(source.url, ".osm.gz", make_http(head_timeout=0.2)).head()


def test_those_who_may_not_are_told_what_they_need(uri: str, source: DirectorySource, tmp_path: Path) -> None:
    address = os.environ["AWS_ENDPOINT_URL"]
    says(uri, 5)
    requests.post(
        f"{address}/moto-api/reset-auth", data=b"0", timeout=PATIENCE
    )  # from now on keys are looked at
    try:
        with pytest.raises(
            HeadUnknown, match=r"does not exist in our records.*s3:GetObject and s3:ListBucket"
        ):
            source.head()
        with pytest.raises(SequenceMissing, match="s3:GetObject"):  # what S3 says of missing files too
            source.fetch(1, tmp_path)
        with pytest.raises(ArchiveError, match="s3:PutObject"):
            Archive(uri, "changesets").put(body_of(tmp_path, 1))
    finally:
        requests.post(f"{address}/moto-api/reset-auth", data=b"inf", timeout=PATIENCE)
    assert source.head() == 5


def test_a_dead_server_is_told_at_once(
    server: str, source: DirectorySource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    no_credentials_of_the_machine(monkeypatch)
    with pytest.raises(HeadUnknown, match="Could not connect to the endpoint URL"):
        source.head()
    with pytest.raises(BadAnswer, match="Could not connect to the endpoint URL"):
        source.fetch(1, tmp_path)


def test_a_hung_server_is_not_waited_for(
    server: str, source: DirectorySource, make_http: MakeHttp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        no_credentials_of_the_machine(monkeypatch)
        monkeypatch.setattr("stats_assets.feeds.storage.FILE_SECONDS", 0.2)
        hurried = DirectorySource(source.url, ".osm.gz", make_http(head_timeout=0.2))
        with pytest.raises(HeadUnknown, match="no answer within the time limit"):
            hurried.head()
        with pytest.raises(BadAnswer, match="no answer within the time limit"):
            hurried.fetch(1, tmp_path)
        with pytest.raises(ArchiveError, match="no answer within the time limit"):
            Archive(source.url, "changesets").put(body_of(tmp_path, 1))
