"""`.env` and the environment as a person wrote them: names that are nearly a setting's, lines that say nothing, and
settings that are given twice. What the settings are and mean is settings.py's.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from stats_assets.conflicts import alone, unheard
from stats_assets.settings import Settings, SettingsError, load_settings

NAMES = tuple(name.upper() for name in Settings.model_fields)
OTHERS = ("AWS_", "COMPOSE_", "DAGSTER_", "DOCKER_", "LOCAL_", "OIDC_", "PG", "POSTGRES_", "STATS_ASSETS_")
"""What names begin with that are no settings: AWS's, Docker's, Dagster's, PostgreSQL's, deploy/'s, and of our own."""
RELATIVE = "Name another, or none for the packaged one; a relative path begins at the project's root."
NEAR_IN_FILE, NEAR_IN_ENVIRONMENT = 0.7, 0.88  # as difflib measures: the environment is full of others' names

MOST = 1 << 20  # bytes
DEFINING = ("categories_file", "regions_file")
"""Settings that name the files by which it is counted."""


def settings_of(
    root: Path, say: Callable[[str], None], *, writes: bool, files: Collection[str] = DEFINING
) -> Settings:
    """The settings of the project that one is in, for a person: says what is set and not heard.

    writes: not for who only looks; files: those of DEFINING that will be read. Raises SettingsError, also for what is
    set twice, and for such a file that is not there.
    """
    file = root / ".env"
    twice = set_twice(file)
    if twice:
        raise SettingsError(twice)
    for complaint in complaints(file):
        say(complaint)
    settings = load_settings()
    for complaint in unheard(settings):
        say(complaint)
    lonely = alone(settings) if writes else None
    if lonely:
        raise SettingsError(lonely)
    for name in files:
        path: Path | None = getattr(settings, name)
        if path is not None:
            require_file(name.upper(), path)
    return settings


def given_in(file: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The settings that have a value in the file or the environment. Raises SettingsError, also for two values."""
    twice = set_twice(file, environment)
    if twice:
        raise SettingsError(twice)
    both = [*dotenv_values(file).items(), *environment.items()]
    return {name.upper(): value for name, value in both if name.upper() in NAMES and value}


def ousted(file: Path, environment: Mapping[str, str] = os.environ) -> str | None:
    """What to say of the environment's settings that a demo's own, in this file, take the place of."""
    own = dotenv_values(file)
    names = sorted(
        {n.upper() for n, value in environment.items() if n.upper() in NAMES and value != own.get(n.upper())}
    )
    if not names:
        return None
    return f"In the demo's folder its own settings count, not the environment's {', '.join(names)}."


def require_file(name: str, path: Path) -> None:
    """Raises SettingsError where the setting's file is not there."""
    if not path.is_file():
        what = "is no file" if path.exists() else "is not there"
        raise SettingsError(f"{name}: {path.absolute()} {what}. {RELATIVE}")


def complaints(file: Path, environment: Mapping[str, str] = os.environ) -> list[str]:
    """What is set in the file or the environment and is not heard, a sentence each, without any value.

    A name that is far from every setting's is somebody else's, and is left alone. Raises SettingsError when the file
    can't be read.
    """
    said = list(_of_file(file))
    for name in sorted(environment):
        meant = _meant(name, NEAR_IN_ENVIRONMENT)
        if meant and meant not in {other.upper() for other in environment}:
            said.append(f"The environment sets {name}, which is no setting. Did you mean {meant}?")
    return said


def set_twice(file: Path, environment: Mapping[str, str] = os.environ) -> str | None:
    """What to say where a setting has one value in the environment and another in the file, or two there.

    Which one counts would depend on who reads: Dagster's programs put the file above the environment, and whoever
    reads the settings the environment above the file. So neither may.
    """
    _bindings(file)  # says it when it can't be read
    in_file = {name: value for name, value in dotenv_values(file).items() if value is not None}
    values = {}
    for where, given in ((f"in {file}", in_file), ("in the environment", environment)):
        values[where] = {name.upper(): value for name, value in given.items() if name.upper() in NAMES}
        for name, value in given.items():
            if values[where].get(name.upper(), value) != value:
                return f"{name.upper()} is set twice {where}, in large and small letters. Remove one of them."
    here, outside = values.values()
    for name, value in here.items():
        if outside.get(name, value) != value:
            return (
                f"{name} is set in the environment and, to something else, in {file}. Remove one of them:"
                " Dagster takes the file's, and other programs the environment's."
            )
    return None


def _of_file(file: Path) -> Iterator[str]:
    lines: dict[str, Binding] = {}
    for binding in _bindings(file):
        where = f"{file}, line {_line(binding)}"
        if binding.error:
            last = _line(binding) + binding.original.string.strip().count("\n")
            where += f" to {last}" if last > _line(binding) else ""
            yield f"{where} can't be read, and is skipped. A line is NAME=value, in quotes where it holds a quote."
        if binding.key is None:
            continue
        name = binding.key.upper()
        if name not in NAMES:
            meant = _meant(name, NEAR_IN_FILE)
            if meant:
                yield f"{where}: {binding.key} is no setting. Did you mean {meant}?"
            elif binding.value is None and not name.startswith(
                OTHERS
            ):  # unnamed: it may be a part of a value
                yield f"{where} has no =, and is skipped. A line is NAME=value."
            continue
        if binding.value is None:
            yield f"{where}: {binding.key} has no value, and does not count. A line is NAME=value."
            continue
        if "\n" in binding.original.string.strip():  # as it is written: a value may well say \n
            yield f"{where}: the value of {name} goes on over several lines. Is a quote missing at its end?"
        before = lines.get(binding.key)
        if before is not None and before.value != binding.value:
            yield f"{where}: {name} is set to something else in line {_line(before)}, too. The last one counts."
        lines[binding.key] = binding


def _bindings(file: Path) -> list[Binding]:
    """The file's lines as its readers understand them; none where there is no file. Raises SettingsError."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST + 1)
    except FileNotFoundError:
        if file.is_symlink():
            raise SettingsError(
                f"{file} leads to a file that is not there. Mend the link, or remove it."
            ) from None
        return []
    except OSError as error:
        raise SettingsError(
            f"{file} can't be read: {error.strerror}. Make it a file that this user may read."
        ) from None
    if len(content) > MOST:
        raise SettingsError(f"{file} is of more than {MOST >> 20} MB, which is no file of settings.")
    if b"\0" in content:
        raise SettingsError(f"{file} can't be read: it is UTF-16, or no text. Save it as UTF-8.")
    try:
        return list(parse_stream(StringIO(content.decode())))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SettingsError(
            f"{file}, line {line} can't be read: it is not UTF-8. Save the file as UTF-8."
        ) from None


def _line(binding: Binding) -> int:
    """The line that the binding's own text begins in: what was read for it begins with the blank lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _meant(name: str, near: float) -> str | None:
    """The setting whose name is nearest to a name that is none and nobody else's; None: none is near."""
    name = name.upper()
    if name in NAMES or name.startswith(OTHERS):
        return None
    return next(iter(get_close_matches(name, NAMES, 1, near)), None)
