"""The name by which webserver and daemon find the code server: a private DNS name, kept true by ECS.

By calls and not in a stack: the namespace outlives the services, so that a new address is found within 10 seconds.
"""

from deploy.kit.aws import OURS, Aws, Refused
from deploy.kit.config import Config
from deploy.kit.render import CODE_NAME


def registry(aws: Aws, config: Config, patience: float = 300) -> str:
    """The ARN that the code service registers with; namespace and name are made if they are not there."""
    zone = config.zone
    if _namespace(aws, zone) is None:
        what = f"create private DNS namespace {zone}"
        aws.change(
            what, "servicediscovery", "create_private_dns_namespace", Name=zone, Vpc=config["VPC"], Tags=OURS
        )
        aws.until(
            f"namespace {zone}",
            lambda: _namespace(aws, zone) is not None,
            patience,
            "Cloud Map's operations say why.",
        )
    namespace = _namespace(aws, zone)
    if namespace is None:  # a dry run
        return ""
    found = _service(aws, namespace)
    if found is None:
        aws.change(
            f"create name {CODE_NAME}.{zone}",
            "servicediscovery",
            "create_service",
            Name=CODE_NAME,
            NamespaceId=namespace,
            DnsConfig={"RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": 10}]},
            HealthCheckCustomConfig={"FailureThreshold": 1},
        )
        found = _service(aws, namespace)
    if found is None and not aws.dry_run:
        raise Refused(f"Cloud Map did not make {CODE_NAME}.{zone}.")
    return found or ""


def _namespace(aws: Aws, zone: str) -> str | None:
    found = aws.pages("servicediscovery", "list_namespaces", "Namespaces")
    return next((str(one["Id"]) for one in found if one["Name"] == zone), None)


def _service(aws: Aws, namespace: str) -> str | None:
    filters = [{"Name": "NAMESPACE_ID", "Values": [namespace], "Condition": "EQ"}]
    found = aws.pages("servicediscovery", "list_services", "Services", Filters=filters)
    return next((str(one["Arn"]) for one in found if one["Name"] == CODE_NAME), None)


def remove(aws: Aws, config: Config) -> None:
    """Name and namespace, if they are there."""
    namespace = _namespace(aws, config.zone)
    if namespace is None:
        return
    found = _service(aws, namespace)
    if found is not None:
        identity = found.rpartition("/")[2]
        aws.change(
            f"delete name {CODE_NAME}.{config.zone}", "servicediscovery", "delete_service", Id=identity
        )
    aws.change(f"delete namespace {config.zone}", "servicediscovery", "delete_namespace", Id=namespace)
