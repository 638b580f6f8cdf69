"""S3 for tests: a server that speaks its protocol, reached by the environment alone, as on ECS."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import s3fs

BUCKET = "kept"


@contextmanager
def s3_server() -> Iterator[str]:
    """A bucket on a server of its own; the server's address. The machine's own credentials are out of sight."""
    from moto.server import ThreadedMotoServer  # a second, which only who asks for it need take

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        no_credentials_of_the_machine(patch)
        another_process().makedirs(BUCKET, exist_ok=True)
        yield f"http://{host}:{port}"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def no_credentials_of_the_machine(patch: pytest.MonkeyPatch) -> None:
    """No profile, and no role: what is left is what a test sets."""
    nowhere = str(Path(__file__).parent / "no such file")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        patch.setenv(name, nowhere)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()


def another_process() -> s3fs.S3FileSystem:
    """A client that shares nothing with the system's own, as another writer's."""
    return _client_of(os.environ["AWS_ENDPOINT_URL"], os.getpid())


@cache
def _client_of(address: str, process: int) -> s3fs.S3FileSystem:
    """One for all tests: its first request takes a tenth of a second."""
    return s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
