"""The settings, one typed object: from the environment, or from `.env` in the project's root.

Names, defaults and meanings are the README's table. Nothing is read when this module is imported, and nothing
here connects to anything.
"""

import os
import re
import shlex
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from stats_assets import __version__
from stats_assets.conflicts import conflicts
from stats_assets.feeds.addresses import (
    addresses_in,
    begins_as_web,
    fault_of,
    not_a_folder,
    require_readable,
)
from stats_assets.feeds.outcomes import masked
from stats_assets.feeds.storage import PLACES, place_of
from stats_assets.mendable import Mendable, reason_of
from stats_assets.root import is_demo
from stats_assets.streams import TABLE, Stream

OVERPASS_MAIN = "https://overpass-api.de"
PLANET_CHANGESETS = "https://planet.openstreetmap.org/replication/changesets"
DELETED_USERS = "https://planet.openstreetmap.org/users_deleted/users_deleted.txt"
SHOWN = 100
PROJECT = "https://github.com/stats-assets/stats-assets"
HOUR, MONTH, YEAR = 3600, 31 * 86_400, 366 * 86_400  # seconds
CENTURY = 36_600  # days
SEVERAL = ("overpass_url", "changesets_url", "osmchange_url")
"""Settings that take several addresses."""

_SCHEME = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*:(?=/)")
_MAIL = re.compile(r"[^@\s<>\"']+@[^@\s<>\"'.]+(\.[^@\s<>\"'.]+)*")
_HEADER = re.compile(r"[!-~\xa1-\xff]([ -~\xa0-\xff]*[!-~\xa1-\xff])?")


class SettingsError(Mendable, ValueError):
    """A setting that can't be used; the message names it and says what it should be."""


class Settings(BaseSettings):
    """What a person can set. Times are in seconds. An empty value counts as unset, but for ARCHIVE_URI."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, allow_inf_nan=False
    )

    database_url: str | None = Field(None, repr=False, pattern="^postgres(ql)?://")
    read_database_url: str | None = Field(None, repr=False, pattern="^postgres(ql)?://")
    overpass_url: str = Field(OVERPASS_MAIN, pattern="^https?://")
    overpass_first: str | None = None
    augmented_diffs_url: str | None = None
    osmchange_url: str | None = None
    planet_file: Path | None = None
    augment_store: Path | None = None
    made_diffs_uri: str | None = None
    changesets_url: str = PLANET_CHANGESETS
    augmented_diffs_start: int | None = Field(None, ge=0, le=999_999_999)
    changesets_start: int | None = Field(None, ge=0, le=999_999_999)
    stats_data_dir: Path = Path(".data")
    archive_uri: str | None = None
    regions_file: Path | None = None
    categories_file: Path | None = None
    unions_file: Path | None = None
    milestones_file: Path | None = None
    overpass_pause_seconds: float | None = Field(None, ge=0, le=3600)
    refreshments_rows: int = Field(4, ge=3, le=4)  # OSMesa's stat-server can do with three alone
    poll_seconds: int = Field(15, ge=1, le=HOUR)
    max_parallel_runs: int = Field(2, ge=1, le=100)
    retry_first_seconds: float = Field(60, gt=0, le=MONTH)
    retry_max_seconds: float = Field(3600, gt=0, le=MONTH)
    retry_attempts: int = Field(8, ge=1, le=1000)
    hole_grace_seconds: float = Field(21600, ge=0, le=YEAR)
    settle_seconds: float = Field(3900, ge=0, le=MONTH)  # an Overpass keeps its last 60 minutes' files
    runs_keep_days: int = Field(7, ge=1, le=CENTURY)
    archive_keep_days: int | None = Field(None, ge=1, le=CENTURY)
    lease_stale_seconds: float = Field(20, ge=1, le=HOUR)  # with signs of life each third of it
    start_limit_seconds: float = Field(60, gt=0, le=12 * HOUR)
    http_timeout_seconds: float = Field(240, gt=0, le=HOUR)  # a run may take twelve
    user_agent: str = f"stats-assets/{__version__} (+{PROJECT})"
    alert_command: str | None = None
    alert_url: str | None = Field(None, repr=False)
    public_url: str | None = None
    people: Literal["full", "names", "none"] | None = None
    contact: str | None = None
    events_file: Path | None = None
    deleted_users_url: str = DELETED_USERS
    answer_seconds: float = Field(5, gt=0, le=300)
    web_connections: int = Field(8, ge=1, le=1000)
    limit_seconds: float = Field(60, ge=0, le=HOUR)  # of the database, a minute, an address
    trusted_proxies: str = "127.0.0.1,::1"

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if value != "" or name == "archive_uri"}

    @field_validator(
        *("database_url", "read_database_url", "overpass_url", "augmented_diffs_url", "changesets_url"),
        *("osmchange_url", "made_diffs_uri", "archive_uri", "alert_url", "public_url"),
        mode="before",
    )
    @classmethod
    def _scheme_in_small_letters(cls, value: Any, info: ValidationInfo) -> Any:
        """As all who read it, libpq too, know it."""
        if not isinstance(value, str):
            return value
        found = addresses_in(value) if info.field_name in SEVERAL else [value]
        return " ".join(_SCHEME.sub(lambda found: found[0].lower(), one) for one in found)

    @field_validator("database_url", "read_database_url")
    @classmethod
    def _can_be_parsed(cls, value: str | None) -> str | None:
        try:
            parts = conninfo_to_dict(value or "")
        except ProgrammingError:  # whose text may hold the password
            raise ValueError(
                "it can't be read. It is postgresql://user:password@host:port/database, with special characters of"
                " user and password percent-encoded"
            ) from None
        if any(not _is_port(port) for port in str(parts.get("port") or "").split(",") if port):
            raise ValueError(
                "its port is none: a port is 1 to 65535, and special characters are percent-encoded"
            )
        return value

    @field_validator("overpass_url", "augmented_diffs_url", "osmchange_url", "changesets_url")
    @classmethod
    def _can_be_read(cls, value: str | None, info: ValidationInfo) -> str | None:
        several = value is not None and info.field_name in SEVERAL
        found = addresses_in(value or "") if several else [value] if value else []
        for one in found:
            require_readable(one)
            if found.count(one) > 1:
                raise ValueError(f"{masked(one)!r} is named twice: name each address once")
        return value

    @field_validator("public_url")
    @classmethod
    def _can_be_linked_to(cls, value: str | None) -> str | None:
        if value and (not begins_as_web(value) or fault_of(value) or not_a_folder(value)):
            fault = fault_of(value) or not_a_folder(value) or "it begins with http:// or https://"
            raise ValueError(f"{masked(value)!r} can't be used: {fault}")
        return value

    @field_validator("deleted_users_url")
    @classmethod
    def _can_be_asked(cls, value: str) -> str:
        if not begins_as_web(value) or fault_of(value):
            raise ValueError(
                f"{masked(value)!r} can't be used: take an address that begins with https:// or http://"
            )
        return value

    @field_validator("contact")
    @classmethod
    def _can_be_written_to(cls, value: str | None) -> str | None:
        if value is None or (begins_as_web(value) and not fault_of(value)) or _MAIL.fullmatch(value):
            return value
        raise ValueError(
            f"{value[:SHOWN]!r} can't be used: take an address of mail, or one of the web (https://...)"
        )

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        for part in value.split(","):
            try:
                if part.strip() != "*":
                    ip_network(part.strip())
            except ValueError:
                raise ValueError(
                    f"{part.strip()[:SHOWN]!r} can't be used: take addresses or networks (10.0.0.0/8) with commas, or *"
                ) from None
        return value

    @field_validator("overpass_url")
    @classmethod
    def _is_a_server(cls, value: str) -> str:
        """Its address alone: what is asked of it is ours."""
        for one in addresses_in(value):
            if not begins_as_web(one):
                raise ValueError(
                    f"{masked(one)!r} can't be used: each address begins with http:// or https://"
                )
            for end in ("/interpreter", "/augmented_diff", "/augmented_diff_status"):
                if one.rstrip("/").endswith(end):
                    raise ValueError(
                        f"{masked(one)!r} can't be used: leave {end} out, it is the server's address"
                    )
        return value

    @field_validator("overpass_first")
    @classmethod
    def _are_sequences(cls, value: str | None) -> str | None:
        for part in (value or "").split():
            if not re.fullmatch("-|[0-9]{1,9}", part):
                raise ValueError(f"{part[:SHOWN]!r} can't be used: take a sequence for each address, or -")
        return value

    @field_validator("user_agent")
    @classmethod
    def _fits_a_header(cls, value: str) -> str:
        if not _HEADER.fullmatch(value):
            raise ValueError("it can't be sent: take letters, digits and signs of Latin-1, in one line")
        return value

    @field_validator("archive_uri")
    @classmethod
    def _can_be_written(cls, value: str | None) -> str | None:
        if value:
            from stats_assets.feeds.archive import Archive

            Archive(value, "changesets")
        return value

    @field_validator("made_diffs_uri")
    @classmethod
    def _can_be_made(cls, value: str | None) -> str | None:
        if value and begins_as_web(value):
            raise ValueError(f"{masked(value)!r} can't be used: http can't be written to. Take {PLACES}")
        if value:
            place_of(value)
        return value

    @field_validator(
        *("stats_data_dir", "regions_file", "categories_file", "planet_file", "augment_store"),
        *("unions_file", "milestones_file", "events_file"),
    )
    @classmethod
    def _is_here(cls, value: Path | None) -> Path | None:
        if _SCHEME.match(str(value)):  # of the two slashes a path has kept one
            raise ValueError(f"{masked(str(value).replace(':/', '://', 1))!r} can't be used: take a path")
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
        if value is not None and (not begins_as_web(value) or fault_of(value)):
            raise ValueError("must be an address that begins with http:// or https:// and names a host")
        return value

    @model_validator(mode="after")
    def _together(self) -> "Settings":
        if (
            self.retry_first_seconds > self.retry_max_seconds
        ):  # of the two the one that nobody has set gives way
            given = self.model_fields_set & {"retry_first_seconds", "retry_max_seconds"}
            if given == {"retry_max_seconds"}:
                vars(self)["retry_first_seconds"] = self.retry_max_seconds
            elif given == {"retry_first_seconds"}:
                vars(self)["retry_max_seconds"] = self.retry_first_seconds
        found = "; ".join(one.rstrip(".") for one in conflicts(self))
        if found:
            raise ValueError(found)
        return self

    @property
    def overpass_urls(self) -> tuple[str, ...]:
        """The Overpasses' addresses, in order of preference."""
        return tuple(addresses_in(self.overpass_url))

    @property
    def overpass_firsts(self) -> tuple[int | None, ...]:
        """The first minute that each of them can answer, where it is set."""
        return tuple(None if one == "-" else int(one) for one in (self.overpass_first or "").split())

    @property
    def changesets_urls(self) -> tuple[str, ...]:
        """The changeset directories' addresses, in order of preference."""
        return tuple(addresses_in(self.changesets_url))

    @property
    def osmchange_urls(self) -> tuple[str, ...]:
        """OsmChange's addresses, in order of preference; none: no augmented diffs are made here."""
        return tuple(addresses_in(self.osmchange_url)) if self.osmchange_url else ()

    @cached_property
    def archive(self) -> str:
        """Where bodies are kept; empty: nowhere."""
        if self.archive_uri is not None:
            return self.archive_uri
        return _uri_of(self.stats_data_dir / "archive")

    @property
    def made_diffs(self) -> str:
        """Where augmented diffs of our own making lie."""
        return self.made_diffs_uri or _uri_of(self.stats_data_dir / "made_diffs")

    @property
    def store_folder(self) -> Path:
        """Where the store of what is now lies, of which they are made."""
        return self.augment_store or self.stats_data_dir / "augment_store"

    def start(self, stream: Stream) -> int | None:
        """The first sequence to do on a database without a checkpoint; None: the feed's head."""
        start: int | None = getattr(self, TABLE[stream].start_setting)
        return start


def enter(root: Path) -> None:
    """Be in the project's root: from there paths are relative, and its `.env` is read.

    In a demo's the demo's own settings count, whatever the environment says.
    """
    os.chdir(root)
    if is_demo(root):
        for name in Settings.model_fields:
            os.environ.pop(name.upper(), None)


def load_settings(**given: Any) -> Settings:
    """The settings as they are now, but for those given. Raises SettingsError that names each bad one."""
    try:
        return Settings(**given)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f".env can't be read: {reason_of(error, '.env')}. Make it a UTF-8 file that this user may read."
        ) from None
    except ValidationError as error:
        problems = "; ".join(map(_said, error.errors(include_url=False)))
        raise SettingsError(
            f"A setting can't be used. {problems}. Settings come from the environment or from .env."
        ) from None


def _said(problem: ErrorDetails) -> str:
    said = str(problem.get("ctx", {}).get("error", "")).rstrip(".")  # of our own validators
    if not problem["loc"]:
        return said
    name = str(problem["loc"][0])
    if said:
        return f"{name.upper()}: {said}"
    if name in ("database_url", "read_database_url"):  # it may hold a password
        return f"{name.upper()} must begin with postgresql://"
    if name == "overpass_url":
        return f"OVERPASS_URL must begin with http:// or https:// (it is {masked(str(problem['input']))!r})"
    message = problem["msg"]
    return f"{name.upper()}: {message[:1].lower()}{message[1:]} (it is {str(problem['input'])[:SHOWN]!r})"


def _uri_of(folder: Path) -> str:
    return f"./{folder}" if urlsplit(str(folder)).scheme else str(folder)  # a:b is a folder's name, too


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= 65_535
