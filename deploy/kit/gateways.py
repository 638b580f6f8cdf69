"""Ways out of the VPC that cost: whether images and archive come by S3's own gateway, which is free, or through NAT."""

from typing import Any

from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config
from deploy.kit.cost import IMAGE_GB

HOW = (
    "aws ec2 create-vpc-endpoint --vpc-id {vpc} --vpc-endpoint-type Gateway --service-name com.amazonaws.{region}.s3"
    " --route-table-ids {tables}"
)


def tables(aws: Aws, config: Config, subnets: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """The route table of each subnet, without names of SUBNETS: its own, or the VPC's main one."""
    filters = [{"Name": "vpc-id", "Values": [config["VPC"]]}]
    found = aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=filters)
    by_subnet = {one.get("SubnetId"): table for table in found for one in table["Associations"]}
    main: dict[str, Any] = next(
        (table for table in found if any(one.get("Main") for one in table["Associations"])), {}
    )
    return {subnet: by_subnet.get(subnet, main) for subnet in subnets or config.subnets}


def endpoints(aws: Aws, config: Config) -> list[dict[str, Any]]:
    """Of the VPC, those that are there; a deleted one is described for a while."""
    filters = [{"Name": "vpc-id", "Values": [config["VPC"]]}]
    found = aws.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=filters)
    return [one for one in found if one.get("State", "available").lower() == "available"]


def without_s3(aws: Aws, config: Config) -> list[str]:
    """Route tables of the subnets that have no way to S3 but NAT."""
    service = f"com.amazonaws.{aws.region}.s3"
    has = {
        table
        for one in endpoints(aws, config)
        if one["ServiceName"] == service and one["VpcEndpointType"] == "Gateway"
        for table in one.get("RouteTableIds", ())
    }
    return sorted({str(one.get("RouteTableId", "")) for one in tables(aws, config).values()} - has)


def require(aws: Aws, config: Config) -> None:
    """On Fargate each task fetches the image anew. Raises Refused without the gateway."""
    if lacking := without_s3(aws, config):
        how = HOW.format(vpc=config["VPC"], region=aws.region, tables=" ".join(lacking))
        raise Refused(
            f"On Fargate each task fetches the image anew, {IMAGE_GB * 1000:.0f} MB: through NAT that is paid for by"
            f" the GB (docs/cost.md). S3's gateway endpoint costs nothing. Make it:\n{how}"
        )
