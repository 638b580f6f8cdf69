"""The settings, one typed object: from the environment, or from `.env` in the project's root.

Names, defaults and meanings are the README's table. Nothing is read when this module is imported, and nothing
here connects to anything.
"""

import os
import shlex
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from stats_assets import __version__
from stats_assets.replication.archive import Archive
from stats_assets.replication.outcomes import masked
from stats_assets.replication.places import is_web, place_of
from stats_assets.root import is_demo

OVERPASS_MAIN = "https://overpass-api.de"
PLANET_CHANGESETS = "https://planet.openstreetmap.org/replication/changesets"
PROJECT = "https://github.com/stats-assets/stats-assets"


class SettingsError(ValueError):
    """A setting that can't be used; the message names it and says what it should be."""


class Settings(BaseSettings):
    """What a person can set. Times are in seconds. An empty value counts as unset, but for ARCHIVE_URI."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    database_url: str | None = Field(None, repr=False, pattern="^postgres(ql)?://")
    read_database_url: str | None = Field(None, repr=False, pattern="^postgres(ql)?://")
    overpass_url: str = Field(OVERPASS_MAIN, pattern="^https?://")
    augmented_diffs_url: str | None = None
    changesets_url: str = PLANET_CHANGESETS
    augmented_diffs_start: int | None = Field(None, ge=0, le=999_999_999)
    changesets_start: int | None = Field(None, ge=0, le=999_999_999)
    stats_data_dir: Path = Path(".data")
    archive_uri: str | None = None
    regions_file: Path | None = None
    categories_file: Path | None = None
    overpass_pause_seconds: float | None = Field(None, ge=0, le=3600)
    refreshments_rows: int = Field(4, ge=3, le=4)  # OSMesa's stat-server can do with three alone
    poll_seconds: int = Field(15, ge=1)
    max_parallel_runs: int = Field(2, ge=1)
    retry_first_seconds: float = Field(60, gt=0)
    retry_max_seconds: float = Field(3600, gt=0)
    retry_attempts: int = Field(8, ge=1)
    hole_grace_seconds: float = Field(21600, ge=0)
    settle_seconds: float = Field(3900, ge=0)  # an Overpass keeps its last 60 minutes' files
    runs_keep_days: int = Field(7, ge=1)
    archive_keep_days: int | None = Field(None, ge=1)
    lease_stale_seconds: float = Field(20, gt=0)
    start_limit_seconds: float = Field(60, gt=0)
    http_timeout_seconds: float = Field(240, gt=0)
    user_agent: str = f"stats-assets/{__version__} (+{PROJECT})"
    alert_command: str | None = None
    alert_url: str | None = Field(None, repr=False)

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any, info: Any) -> Any:
        if value == "" and info.field_name != "archive_uri":
            return cls.model_fields[info.field_name].default
        return value

    @field_validator("augmented_diffs_url", "changesets_url")
    @classmethod
    def _can_be_read(cls, value: str | None) -> str | None:
        if value and not is_web(value):
            try:
                place_of(value)
            except ValueError as error:
                raise ValueError(f"{error}, or a web address (https://...)") from None
        return value

    @field_validator("archive_uri")
    @classmethod
    def _can_be_written(cls, value: str | None) -> str | None:
        Archive(value or "", "changesets")
        return value

    @field_validator("stats_data_dir", "regions_file", "categories_file")
    @classmethod
    def _is_here(cls, value: Path | None) -> Path | None:
        if urlsplit(str(value)).scheme:
            raise ValueError(f"{str(value)!r} can't be used: take a path")
        try:
            return value and value.expanduser()
        except RuntimeError as error:  # ~somebody
            raise ValueError(f"{str(value)!r} can't be used: {error}") from None

    @field_validator("alert_command")
    @classmethod
    def _can_be_run(cls, value: str | None) -> str | None:
        try:
            if value is not None and not shlex.split(value):
                raise ValueError("it names no program")
        except ValueError as error:
            raise ValueError(
                f"{str(error)[:1].lower()}{str(error)[1:]}; take a program and its arguments"
            ) from None
        return value

    @field_validator("alert_url")
    @classmethod
    def _can_be_posted_to(cls, value: str | None) -> str | None:
        # What was given is not repeated: a webhook's address is a secret.
        wrong = "must be an address that begins with http:// or https:// and names a host"
        try:
            parts = None if value is None else urlsplit(value)
            good = parts is None or (parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
        except ValueError:
            good = False
        if not good or any(c.isspace() or not c.isprintable() for c in value or ""):
            raise ValueError(wrong)
        return value

    @cached_property
    def archive(self) -> str:
        """Where bodies are kept; empty: nowhere."""
        return str(self.stats_data_dir / "archive") if self.archive_uri is None else self.archive_uri

    def start(self, stream: str) -> int | None:
        """The first sequence to do on a database without a checkpoint; None: the feed's head."""
        return self.augmented_diffs_start if stream == "augmented_diffs" else self.changesets_start


def enter(root: Path) -> None:
    """Be in the project's root: from there paths are relative, and its `.env` is read.

    In a demo's the demo's own settings count, whatever the environment says.
    """
    os.chdir(root)
    if is_demo(root):
        for name in Settings.model_fields:
            os.environ.pop(name.upper(), None)


def load_settings() -> Settings:
    """The settings as they are now. Raises SettingsError that names each bad one."""
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(_said(str(each["loc"][0]), each) for each in error.errors(include_url=False))
        raise SettingsError(
            f"A setting can't be used. {problems}. Settings come from the environment or from .env."
        ) from None


def _said(name: str, problem: ErrorDetails) -> str:
    if name in ("database_url", "read_database_url"):  # it may hold a password
        return f"{name.upper()} must begin with postgresql://"
    if "error" in problem.get("ctx", {}):  # of our own validators
        return f"{name.upper()}: {problem['ctx']['error']}"
    if name == "overpass_url":
        return f"OVERPASS_URL must begin with http:// or https:// (it is {masked(str(problem['input']))!r})"
    message = problem["msg"]
    return f"{name.upper()}: {message[:1].lower()}{message[1:]} (it is {problem['input']!r})"
