"""The image: built, given this deployment's instance settings, pushed, by docker or whatever CONTAINERS names."""

import base64
import os
import shlex
import subprocess
from pathlib import Path

from botocore.exceptions import ClientError

from deploy.kit import instance, repository
from deploy.kit.aws import GONE, Aws, Refused, code_of
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


UNKNOWN, DIRTY = "unknown", "-dirty"
PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}


def commit() -> str:
    """The short commit, with `-dirty` where files differ from it, or are not in it; `unknown` outside a checkout."""
    top = _git("rev-parse", "--show-toplevel")
    found = _git("rev-parse", "--short=10", "HEAD")
    if not top or not found or Path(top).resolve() != PROJECT.resolve():  # unpacked inside another's checkout
        return UNKNOWN
    changed = _git("status", "--porcelain", "--untracked-files=normal")
    return found if changed == "" else f"{found}{DIRTY}"


def _git(*words: str) -> str | None:
    """What git says; None: it is not there, or refuses."""
    try:
        done = subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=True)  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _unnamed(name: str) -> str:
    """Why a tag would not say what is in the image; empty: it says it."""
    if name.endswith(DIRTY):
        return (
            "Files differ from the commit, or are not in it (git status): commit them first, so that the tag says what"
            " is in the image."
        )
    if name.endswith(UNKNOWN):
        return (
            "This folder is no git checkout (or git is not here): the tag could not say what is in the image. Deploy"
            " from a clone."
        )
    return ""


def tag() -> str:
    """Version and commit: never the same for another content, and never only `latest`."""
    return f"{__version__}-{commit()}"


def build(aws: Aws, config: Config) -> None:
    """The image `stats-assets:TAG`: webserver, daemon, code server and runs are all this one."""
    labels = {"version": __version__, "revision": commit(), "licenses": "Apache-2.0"}
    marked = [f"--label=org.opencontainers.image.{name}={value}" for name, value in labels.items()]
    base = [f"--build-arg=BASE_IMAGE={config['BASE_IMAGE']}"] if config["BASE_IMAGE"] else []
    name = local(config)
    call(aws, f"build {name}", "build", *_platform(config), *base, *marked, "-t", name, ".")


def local(config: Config) -> str:
    """The image's name on this machine: of each processor another."""
    other = "-arm64" if _platform(config) and config.architecture == "arm64" else ""
    return f"stats-assets:{tag()}{other}"


def _platform(config: Config) -> list[str]:
    """The machines' processor; on one Docker host its own."""
    return [f"--platform={PLATFORMS[config.architecture]}"] if "INSTANCE_TYPE" in config.values else []


def deployed_tag(aws: Aws, config: Config) -> str:
    """The tag in the repository: the image's, and a digest of the settings in its last layer."""
    return f"{local(config).partition(':')[2]}-{instance.digest(aws, config)}"


def address(aws: Aws, config: Config) -> str:
    """The image's address in the repository. Raises Refused before the cluster's stack is there."""
    return f"{repository.uri(aws, config)}:{deployed_tag(aws, config)}"


def push(aws: Aws, config: Config) -> None:
    """Log in, add this deployment's settings as a last layer, push. A tag that is there already is not pushed again."""
    if why := _unnamed(commit()):
        if not aws.dry_run:
            raise Refused(why)
        aws.say(f"would refuse: {why}")
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
    layer = ["build", *_platform(config), f"--build-arg=IMAGE={local(config)}", "-t", full, "."]
    call(
        aws,
        f"add the instance's settings: {full}",
        *layer,
        folder=RENDERED,
        hint=f" Is {local(config)} there? First: make build-container",
    )
    call(aws, f"push {full}", "push", full)


def is_pushed(aws: Aws, full: str) -> bool:
    """Whether the repository has it."""
    place, _, wanted = full.rpartition(":")
    registry, _, name = place.partition("/")
    account = registry.partition(".")[0]
    try:
        found = aws.pages("ecr", "list_images", "imageIds", repositoryName=name, registryId=account)
    except ClientError as error:
        if code_of(error) not in GONE:
            raise
        if aws.dry_run:  # before the repository is there
            return False
        raise Refused(
            f"There is no repository {place}. First: make ecr-repository, or mend ECR_REPO"
        ) from None
    return any(one.get("imageTag") == wanted for one in found)


def pushed(aws: Aws, config: Config) -> str:
    """The image's address. Raises Refused when it is not in the repository: tasks of it would never start."""
    repository.require(aws, config)
    full = address(aws, config)
    if not aws.dry_run and not is_pushed(aws, full):
        raise Refused(f"{full} is not in the repository. First: make build-container push-image")
    return full
