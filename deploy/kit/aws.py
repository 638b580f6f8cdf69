"""Calls to AWS: told before they are made, not made under DRY_RUN, and in words when they are refused."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    InvalidRegionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from deploy.kit.answers import told

GONE = (
    "NoSuchEntity",
    "NoSuchEntityException",
    "RepositoryNotFoundException",
    "ResourceNotFoundException",
    "ClusterNotFoundException",
    "NamespaceNotFound",
    "ServiceNotFound",
    "LifecyclePolicyNotFoundException",
    "DBInstanceNotFound",
    "DBSnapshotNotFound",
    "DBSnapshotNotFoundFault",
)
"""Codes that say: there is no such thing."""
BUSY = (
    "DependencyViolation",
    "ResourceInUse",
    "ResourceInUseException",
    "UpdateInProgressException",
    "ResourceContention",
    "ScalingActivityInProgress",
    "ClusterContainsTasksException",
    "ClusterContainsContainerInstancesException",
    "ClusterContainsServicesException",
    "DeleteConflict",
    "InvalidDBInstanceState",
    "InvalidDBInstanceStateFault",
)
"""Codes that say: not yet, something is still being detached or changed."""
PREFIX = {"elbv2": "elasticloadbalancing", "service-quotas": "servicequotas"}
"""What IAM calls a service, where it is another name than the client's."""
PATIENCE = 900.0
"""Seconds that AWS is given to detach what is to be removed."""


class Refused(Exception):
    """What AWS, or the state of things there, does not allow; the message says what to do."""


class StillBusy(Refused):
    """What is still in use after all patience."""


class Aws:
    """The account's services in one region. Reads are made at once; `change` tells, and under dry_run only tells."""

    def __init__(
        self, region: str, *, dry_run: bool = False, say: Callable[[str], None] = print, pause: float = 5
    ) -> None:
        self.region, self.dry_run, self.say, self._pause = region, dry_run, say, pause
        self.patience = PATIENCE
        self._clients: dict[str, Any] = {}

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(region_name=self.region)

    @property
    def pause(self) -> float:
        """Seconds between two looks at something that one waits for."""
        return self._pause

    def client(self, service: str) -> Any:
        """One a service: to make one takes a quarter of a second. A throttled call is made again, more slowly."""
        if service not in self._clients:
            retries = {
                "mode": os.environ.get("AWS_RETRY_MODE", "adaptive"),
                "total_max_attempts": _attempts(os.environ.get("AWS_MAX_ATTEMPTS", "10")),
            }
            config = ClientConfig(retries=retries)
            self._clients[service] = self._session.client(service, config=config)
        return self._clients[service]

    def _call(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:
        with self._in_words(service, operation):
            return getattr(self.client(service), operation)(**arguments)

    @contextmanager
    def _in_words(self, service: str, operation: str) -> Iterator[None]:
        """By the API's own name of the operation: IAM wants rds:ModifyDBInstance."""
        try:
            client = self.client(service)
        except BotoCoreError:  # the credentials, or the profile: said below
            with in_words(service, operation, self.region):
                raise
        name = client.meta.method_to_api_mapping.get(operation, operation)
        with in_words(service, name, self.region):
            yield

    def read(self, service: str, operation: str, /, **arguments: Any) -> Any:
        """One answer. Raises Refused when the permission is missing."""
        return self._call(service, operation, arguments)

    def pages(self, service: str, operation: str, key: str, /, **arguments: Any) -> list[Any]:
        """All of a list."""
        with self._in_words(service, operation):
            pages = self.client(service).get_paginator(operation).paginate(**arguments)
            return [one for page in pages for one in page[key]]

    def change(self, what: str, service: str, operation: str, /, **arguments: Any) -> Any:
        """Say what is done and do it; under dry_run return {}."""
        if self.dry_run:
            self.say(f"would {what}")
            return {}
        self.say(what)
        return self._call(service, operation, arguments)

    def insist(self, what: str, service: str, operation: str, /, **arguments: Any) -> Any:
        """As `change`, made again while AWS answers that something is still in use, or not yet there."""
        if self.dry_run:
            return self.change(what, service, operation, **arguments)
        answer: list[Any] = [{}]
        why = [""]

        def done() -> bool:
            try:
                answer[0] = self._call(service, operation, arguments)
            except ClientError as error:
                if code_of(error) not in BUSY and "service linked role" not in str(error):
                    raise
                why[0] = str(error)
                return False
            return True

        self.say(what)
        try:
            self.until(f"AWS to {what}", done, self.patience, "")
        except Refused as error:
            raise (StillBusy(f"{error}AWS says: {why[0]}") if why[0] else error) from None
        return answer[0]

    def done(self, what: str) -> None:
        """Say what is so now; nothing under dry_run, where nothing was done."""
        if not self.dry_run:
            self.say(what)

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
def in_words(service: str, operation: str, region: str = "") -> Iterator[None]:
    """What AWS refuses for the caller's sake, as Refused; other ClientErrors as they are."""
    action = operation
    if "_" in operation or operation.islower():
        action = "".join(word.capitalize() for word in operation.split("_"))
    asked = f"{PREFIX.get(service, service)}:{action}"
    try:
        yield
    except ClientError as error:
        if code_of(error).startswith("4"):  # no code of AWS's: another server's page
            raise Refused(_not_aws(service, f"HTTP {code_of(error)}, as no AWS does")) from None
        said = told(code_of(error), str(error), asked, region or "this region")
        if said is None:
            raise
        raise Refused(
            f"{said} AWS says: {error.response['Error'].get('Message') or code_of(error)}"
        ) from None
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise Refused(
            f"{error}. Say who you are in the environment: AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from None
    except (TokenRetrievalError, CredentialRetrievalError, SSOError) as error:
        raise Refused(
            f"Your credentials have expired, or can't be had ({error}). Log in again, as by `aws sso login`."
        ) from None
    except (ConnectionError, InvalidRegionError) as error:
        raise Refused(
            f"AWS can't be reached ({service}): {error}. Is AWS_REGION {region} right, and is there internet?"
        ) from None
    except ResponseParserError:
        raise Refused(_not_aws(service, "what can't be read")) from None
    except BotoCoreError as error:
        raise Refused(f"AWS can't be asked ({service}): {error}") from None


def _attempts(told: str) -> int:
    if not told.isdecimal() or int(told) < 1:
        raise Refused(f"AWS_MAX_ATTEMPTS can't be {told!r}. It is a number, such as 10")
    return int(told)


def _not_aws(service: str, answer: str) -> str:
    return (
        f"What answers in AWS's place ({service}) says {answer}. Is a proxy between, a network's login page, or"
        " AWS_ENDPOINT_URL set?"
    )


def code_of(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


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
