"""Decompression by the magic bytes, and its limits."""

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stats_assets.feeds.body import FOREIGN, Body, decompressed, open_body
from stats_assets.feeds.outcomes import BadAnswer, BodyTooLarge
from stats_assets.feeds.validation import judge_body
from tests.conftest import Run

TEXT = b"<osm>" + b"text " * 100_000 + b"</osm>"


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        gzip.compress(TEXT),
        gzip.compress(gzip.compress(TEXT)),
        gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]),
        gzip.compress(TEXT) + b"\0" * 100,
    ],
    ids=["plain", "gzip", "gzip of gzip", "two members", "padded"],
)
def test_opened_by_magic_bytes(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "named.otherwise"
    path.write_bytes(content)
    with open_body(path) as stream:
        assert stream.read(5) == b"<osm>"
        assert stream.read() == TEXT[5:]


@given(st.binary(max_size=2000), st.integers(0, 2))
def test_any_bytes_come_out(content: bytes, layers: int) -> None:
    assume(not content.startswith(tuple(FOREIGN)))
    packed = content
    for _ in range(layers):
        packed = gzip.compress(packed)
    assert decompressed(io.BytesIO(packed), url="u").read() == content


@pytest.mark.parametrize("content", [b"", b"\x1f", b"<"])
def test_tiny_bodies(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tiny"
    path.write_bytes(content)
    with open_body(path) as stream:
        assert stream.read() == content


def damaged(at: int, value: int) -> bytes:
    content = bytearray(gzip.compress(os.urandom(5000), mtime=0))
    content[at] ^= value
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(TEXT)[:-1],
        gzip.compress(TEXT)[:100],
        b"\x1f\x8b",
        b"\x1f\x8b\x08",
        damaged(2500, 255),
        damaged(-6, 1),
        damaged(-1, 1),
        damaged(2, 1),
        gzip.compress(TEXT) + b"more",
        b"\x1f\x8b" + zlib.compress(TEXT),
    ],
    ids=[
        "no last byte",
        "cut",
        "magic alone",
        "header cut",
        "data",
        "checksum",
        "length",
        "method",
        "tail",
        "other",
    ],
)
def test_broken_gzip(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.gz"
    path.write_bytes(content)
    with (
        pytest.raises(BadAnswer, match=r"^http://feed/1: broken or cut gzip"),
        open_body(path, url="http://feed/1") as stream,
    ):
        while stream.read(1000):
            pass


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.adiff.xml", TEXT)
    return file.getvalue()


PACKED = {
    "bzip2": bz2.compress(TEXT),
    "bzip2 ": bz2.compress(b""),
    "xz": lzma.compress(TEXT),
    "lzma": lzma.compress(TEXT, lzma.FORMAT_ALONE),
    "zlib": zlib.compress(TEXT),
    "zip archive": zipped(),
    "zstd": b"\x28\xb5\x2f\xfd\x04\x58" + TEXT[:100],
    "lz4": b"\x04\x22\x4d\x18\x64\x40" + TEXT[:100],
    "7z archive": b"7z\xbc\xaf\x27\x1c\0\x04" + TEXT[:100],
    "compress": b"\x1f\x9d\x90" + TEXT[:100],
    "PBF": b"\0\0\0\x0d\x0a\x09OSMHeader\x18" + TEXT[:100],
    "gzip more than twice": gzip.compress(gzip.compress(gzip.compress(TEXT))),
}


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("layers", [0, 1])
def test_what_is_packed_otherwise_is_named_as_what_it_is(name: str, layers: int, tmp_path: Path) -> None:
    content = gzip.compress(PACKED[name]) if layers else PACKED[name]
    path = tmp_path / "1.adiff.xml.gz"
    path.write_bytes(content)
    said = rf"^http://feed/1: .*\b{name.strip()}\b.*: only gzip and plain XML can be read$"
    with pytest.raises(BadAnswer, match=said):
        open_body(path, url="http://feed/1")
    with pytest.raises(BadAnswer, match=said):
        decompressed(io.BytesIO(content), url="http://feed/1")
    body = Body(1, path, "http://feed/1", len(content), datetime.now(UTC), 0.1)
    with pytest.raises(BadAnswer, match=said) as raised:
        judge_body(body, until=None)
    assert raised.value.body is body  # for study
    with pytest.raises(BadAnswer, match=r"status 503|broken|only gzip"):
        judge_body(body, until=None, status=503)


def test_a_person_reads_what_it_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "1.adiff.xml.bz2").write_bytes(PACKED["bzip2"])
    for done in (run("stats", "1.adiff.xml.bz2"), run("stats", "-", stdin=PACKED["bzip2"])):
        assert (done.returncode, done.stdout) == (1, "")
        assert "compressed with bzip2: only gzip and plain XML can be read" in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_xml_in_another_encoding_is_let_through(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "1"
    path.write_bytes("<osm/>".encode(encoding))
    with open_body(path) as stream:
        assert stream.read().decode(encoding) == "<osm/>"


def test_the_size_limit(tmp_path: Path) -> None:
    path = tmp_path / "big.gz"
    path.write_bytes(gzip.compress(TEXT))
    with open_body(path, size_max=len(TEXT)) as stream:
        assert len(stream.read()) == len(TEXT)
    with pytest.raises(BodyTooLarge, match="more than"), open_body(path, size_max=len(TEXT) - 1) as stream:
        stream.read()


def test_a_bomb_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    block = zlib.compressobj(wbits=31)
    path.write_bytes(b"".join([*(block.compress(bytes(1 << 20)) for _ in range(80)), block.flush()]))
    read = 0
    with pytest.raises(BodyTooLarge, match="times its size"), open_body(path) as stream:
        while chunk := stream.read(1 << 20):
            read += len(chunk)
    assert read <= 65 << 20


def test_closing_closes_what_was_given() -> None:
    for content in (TEXT, gzip.compress(TEXT)):
        given_stream = io.BytesIO(content)
        stream = decompressed(given_stream, url="u")
        stream.read(10)
        stream.close()
        assert given_stream.closed
