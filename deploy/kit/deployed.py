"""Which image is deployed, which ones were before it, and whether it is at work. The services' stack remembers them."""

from typing import Any

from deploy.kit import cluster, stacks
from deploy.kit.aws import Aws
from deploy.kit.config import Config

MOST = 5


def image(aws: Aws, config: Config) -> str | None:
    """What the services are of; None: there are none. A start that was refused has deployed nothing."""
    found = _outputs(aws, config)
    if "Image" in found:
        return found["Image"]
    daemon = _daemon(aws, config)  # of a stack that an earlier version made
    if daemon is None:
        return None
    task = aws.read("ecs", "describe_task_definition", taskDefinition=daemon["taskDefinition"])[
        "taskDefinition"
    ]
    return str(task["containerDefinitions"][0]["image"])


def before(aws: Aws, config: Config) -> list[str]:
    """Those that were deployed before it, the last one last."""
    return [one for one in _outputs(aws, config).get("Before", "").split(",") if one]


def parameters(aws: Aws, config: Config, new: str) -> dict[str, str]:
    """What the stack is to remember with that one; what was deployed already has before it what it had then."""
    now, earlier = image(aws, config), before(aws, config)
    if new in earlier:
        earlier = earlier[: earlier.index(new)]
    elif now is not None and now != new:
        earlier = [*earlier, now][-MOST:]
    return {"Image": new, "Before": ",".join(earlier)}


def is_wanted(aws: Aws, config: Config) -> bool | None:
    """Whether the daemon is to run; False: it was stopped, None: there is none."""
    found = _daemon(aws, config)
    return bool(found["desiredCount"]) if found else None


def _outputs(aws: Aws, config: Config) -> dict[str, str]:
    name = config.named("services")
    return stacks.outputs(aws, name) if stacks.find(aws, name) else {}


def _daemon(aws: Aws, config: Config) -> dict[str, Any] | None:
    return next((one for one in cluster.services(aws, config) if one["serviceName"] == "daemon"), None)
