"""What services, runs and single tasks have said, from the deployment's log group: once, or as long as one looks.

And for how long that is kept.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from deploy.kit import ownership
from deploy.kit.aws import Aws, Refused, code_of
from deploy.kit.config import Config

KEEP_LOGS = 30
"""Days."""
MOST_MINUTES = 60 * 24 * 30
PREFIXES = {"migration": "daemon", "task": "run"}
"""What is no service, and whose log it is in."""
OVERLAP = 20_000  # milliseconds: of several streams some arrive late


def keep(aws: Aws, config: Config) -> None:
    """The log group, made where it lacks; one of ours has its retention, whatever came between the two calls.

    Another's keeps what it has, and is said where that is for ever: AWS takes money for each month.
    """
    name = config["AWS_LOG_GROUP"]
    groups = aws.read("logs", "describe_log_groups", logGroupNamePrefix=name)["logGroups"]
    found = next((one for one in groups if one["logGroupName"] == name), None)
    if found is None:
        tags = {one["Key"]: one["Value"] for one in ownership.tags(config)}
        aws.change(f"create log group {name}", "logs", "create_log_group", logGroupName=name, tags=tags)
    elif found.get("retentionInDays"):
        return
    elif not _is_our_group(aws, config, found):
        aws.say(f"log group {name} is another's, and keeps its events for ever: see to it where it was made")
        return
    what = f"keep its events {KEEP_LOGS} days"
    aws.change(what, "logs", "put_retention_policy", logGroupName=name, retentionInDays=KEEP_LOGS)


def _is_our_group(aws: Aws, config: Config, found: dict[str, Any]) -> bool:
    arn = found["arn"].removesuffix(":*")
    tags = aws.read("logs", "list_tags_for_resource", resourceArn=arn).get("tags", {})
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    return ownership.is_ours(config, given, named=True)


def show(aws: Aws, config: Config, service: str, minutes: str = "", follow: bool = False) -> None:
    """What it has said lately; with follow, what it says from then on, until Ctrl-C. Raises Refused."""
    known = ("code", "daemon", "webserver", "read-only", "pages", "watch", "run", *PREFIXES)
    if service not in known:
        raise Refused(f"SERVICE can't be {service!r}. There are: {', '.join(known)}")
    if (
        not (minutes or "1")[:6].isdecimal()
        or len(minutes) > 6
        or not 1 <= int(minutes or 30) <= MOST_MINUTES
    ):
        raise Refused(f"MINUTES can't be {minutes!r}. It is a number from 1 to {MOST_MINUTES}, such as 120")
    since = int((datetime.now(UTC).timestamp() - int(minutes or 30) * 60) * 1000)
    seen: dict[str, int] = {}
    prefix = f"{PREFIXES.get(service, service)}/"
    try:
        if not _new(aws, config, prefix, since, seen):
            return
        if not seen:
            aws.say(f"{service} has said nothing in {int(minutes or 30)} minutes")
        while follow:
            time.sleep(aws.pause)
            newest = max(seen.values(), default=since)
            _new(aws, config, prefix, max(since, newest - OVERLAP), seen)
    except KeyboardInterrupt:
        aws.say("")


def _new(aws: Aws, config: Config, prefix: str, since: int, seen: dict[str, int]) -> bool:
    """Say what was not said yet; whether there is a log at all."""
    where = {"logGroupName": config["AWS_LOG_GROUP"], "logStreamNamePrefix": prefix, "startTime": since}
    try:
        events = aws.pages("logs", "filter_log_events", "events", **where)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        aws.say(f"There is no log group {config['AWS_LOG_GROUP']} yet: make configure-cluster makes it")
        return False
    for event in events:
        if event["eventId"] not in seen:
            aws.say(_line(event))
    for old in [one for one, at in seen.items() if at < since]:
        del seen[old]
    seen.update({event["eventId"]: event["timestamp"] for event in events})
    return True


def of_stream(aws: Aws, group: str, stream: str) -> Callable[[], bool]:
    """Each call says what one task has said since; whether that was anything."""
    token: list[str] = []

    def more() -> bool:
        said = False
        for page in _pages(aws, group, stream, token):
            for event in page["events"]:
                said = True
                aws.say(_line(event))
        return said

    return more


def _pages(aws: Aws, group: str, stream: str, token: list[str]) -> Iterator[dict[str, Any]]:
    while True:
        from_there = {"nextToken": token[0]} if token else {}
        try:
            page = aws.read(
                "logs",
                "get_log_events",
                logGroupName=group,
                logStreamName=stream,
                startFromHead=True,
                **from_there,
            )
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":  # it has said nothing yet
                return
            raise
        yield page
        if [page["nextForwardToken"]] == token:
            return
        token[:] = [page["nextForwardToken"]]


def _line(event: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return f"{at:%H:%M:%S} {event['message'].rstrip()}"
