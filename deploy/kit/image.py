"""The image: built, given this deployment's instance settings, pushed, by docker or whatever CONTAINERS names."""

import base64
import os
import shlex
import subprocess
from pathlib import Path

from deploy.kit import instance, repository
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config
from deploy.kit.render import HERE, RENDERED
from stats_assets import __version__

PROJECT = HERE.parent


def containers() -> str:
    """The program that builds and pushes."""
    return os.environ.get("CONTAINERS", "docker")


def call(
    aws: Aws, what: str, *arguments: str, given: bytes = b"", folder: Path = PROJECT, hint: str = ""
) -> None:
    """Say and do. Raises Refused when the program is not there, or fails."""
    if aws.dry_run:
        aws.say(f"would {what}: {shlex.join([containers(), *arguments])}")
        return
    aws.say(what)
    try:
        subprocess.run([containers(), *arguments], input=given or None, cwd=folder, check=True)  # noqa: S603
    except FileNotFoundError:
        raise Refused(f"There is no {containers()!r} here. Name another: make … CONTAINERS=podman") from None
    except subprocess.CalledProcessError as error:
        raise Refused(
            f"{containers()} {arguments[0]} failed with exit code {error.returncode}.{hint}"
        ) from None


def commit() -> str:
    """The short commit, with `-dirty` where files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def tag() -> str:
    """Version and commit: never the same for another content, and never only `latest`."""
    return f"{__version__}-{commit()}"


def build(aws: Aws, config: Config) -> None:
    """The image `stats-assets:TAG`: webserver, daemon, code server and runs are all this one."""
    labels = {"version": __version__, "revision": commit(), "licenses": "Apache-2.0"}
    marked = [f"--label=org.opencontainers.image.{name}={value}" for name, value in labels.items()]
    base = [f"--build-arg=BASE_IMAGE={config['BASE_IMAGE']}"] if config["BASE_IMAGE"] else []
    call(aws, f"build stats-assets:{tag()}", "build", *base, *marked, "-t", f"stats-assets:{tag()}", ".")


def deployed_tag(aws: Aws, config: Config) -> str:
    """The tag in the repository: the image's, and a digest of the settings in its last layer."""
    return f"{tag()}-{instance.digest(aws, config)}"


def address(aws: Aws, config: Config) -> str:
    """The image's address in the repository. Raises Refused before the cluster's stack is there."""
    return f"{repository.uri(aws, config)}:{deployed_tag(aws, config)}"


def push(aws: Aws, config: Config) -> None:
    """Log in, add this deployment's settings as a last layer, push. A tag that is there already is not pushed again."""
    if tag().endswith("-dirty") and not aws.dry_run:
        raise Refused(
            "Files differ from the commit: commit them first, so that the tag says what is in the image."
        )
    full = address(aws, config)
    if is_pushed(aws, full):
        aws.say(f"{full}: is there already")
        return
    given = aws.read("ecr", "get_authorization_token")["authorizationData"][0]
    user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    registry = full.partition("/")[0]
    call(
        aws,
        f"log in to {registry}",
        "login",
        "-u",
        user,
        "--password-stdin",
        registry,
        given=password.encode(),
    )
    instance.render(aws, config)
    layer = ["build", f"--build-arg=IMAGE=stats-assets:{tag()}", "-t", full, "."]
    call(
        aws,
        f"add the instance's settings: {full}",
        *layer,
        folder=RENDERED,
        hint=f" Is stats-assets:{tag()} there? First: make build-container",
    )
    call(aws, f"push {full}", "push", full)


def is_pushed(aws: Aws, full: str) -> bool:
    """Whether the repository has it."""
    place, _, wanted = full.rpartition(":")
    registry, _, name = place.partition("/")
    if not name:  # a dry run, before the repository is there
        return False
    found = aws.pages(
        "ecr", "list_images", "imageIds", repositoryName=name, registryId=registry.partition(".")[0]
    )
    return any(one.get("imageTag") == wanted for one in found)


def pushed(aws: Aws, config: Config) -> str:
    """The image's address. Raises Refused when it is not in the repository: tasks of it would never start."""
    full = address(aws, config)
    if not aws.dry_run and not is_pushed(aws, full):
        raise Refused(f"{full} is not in the repository. First: make build-container push-image")
    return full
