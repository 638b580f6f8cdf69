"""The name by which webserver and daemon find the code server: a private DNS name, kept true by ECS.

By calls and not in a stack: the namespace outlives the services, so that a new address is found within 10 seconds.
"""

from typing import Any

from deploy.kit import ownership
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config
from deploy.kit.render import CODE_NAME


def registry(aws: Aws, config: Config, patience: float = 300) -> str:
    """The ARN that the code service registers with; namespace and name are made if they are not there."""
    zone = config.zone
    if _namespace(aws, zone) is None:
        about = {"Name": zone, "Vpc": config["VPC"], "Tags": ownership.tags(config)}
        what = f"create private DNS namespace {zone}"
        aws.change(what, "servicediscovery", "create_private_dns_namespace", **about)
        aws.until(
            f"namespace {zone}",
            lambda: _namespace(aws, zone) is not None,
            patience,
            "Cloud Map's operations say why.",
        )
    namespace = _namespace(aws, zone)
    found = _service(aws, namespace["Id"]) if namespace else None  # none: a dry run
    if namespace and found and not _is_ours(aws, config, namespace, found):
        raise Refused(
            f"There is a name {CODE_NAME}.{zone} that others made: the code server would be found beside theirs. It is"
            " not changed: take another CLUSTER_NAME."
        )
    if found is None:
        aws.change(
            f"create name {CODE_NAME}.{zone}",
            "servicediscovery",
            "create_service",
            Name=CODE_NAME,
            NamespaceId=namespace["Id"] if namespace else "",
            DnsConfig={"RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": 10}]},
            HealthCheckCustomConfig={"FailureThreshold": 1},
            Tags=ownership.tags(config),
        )
        found = _service(aws, namespace["Id"]) if namespace else None
    if found is None and not aws.dry_run:
        raise Refused(f"Cloud Map did not make {CODE_NAME}.{zone}.")
    return found or f"(the name {CODE_NAME}.{zone})"


def _is_ours(aws: Aws, config: Config, namespace: dict[str, Any], name: str) -> bool:
    """Of an older kit the name has no tags: it goes with the namespace that has them."""
    return ownership.is_ours(config, _tags(aws, name), named=True) or ownership.is_ours(
        config, _tags(aws, namespace["Arn"]), named=True
    )


def _namespace(aws: Aws, zone: str) -> dict[str, Any] | None:
    found = aws.pages("servicediscovery", "list_namespaces", "Namespaces")
    return next((one for one in found if one["Name"] == zone and one["Type"] == "DNS_PRIVATE"), None)


def _services(aws: Aws, namespace: str) -> dict[str, str]:
    """ARNs by names. Each is asked for its namespace: a filter that is not heard would give another deployment's."""
    filters = [{"Name": "NAMESPACE_ID", "Values": [namespace], "Condition": "EQ"}]
    found = {}
    for one in aws.pages("servicediscovery", "list_services", "Services", Filters=filters):
        about = aws.read("servicediscovery", "get_service", Id=one["Id"])["Service"]
        if about["NamespaceId"] == namespace:
            found[str(about["Name"])] = str(about["Arn"])
    return found


def _service(aws: Aws, namespace: str) -> str | None:
    return _services(aws, namespace).get(CODE_NAME)


def remove(aws: Aws, config: Config) -> None:
    """Name and namespace, if they are there and the kit made them; waits until the namespace is gone.

    Raises Refused with AWS's reason.
    """
    zone = config.zone
    namespace = _namespace(aws, zone)
    if namespace is None:
        return
    tags = _tags(aws, namespace["Arn"])
    made_it = ownership.is_ours(config, tags, named=True)
    names = _services(aws, namespace["Id"])
    own = names.pop(CODE_NAME, None)
    if own and _is_ours(aws, config, namespace, own):
        what = f"delete name {CODE_NAME}.{zone}"
        aws.insist(what, "servicediscovery", "delete_service", Id=own.rpartition("/")[2])
    if not made_it:
        ownership.leave(aws, config, f"namespace {zone}", tags)
        return
    if names:
        aws.say(f"namespace {zone}: left, as others have names in it: {', '.join(sorted(names))}")
        return
    started = aws.insist(
        f"delete namespace {zone}", "servicediscovery", "delete_namespace", Id=namespace["Id"]
    )
    if aws.dry_run:
        return

    def is_gone() -> bool:
        about = aws.read("servicediscovery", "get_operation", OperationId=started["OperationId"])["Operation"]
        if about["Status"] == "FAIL":
            raise Refused(
                f"Namespace {zone} can't be deleted: {about.get('ErrorMessage', 'AWS says no more')}"
            )
        return _namespace(aws, zone) is None

    aws.until(f"namespace {zone} to go", is_gone, aws.patience, "Cloud Map's operations say why.")


def _tags(aws: Aws, arn: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = aws.read("servicediscovery", "list_tags_for_resource", ResourceARN=arn)[
        "Tags"
    ]
    return found
