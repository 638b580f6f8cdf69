"""Decompression by the magic bytes, and its limits."""

import gzip
import io
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.replication import BadAnswer, BodyTooLarge, decompressed, open_body

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
    packed = content
    for _ in range(layers):
        packed = gzip.compress(packed)
    if not content.startswith(b"\x1f\x8b"):
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
