"""A release, tried: wheel and sdist, each in a bare virtual environment, with the C module and, as where there is no
compiler, without. `make release-check`; no test is here.

It needs a package index for what the two are made with and depend on (at the versions of requirements.lock).
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

PROJECT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
TRIED = (
    ("stats-assets", "--help"),
    ("stats-assets", "--version"),
    ("stats-assets", "hashtags", "#a"),
    ("python", "-c", "import stats_assets.definitions"),
)
READER = ("python", "-c", "from stats_assets.osm.compiled import READER; print(READER)")
WITHOUT = {"CC": "/nonexistent/cc"}
"""As if there were no compiler."""


class NotReady(Exception):
    """What is not as a release has to be; the message says what."""


def build(folder: Path, environment: Mapping[str, str]) -> tuple[Path, Path]:
    """The wheel, which is made from the sdist, and the sdist."""
    _call(UV, "build", "--quiet", "--out-dir", folder, PROJECT, environment=environment)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def names_in(package: Path) -> set[str]:
    """The files of a wheel or an sdist, below its own top folder."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            return set(wheel.namelist())
    with tarfile.open(package) as sdist:
        return {name.partition("/")[2] for name in sdist.getnames()}


def files_of_the_package() -> set[str]:
    """All that git knows below stats_assets/: the code, and the data that it reads."""
    listed = subprocess.run(
        ["git", "ls-files", "stats_assets"],  # noqa: S607
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(listed.stdout.split("\n")) - {""}


def lacking(package: Path, files: Iterable[str]) -> list[str]:
    """Those of the files that the package has not."""
    return sorted(set(files) - names_in(package))


def try_out(package: Path, folder: Path, environment: Mapping[str, str], reader: str) -> None:
    """Install it in a virtual environment of its own, and do what a user does first. Raises NotReady.

    reader: what has to read there, C or Python.
    """
    made = folder / f"env{package.suffix}"
    _call(UV, "venv", "--quiet", "--python", sys.executable, made)
    python = made / "bin" / "python"
    install = ("--quiet", "--python", python, "-c", PROJECT / "requirements.lock", package)
    _call(UV, "pip", "install", *install, environment=environment)
    away = folder / "elsewhere"
    away.mkdir(exist_ok=True)
    for name, *arguments in TRIED:
        _call(made / "bin" / name, *arguments, cwd=away)
    name, *arguments = READER
    if (found := _call(made / "bin" / name, *arguments, cwd=away).strip()) != reader:
        raise NotReady(f"{package.name} reads by {found}, not by {reader}.")


def check_the_words(version: str, tags: Iterable[str], changelog: str) -> None:
    """A commit with a version's tag has this version, and the changelog tells of it. Raises NotReady."""
    for tag in tags:
        if tag.startswith("v") and tag != f"v{version}":
            raise NotReady(f"The tag is {tag}, and pyproject.toml has the version {version}.")
        if tag.startswith("v") and not re.search(
            rf"^## {re.escape(version)}(?![\w.])", changelog, re.MULTILINE
        ):
            raise NotReady(f"CHANGELOG.md has no section of {version}.")


def main() -> None:
    """All of it; exits with 1 and a sentence when something is not right."""
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    pointing = subprocess.run(
        ["git", "tag", "--points-at", "HEAD"],  # noqa: S607
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    try:
        check_the_words(version, pointing.stdout.split(), (PROJECT / "CHANGELOG.md").read_text())
        for reader, environment in (("C", {}), ("Python", WITHOUT)):
            with tempfile.TemporaryDirectory(prefix="release-") as made:
                for package in build(Path(made), environment):
                    missing = lacking(package, files_of_the_package())
                    if missing:
                        raise NotReady(f"{package.name} lacks {', '.join(missing)}.")
                    try_out(package, Path(made), environment, reader)
                    print(f"{package.name}: whole, installed, tried; {reader} reads")
    except NotReady as error:
        sys.exit(f"not to be released: {error}")


def _call(
    program: Path, *arguments: str | Path, cwd: Path = PROJECT, environment: Mapping[str, str] | None = None
) -> str:
    given = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    given |= environment or {}
    done = subprocess.run(  # noqa: S603
        [program, *arguments], cwd=cwd, env=given, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise NotReady(f"{program.name} {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main()
