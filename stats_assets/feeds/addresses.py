"""What can be an address in a setting: of the web, or a place that feeds are read from; and how several stand in one.

Nothing is asked here. Places are storage.py's; what each setting wants of its address, settings.py's.
"""

import re
from urllib.parse import urlsplit

from stats_assets.feeds.outcomes import masked
from stats_assets.feeds.storage import place_of

_BETWEEN = re.compile(r"\s+(?=[A-Za-z][A-Za-z0-9+.-]*:/|[/~]|\.{1,2}/)")  # a path may have spaces


def addresses_in(value: str) -> list[str]:
    """The addresses in a setting: they are separated by spaces, before what an address can begin with."""
    return _BETWEEN.split(value.strip())


def require_readable(address: str) -> None:
    """Raises ValueError, with what can be read from, for all else."""
    if begins_as_web(address):
        if fault := fault_of(address) or not_a_folder(address):
            raise ValueError(f"{masked(address)!r} can't be used: {fault}")
        return
    try:
        place_of(address)
    except ValueError as error:
        raise ValueError(f"{error}, or a web address (https://...)") from None


def begins_as_web(address: str) -> bool:
    """Whatever follows: storage.py's `is_web` is for what is known to be an address."""
    return re.match("https?://", address, re.IGNORECASE) is not None


def fault_of(address: str) -> str | None:
    """Why nothing can be asked at such a web address; None: something can."""
    if any(character.isspace() or not character.isprintable() for character in address):
        return "there is white space in it"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f"{str(error)[:1].lower()}{str(error)[1:]}"
    return None if host and port != 0 else "it names no host, or the port 0"


def not_a_folder(address: str) -> str | None:
    """Why files below it can't be named."""
    parts = urlsplit(address)
    return (
        "files are looked for below it, so that it has no ? or #" if parts.query or parts.fragment else None
    )
