"""Files made from templates and variables: written whole, or not at all."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from deploy.kit.aws import Aws
from deploy.kit.config import Config

HERE = Path(__file__).parents[1]
RENDERED = HERE / "rendered"
CODE_PORT = 4000
CODE_NAME = "code"
RUN_TAG = "stats-assets/run-of"
"""Of a run's task, with CLUSTER_NAME: what the daemon and the webserver may end (cloudformation/cluster.yaml)."""


class RenderError(Exception):
    """A template that names a variable which nothing gives a value."""


def values_of(config: Config, image: str) -> dict[str, str]:
    """What templates may name: every variable, and what follows from them. Lists and maps are JSON, which is YAML."""
    return dict(config.values) | {
        "IMAGE": image,
        "STRATEGY": json.dumps(config.strategy),
        "SUBNET_LIST": json.dumps(config.subnets),
        "RUN_FAMILY": config.named("run"),
        "RUN_TAG": RUN_TAG,
        "SETTINGS": json.dumps(config.settings),
        "CODE_HOST": f"{CODE_NAME}.{config.zone}",
        "CODE_PORT": str(CODE_PORT),
        "RUNS": config.runs,
        "PLACEMENT": json.dumps(config.placement.get("placementStrategy", [])),
        "RUNS_FOR_BACKFILLS": str(config.runs_for_backfills),
    }


def local_values(values: Mapping[str, str]) -> dict[str, str]:
    """What the compose file of one Docker host may name: likewise.

    The pages' password is made of the database's, so that who knows theirs does not know the owner's.
    """
    password = hashlib.sha256(f"pages {values['LOCAL_DB_PASSWORD']}".encode()).hexdigest()[:40]
    return dict(values) | {
        "DEPLOY": str(HERE),
        "LOCAL_PEOPLE": values["LOCAL_PEOPLE"] or "full",
        "LOCAL_PAGES_PORT": values["LOCAL_PAGES_PORT"] or "8080",
        "PAGES_PASSWORD": password,
        "PAGES_PROFILES": "[]" if values["LOCAL_CONTACT"] else "[with-local-contact]",
    }


def rendered(template: Path, values: Mapping[str, str]) -> str:
    """The template with its $NAMEs replaced. Raises RenderError."""
    try:
        return Template(template.read_text()).substitute(values)
    except (KeyError, ValueError) as error:
        raise RenderError(f"{template.name}: no value for {error}") from None


def place(aws: Aws, path: Path, content: bytes) -> None:
    """Say it, and write it; under dry_run only say it."""
    if not aws.dry_run:
        write(path, content)
    aws.say(f"{'would write' if aws.dry_run else 'wrote'} {path.relative_to(HERE.parent)}")


def write(path: Path, content: bytes) -> None:
    """In one piece: whoever reads it meanwhile, or an end in the middle, finds the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def template_body(name: str) -> str:
    """A CloudFormation template's text."""
    return (HERE / "cloudformation" / f"{name}.yaml").read_text()


def parameters(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """As CloudFormation wants them, in order."""
    return [{"ParameterKey": key, "ParameterValue": str(values[key])} for key in sorted(values)]
