"""Files that the kit renders, and scripts inside templates, as their own linters see them."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.kit.config import load
from deploy.kit.instance import LAYER
from deploy.kit.render import HERE, local_values, rendered, values_of
from deploy.kit.variables import AWS, LOCAL
from tests.deploy.templates import resources
from tests.deploy.test_config import GOOD


def check(program: str, *arguments: str, given: str = "") -> None:
    """A linter of the environment has nothing to say."""
    done = subprocess.run(  # noqa: S603
        [str(Path(sys.executable).with_name(program)), *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["deploy", "local"])
def test_compose_files_are_what_the_schema_says(name: str, tmp_path: Path) -> None:
    values = values_of(load(AWS, LOCAL, environment=GOOD), "stats-assets:test")
    values |= local_values(load(LOCAL, environment=GOOD).values)
    file = tmp_path / "docker-compose.yml"
    file.write_text(rendered(HERE / f"docker-compose.{name}.yml.tpl", values))
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(file))


def test_the_schema_refuses_what_is_no_compose_file(tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text("services: {code: {comand: [x]}}")
    with pytest.raises(AssertionError, match="comand"):
        check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(file))


def test_the_machines_script() -> None:
    script = resources("cluster")["Launch"]["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    check("shellcheck", "-", given=script.removeprefix("Sub ").replace("${ClusterName}", "name"))


def test_the_images_last_layer() -> None:
    check("hadolint", "-", given=LAYER)
