"""Calls to AWS: told before they are made, not made under DRY_RUN, and in words when they are refused."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

OURS = [{"Key": "made-by", "Value": "stats-assets"}]
"""On all that the kit makes, and so may remove."""
GONE = (
    "NoSuchEntity",
    "RepositoryNotFoundException",
    "ResourceNotFoundException",
    "ClusterNotFoundException",
    "DBInstanceNotFound",
    "DBSnapshotNotFound",
    "DBSnapshotNotFoundFault",
)
"""Codes that say: there is no such thing."""


class Refused(Exception):
    """What AWS, or the state of things there, does not allow; the message says what to do."""


class Aws:
    """The account's services in one region. Reads are made at once; `change` tells, and under dry_run only tells."""

    def __init__(
        self, region: str, *, dry_run: bool = False, say: Callable[[str], None] = print, pause: float = 5
    ) -> None:
        self.region, self.dry_run, self.say, self._pause = region, dry_run, say, pause
        self._clients: dict[str, Any] = {}

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(region_name=self.region)

    def client(self, service: str) -> Any:
        """One a service: to make one takes a quarter of a second."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        return self._clients[service]

    def read(self, service: str, operation: str, /, **arguments: Any) -> Any:
        """One answer. Raises Refused when the permission is missing."""
        with in_words(service, operation):
            return getattr(self.client(service), operation)(**arguments)

    def pages(self, service: str, operation: str, key: str, /, **arguments: Any) -> list[Any]:
        """All of a list."""
        with in_words(service, operation):
            pages = self.client(service).get_paginator(operation).paginate(**arguments)
            return [one for page in pages for one in page[key]]

    def change(self, what: str, service: str, operation: str, /, **arguments: Any) -> Any:
        """Say what is done and do it; under dry_run return {}."""
        if self.dry_run:
            self.say(f"would {what}")
            return {}
        self.say(what)
        with in_words(service, operation):
            return getattr(self.client(service), operation)(**arguments)

    def until(self, what: str, found: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Wait and show it. Raises Refused with `otherwise` when the time is over."""
        if self.dry_run:
            return
        began = said = time.monotonic()
        while not found():
            now = time.monotonic()
            if now - began > seconds:
                raise Refused(f"Waited {seconds:.0f} s in vain for {what}. {otherwise}")
            if now - said > 15:
                said = now
                self.say(f"waiting for {what} ({now - began:.0f} s)")
            time.sleep(self._pause)


@contextmanager
def in_words(service: str, operation: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess"):
            action = "".join(word.capitalize() for word in operation.split("_"))
            raise Refused(
                f"AWS does not allow {service}:{action} to whoever calls. Add it to their policy."
                f" AWS says: {error.response['Error'].get('Message', code)}"
            ) from None
        raise
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise Refused(
            f"{error}. Say who you are in the environment: AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from None
    except BotoCoreError as error:
        raise Refused(f"AWS can't be asked ({service}): {error}") from None


def code_of(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def trusts(service: str) -> str:
    """A role's trust in a service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def partition(aws: Aws) -> str:
    """The account's part of the world: aws, aws-cn, …"""
    arn: str = aws.read("sts", "get_caller_identity")["Arn"]
    return arn.split(":")[1]


def look(aws: Aws, service: str, operation: str, /, **arguments: Any) -> Any:
    """The answer; None: there is no such thing."""
    try:
        return aws.read(service, operation, **arguments)
    except ClientError as error:
        if code_of(error) in GONE:
            return None
        raise


def is_ours(tags: Sequence[Mapping[str, str]]) -> bool:
    """Whether the kit made it."""
    return any(one in tags for one in OURS)
