# ruff: noqa: E501 - rows of tables
"""docs/cost.md: what a deployment costs a month, by where runs are, on what, and what is in the network.

`python -m benchmarks.cost` prints it, `--write` writes the file. From a simulated week (deploy/kit/week.py) and published
prices (deploy/prices.yaml): nothing here is measured but the seconds that deploy/README.md has.
"""

import sys
from pathlib import Path

from deploy.kit.config import Config, load
from deploy.kit.cost import (
    CONFIG_ITEMS,
    ENDPOINTS,
    FEEDS_GB_DAY,
    IMAGE_GB,
    WEEKS,
    Line,
    Network,
    bill,
    of,
    prices,
)
from deploy.kit.variables import AWS
from deploy.kit.week import BEGIN, COME, GO, POLL, WORK, simulated

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"
ROOM, LARGE_ROOM = 3, 4
"""Tasks on an m5.xlarge by its interfaces, and by its processors where the account has trunking."""


def main() -> int:
    """Print the page, or write it."""
    text = page()
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(text)
    else:
        print(text)
    return 0


def configured(**others: str) -> Config:
    """The template's variables, with a database of the kit's."""
    given = {name: one.example for name, one in AWS.items() if one.required}
    return load(AWS, environment=given | {"DB_INSTANCE_CLASS": "db.t4g.large"} | others)


def page() -> str:
    """The whole text."""
    price = prices()
    parts = [
        "# What a deployment on AWS costs",
        "",
        "Computed by `python -m benchmarks.cost --write` from published prices in"
        f" [deploy/prices.yaml](../deploy/prices.yaml) ({price['region']}, {price['looked_up']}; look them up again before you"
        " decide by them) and a simulated week of the live streams. Nothing here was billed by AWS. `make preflight` prints"
        " the same for your own variables and account.",
        "",
        "## A month",
        "",
        *_by_mode(),
        "",
        "Without what leaves AWS, taxes, support and free tiers; backups within the database's size.",
        "",
        "## One of them, line by line",
        "",
        "`RUNS := mixed` on EC2, as the template has it, with a database of the kit's:",
        "",
        *_lines(of(configured(), ROOM)[1]),
        "",
        "## What changes it",
        "",
        *_levers(),
        "",
        "## What is assumed",
        "",
        "| | |",
        "|---|---|",
        f"| both streams, each minute | a tick each {POLL:.0f} s; what comes while a run is at work is one run with the next |",
        f"| a live run | {WORK['live'][0]:.0f} to {WORK['live'][1]:.0f} s of work a minute of the feed |",
        f"| until its first step | {_span('process')} forked by the code server; {_span('EC2')} a task on EC2, {_span('FARGATE')} on Fargate"
        " (where each comes from: [deploy/README.md](../deploy/README.md#from-published-to-visible)) |",
        f"| each hour | a step of the verification ({WORK['verification'][0]:.0f} to {WORK['verification'][1]:.0f} s), retention |",
        f"| machines | one that is wanted comes in {COME / 60:.0f} minutes, an empty one goes after {GO / 60:.0f} |",
        f"| the image | {IMAGE_GB * 1000:.0f} MB compressed; a machine keeps it, a Fargate task fetches it each time |",
        f"| the feeds' bodies | {FEEDS_GB_DAY:.0f} GB a day, through NAT in any case |",
        f"| AWS Config | {CONFIG_ITEMS} items a task's interface |",
        "",
    ]
    return "\n".join(parts)


def _span(kind: str) -> str:
    low, high = BEGIN[kind]
    return f"{low:g} to {high:g} s"


def _by_mode() -> list[str]:
    rows = [
        "| RUNS | on | a month | of it tasks and machines | tasks a week | published → visible, simulated |",
        "|---|---|---|---|---|---|",
    ]
    for launch in ("EC2", "FARGATE"):
        for runs in ("mixed", "tasks", "processes"):
            week, lines = of(configured(RUNS=runs, LAUNCH_TYPE=launch), ROOM)
            total = sum(one.dollars for one in lines)
            part = sum(one.dollars for one in lines[:2])
            where = "EC2, m5.xlarge" if launch == "EC2" else "Fargate"
            rows.append(
                f"| {runs} | {where} | ${total:,.0f} | ${part:,.0f} | {week.tasks:,} | {week.visible:.0f} s |"
            )
    return rows


def _lines(lines: list[Line]) -> list[str]:
    rows = ["| | a month | rests on |", "|---|---|---|"]
    rows += [f"| {one.what} | ${one.dollars:,.2f} | {one.rests_on} |" for one in lines]
    return [*rows, f"| **together** | **${sum(one.dollars for one in lines):,.0f}** | |"]


def _levers() -> list[str]:
    price = prices()
    hour = price["machine_hour"]["m5.xlarge"]
    packed, spread = (
        simulated("tasks", "EC2", 4, ROOM, how).machine_hours * WEEKS for how in ("binpack", "spread")
    )
    crowded, roomy = (simulated("tasks", "EC2", 4, room).machine_hours * WEEKS for room in (ROOM, LARGE_ROOM))
    fargate = configured(RUNS="tasks", LAUNCH_TYPE="FARGATE")
    on_fargate = simulated("tasks", "FARGATE", 4, ROOM)
    with_gateway, without = (
        next(
            one
            for one in bill(fargate, on_fargate, ROOM, Network(s3_gateway=has))
            if one.what == "through NAT"
        )
        for has in (True, False)
    )
    items = {
        runs: simulated(runs, "EC2", 4, ROOM).tasks * WEEKS * CONFIG_ITEMS for runs in ("mixed", "tasks")
    }
    gigabytes = IMAGE_GB * WEEKS * on_fargate.tasks
    hourly = ENDPOINTS * 2 * 730 * price["endpoint_zone_hour"]
    return [
        "| | |",
        "|---|---|",
        f"| placement `binpack` (the kit's) in place of `spread`, RUNS := tasks | {packed:,.0f} machine-hours a month in place of"
        f" {spread:,.0f}: ${(spread - packed) * hour:,.0f} less. Spread puts each short run on the emptiest machine, which so"
        " never goes |",
        f"| `awsvpcTrunking` in the account, RUNS := tasks | {LARGE_ROOM} tasks on an m5.xlarge in place of {ROOM}:"
        f" {roomy:,.0f} machine-hours in place of {crowded:,.0f}, ${(crowded - roomy) * hour:,.0f} less. Switched on by hand: `aws ecs"
        " put-account-setting-default --name awsvpcTrunking --value enabled`, then new machines |",
        f"| S3's gateway endpoint, RUNS := tasks on Fargate | {gigabytes / 1000:,.1f} TB of images a month by it, for nothing; through"
        f" NAT ${without.dollars - with_gateway.dollars:,.0f}. `configure-cluster` refuses Fargate without it |",
        f"| interface endpoints for ECR, logs, secrets | ${hourly:,.0f} a month for {ENDPOINTS} in two zones; they pay from"
        f" {hourly / (price['nat_gb'] - price['endpoint_gb']):,.0f} GB a month of what is not S3's: not here |",
        f"| AWS Config, where it records network interfaces | {items['tasks']:,.0f} items a month with RUNS := tasks, ${items['tasks'] * price['config_item']:,.0f};"
        f" {items['mixed']:,.0f} with mixed, ${items['mixed'] * price['config_item']:,.0f}. Leave `AWS::EC2::NetworkInterface` out of the recorder |",
    ]


if __name__ == "__main__":
    sys.exit(main())
