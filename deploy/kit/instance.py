"""What the image has of this deployment alone: Dagster's configuration, and the files of deploy/instance/.

It is the image's last layer, as runs need it, too; image.py builds and pushes it.
"""

import hashlib
import shutil
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic import ValidationError

from deploy.kit import stacks
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config
from deploy.kit.render import HERE, RENDERED, place, rendered, values_of
from stats_assets.env_file import complaints
from stats_assets.osm.categories import Categories
from stats_assets.osm.regions import Regions
from stats_assets.settings import Settings

FOLDER = HERE / "instance"
SETTINGS = "settings.env"
DATABASE_CA = "database-ca.pem"
"""Who vouches for a PostgreSQL that has an authority of its own (certificates.py)."""
GIVEN = (
    *("DATABASE_URL", "OVERPASS_URL", "AUGMENTED_DIFFS_URL", "CHANGESETS_URL"),
    *("AUGMENTED_DIFFS_START", "CHANGESETS_START", "ARCHIVE_URI", "STATS_DATA_DIR", "START_LIMIT_SECONDS"),
    *("PEOPLE", "CONTACT"),
)
"""Settings that the containers' environment has, by a variable or by the kit: settings.env would not be heard."""
LAYER = """# Made by `make push-image`: the image with what is this deployment's own.
ARG IMAGE
FROM ${IMAGE}
COPY files/ /srv/stats-assets/
"""
NAMED: Mapping[str, Callable[[Path], object]] = {
    "CATEGORIES_FILE": Categories.load,
    "REGIONS_FILE": Regions.load,
}


def files(aws: Aws, config: Config) -> dict[str, bytes]:
    """Each file's content by its path in the image's /srv/stats-assets. Raises Refused."""
    group = stacks.outputs(aws, config.named("cluster"))["TaskGroup"]
    values = values_of(config, "") | {"TASK_GROUP": group}
    dagster = {
        f"{name}.yaml": rendered(HERE / f"{name}.ecs.yaml.tpl", values).encode()
        for name in ("dagster", "workspace")
    }
    return dagster | own()


def own() -> dict[str, bytes]:
    """Those of deploy/instance/. Raises Refused that names each setting that can't be used here."""
    check(image=True)
    found = {
        f"instance/{file.name}": file.read_bytes()
        for file in sorted(FOLDER.iterdir())
        if file.is_file() and file.name not in ("README.md", SETTINGS)
    }
    settings = FOLDER / SETTINGS
    return found | ({".env": settings.read_bytes()} if settings.exists() else {})


def check(*, image: bool) -> None:
    """Raises Refused when settings.env, or a file that it names, can't be used, or must not be put into an image."""
    given: dict[str, str] = {name: value or "" for name, value in dotenv_values(FOLDER / SETTINGS).items()}
    wrong = complaints(FOLDER / SETTINGS, {})
    wrong += [f"{name} is no setting" for name in given if name.lower() not in Settings.model_fields]
    wrong += [f"{name} is not set here: see config-aws.mk" for name in given if name in GIVEN]
    if "READ_DATABASE_URL" in given:
        wrong.append(
            "READ_DATABASE_URL is not set here: it holds a password, and the image is no place for one"
        )
    if image and "TRUSTED_PROXIES" in given:
        wrong.append("TRUSTED_PROXIES is not set here: the pages are told the networks of their balancer")
    if image and "ALERT_URL" in given:
        wrong.append(
            "ALERT_URL is not set here: whoever knows it can post there, so it must not be in an image"
        )
    try:
        Settings.model_validate({name.lower(): value for name, value in given.items()})
    except ValidationError as error:
        bad = {str(one["loc"][0]).upper(): one["msg"] for one in error.errors()}
        wrong += [f"{name}: {bad[name]}" for name in given if name in bad]
    for name, load in NAMED.items():
        if file := given.get(name):
            wrong += _unusable(name, file, load)
    wrong += _not_a_certificate()
    if wrong:
        raise Refused(f"deploy/instance/{SETTINGS} can't be used:\n" + "\n".join(wrong))


def _not_a_certificate() -> list[str]:
    file = FOLDER / DATABASE_CA
    try:
        if file.exists():
            ssl.create_default_context(cafile=file)
    except (OSError, ValueError) as error:
        return [f"{DATABASE_CA} beside it is no certificate in PEM: {error}"]
    return []


def _unusable(name: str, file: str, load: Callable[[Path], object]) -> list[str]:
    if Path(file).parent != Path("instance"):
        return [
            f"{name} can't be {file!r}: put it into deploy/instance/. An example: instance/{Path(file).name}"
        ]
    try:
        load(FOLDER / Path(file).name)
    except (OSError, ValueError) as error:
        return [f"{name}: {error}"]
    return []


def digest(aws: Aws, config: Config) -> str:
    """The same for the same files: a part of the image's tag."""
    content = sorted(files(aws, config).items())
    return hashlib.sha256(repr(content).encode()).hexdigest()[:8]


def render(aws: Aws, config: Config) -> None:
    """The layer, into rendered/: its Dockerfile, and its files alone."""
    given = files(aws, config)
    if not aws.dry_run:
        shutil.rmtree(RENDERED / "files", ignore_errors=True)
    place(aws, RENDERED / "Dockerfile", LAYER.encode())
    for name, content in given.items():
        place(aws, RENDERED / "files" / name, content)
