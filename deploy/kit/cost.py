"""What a deployment costs a month, from published prices (deploy/prices.yaml) and a simulated week (week.py).

An estimate: each line says what it rests on. What the data sources cost nobody, and what leaves AWS, is not in it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import yaml

from deploy.kit.config import Config
from deploy.kit.render import HERE
from deploy.kit.week import SECONDS, Week, simulated

MONTH_HOURS = 730.0
WEEKS = MONTH_HOURS * 3600 / SECONDS
IMAGE_GB = 0.357
FEEDS_GB_DAY = 2.0
"""Of bodies, assumed: what the streams fetch comes through NAT whatever else does."""
LOGS_GB_DAY = 0.15
CONFIG_ITEMS = 6
"""AWS Config's records of a task's interface, assumed: made, attached, detached, deleted, and what it belongs to."""
ALARMS, METRICS, INSIGHTS = 17, 31, 60
OF_PAGES, OF_SCALING = 2, 2
"""Alarms that are there with pages alone: ours, and those by which their tasks become more and fewer."""
ZONES = 2
ENDPOINTS = 4
"""Interfaces that a task's start goes through: ecr.api, ecr.dkr, logs, secretsmanager."""


class Line(NamedTuple):
    """Of the bill; dollars a month."""

    what: str
    dollars: float
    rests_on: str


class Network(NamedTuple):
    """What there is of it."""

    s3_gateway: bool = True
    endpoints: bool = False
    nats: int = 1
    config_recorder: bool = False


@cache
def prices() -> Mapping[str, Any]:
    """As the file has them."""
    found: Mapping[str, Any] = yaml.safe_load((HERE / "prices.yaml").read_text())
    return found


def bill(config: Config, week: Week, room: int, network: Network = Network()) -> list[Line]:  # noqa: B008 - a tuple
    """A month's. A price that the file lacks is a line of 0 that says so."""
    price = prices()
    lines = [*_tasks(config, week, room), *_database(config)]
    # A machine keeps the image; each Fargate task fetches it anew.
    pulls = IMAGE_GB * WEEKS * (week.machines_begun if config.on_ec2 else week.tasks)
    through_nat = FEEDS_GB_DAY * 365 / 12 + (0 if network.s3_gateway else pulls)
    hours = network.nats * MONTH_HOURS
    lines += [
        Line(
            "NAT gateways",
            hours * (price["nat_hour"] + price["address_hour"]),
            f"{network.nats}, all the time",
        ),
        Line(
            "through NAT",
            through_nat * price["nat_gb"],
            f"{through_nat:,.0f} GB: feeds, {_of_image(network, pulls)}",
        ),
    ]
    if network.endpoints:
        hourly = ENDPOINTS * ZONES * MONTH_HOURS * price["endpoint_zone_hour"]
        lines.append(Line("interface endpoints", hourly, f"{ENDPOINTS} in {ZONES} zones"))
    if network.config_recorder:
        items = week.tasks * WEEKS * CONFIG_ITEMS
        lines.append(
            Line("AWS Config", items * price["config_item"], f"{items:,.0f} items: {CONFIG_ITEMS} a task")
        )
    balancer = MONTH_HOURS * (price["balancer_hour"] + price["balancer_unit_hour"])
    logs = LOGS_GB_DAY * 365 / 12
    alarms = ALARMS + (OF_PAGES + OF_SCALING if config.pages else 0)
    watched = alarms * price["alarm_month"] + METRICS * price["metric_month"] + price["dashboard_month"]
    return [
        *lines,
        Line("load balancer", balancer, "one unit"),
        *_pages(config, balancer),
        Line("logs", logs * (price["logs_gb"] + price["logs_gb_month"]), f"{logs:.1f} GB"),
        Line("alarms, metrics, dashboard", watched, f"{alarms} alarms, {METRICS} metrics"),
        Line("Container Insights", INSIGHTS * price["insights_metric_month"], f"about {INSIGHTS} metrics"),
        Line("secrets, images", 3 * price["secret_month"] + 2 * price["image_gb_month"], "3 secrets, 2 GB"),
    ]


def _pages(config: Config, balancer: float) -> list[Line]:
    """Their balancer; their tasks are among the services, at the least."""
    if not config.pages:
        return []
    addresses = ZONES * MONTH_HOURS * prices()["address_hour"]
    said = f"one unit, {ZONES} public addresses; not what they send, nor tasks beyond {config['PAGES_MIN']}"
    return [Line("load balancer of the pages", balancer + addresses, said)]


def _of_image(network: Network, pulls: float) -> str:
    return (
        f"{pulls:,.0f} GB of images by the S3 gateway"
        if network.s3_gateway
        else f"and {pulls:,.0f} GB of images"
    )


def _tasks(config: Config, week: Week, room: int) -> list[Line]:
    price = prices()
    if config.on_ec2:
        kind = config["INSTANCE_TYPE"]
        hours = week.machine_hours * WEEKS
        hourly = price["machine_hour"].get(kind)
        disks = hours / MONTH_HOURS * 60 * price["machine_disk_gb_month"]
        said = f"{hours:,.0f} hours of {kind}, {room} tasks each"
        return [
            Line(
                "machines",
                hours * (hourly or 0),
                said if hourly else f"{said}: its price is not in prices.yaml",
            ),
            Line("their disks", disks, "60 GB each"),
        ]
    size = config.code_size
    cpus = size["CodeCpu"] / 1024 + 0.5 * (config.all_tasks() - 2) + 0.25
    memory = size["CodeMemory"] / 1024 + 1.0 * (config.all_tasks() - 2) + 0.5
    cpu, gigabyte = price["fargate_cpu_hour"], price["fargate_gb_hour"]
    return [
        Line(
            "services on Fargate", MONTH_HOURS * (cpus * cpu + memory * gigabyte), f"{cpus} CPUs, {memory} GB"
        ),
        Line(
            "run tasks on Fargate",
            week.task_hours * WEEKS * (cpu + 2 * gigabyte),
            f"{week.task_hours:,.0f} hours a week",
        ),
    ]


def _database(config: Config) -> list[Line]:
    if not config.own_database:
        return [Line("database", 0, "not the kit's own")]
    hourly = prices()["database_hour"].get(config["DB_INSTANCE_CLASS"])
    storage = int(config["DB_STORAGE"] or 100)
    dollars = MONTH_HOURS * (hourly or 0) + storage * prices()["database_gb_month"]
    said = f"{config['DB_INSTANCE_CLASS']}, {storage} GB, backups within its size"
    return [Line("database", dollars, said if hourly else f"{said}: its price is not in prices.yaml")]


def of(config: Config, room: int, network: Network = Network()) -> tuple[Week, list[Line]]:  # noqa: B008 - a tuple
    """The week of a configuration, and its bill."""
    week = simulated(config.runs, config["LAUNCH_TYPE"], config.all_tasks(), max(room, 1))
    return week, bill(config, week, room, network)
