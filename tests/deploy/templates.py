"""The CloudFormation templates as data, for tests."""

from typing import Any

import yaml

from deploy.kit.render import template_body


class Tolerant(yaml.CSafeLoader):
    """CloudFormation's own tags are read as text: `!Ref A` is "Ref A"."""


Tolerant.add_multi_constructor(
    "!",
    lambda loader, suffix, node: f"{suffix} {node.value}" if isinstance(node, yaml.ScalarNode) else suffix,
)


def resources(part: str) -> dict[str, Any]:
    """A template's resources by their logical names."""
    document = yaml.load(template_body(part), Loader=Tolerant)  # noqa: S506
    found: dict[str, Any] = document["Resources"]
    return found
