"""Where files can be: a directory on disk or in an S3 bucket. Whole files in and out, within limits of time.

Which files there are is directory.py's and archive.py's; what comes over the web is http_client.py's.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote, urlsplit

from stats_assets.feeds.outcomes import masked

if TYPE_CHECKING:
    from upath import UPath

PLACES = "a path, file:///folder or s3://bucket/folder"
FILE_SECONDS = 120
"""For one file from or to a bucket: 50 MB at half a megabyte a second."""
_CLIENT = {
    "connect_timeout": 5,
    "read_timeout": 15,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}
_PARTS = {"chunksize": 8 << 20, "max_concurrency": 2}  # or it is all in memory, twice, up to 100 MB
_CREDENTIALS = (
    "AWS credentials come from the environment itself, not .env (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY),"
    " a profile (AWS_PROFILE) or the machine's or task's role; a public bucket's https address needs none"
)
_PERMISSIONS = "the credentials need s3:GetObject and s3:ListBucket, for an archive s3:PutObject too"

Place: TypeAlias = "Path | UPath"


def is_web(uri: str) -> bool:
    """Whether the URI is a web address."""
    return urlsplit(uri).scheme in ("http", "https")


def place_of(uri: str) -> Place:
    """A directory by its path, file: or s3: URI. Nothing is asked. Raises ValueError that says what can be."""
    parts = urlsplit(uri)
    if parts.scheme == "":
        return _on_disk(uri)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise ValueError(f"{uri!r} can't be used: file: takes three slashes, as in file:///folder")
        return _on_disk(unquote(parts.path))
    if parts.scheme == "s3" and parts.netloc:
        from upath import UPath  # here: few settings name a bucket, and its libraries are large

        return UPath(f"s3{uri[2:]}", protocol="s3", config_kwargs=_CLIENT)
    raise ValueError(f"{masked(uri)!r} can't be used: take {PLACES}")


def _on_disk(path: str) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:  # ~somebody
        raise ValueError(f"{path!r} can't be used: {str(error).rstrip('.')}") from None


def read(file: Place, seconds: float) -> bytes:
    """A small file's content, within so many seconds. Raises each store's errors; see `trouble`."""
    if isinstance(file, Path):
        return promptly(file.read_bytes, seconds)
    content: bytes = _ask(file, "cat_file", file.path, seconds=seconds, max_concurrency=1)  # one request
    return content


def fetch(file: Place, target: Path) -> None:
    """Copies a file to the disk. Raises each store's errors; see `trouble`."""
    if isinstance(file, Path):
        shutil.copyfile(file, target)
    else:
        _ask(file, "get_file", file.path, str(target), seconds=FILE_SECONDS)


def upload(source: Path, file: UPath) -> None:
    """Copies a file to a bucket, which shows it when it is whole."""
    _ask(file, "put_file", str(source), file.path, seconds=FILE_SECONDS, **_PARTS)


def modified(file: UPath) -> Any:
    """When an object was put."""
    return _ask(file, "info", file.path, seconds=FILE_SECONDS)["LastModified"]


def _ask(file: UPath, method: str, *arguments: str, seconds: float, **options: object) -> Any:
    """A call of fsspec's, which cancels what takes longer."""
    store = file.fs
    try:
        return getattr(store, method)(*arguments, timeout=seconds, **options)
    except FileNotFoundError:
        raise
    except Exception:
        # A client keeps the credentials that it was made with, or none: the next call makes another.
        type(store).clear_instance_cache()
        raise


def promptly(call: Callable[[], bytes], seconds: float) -> bytes:
    """The call's result; TimeoutError when it takes longer: a network's disk can hang for ever."""
    result: Future[bytes] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return result.result(timeout=seconds)


def trouble(error: Exception, file: Place) -> str:
    """What a store's error means, and what to do about it, in a line."""
    said = " ".join(str(error).split()).rstrip(".")
    name = type(error).__name__
    if isinstance(error, TimeoutError):
        return "no answer within the time limit: too slow or hung"
    if isinstance(file, Path) and isinstance(error, FileNotFoundError):
        return "no such file" if file.parent.exists() else f"there is no directory {file.parent}"
    if isinstance(file, Path):
        return f"{name}: {said}"
    if isinstance(error, FileNotFoundError):
        return said  # names what is not there, bucket or key
    if isinstance(error, PermissionError):
        return f"{said} ({_PERMISSIONS})"
    if any(word in name for word in ("Credential", "Profile", "SSO")):
        return f"{said} ({_CREDENTIALS})"
    return f"{name}: {said}"
