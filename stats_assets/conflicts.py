"""Settings that are each fine, and can't be used together; and such as nothing hears beside the others.

A sentence each: which, why, what to do. What one setting may be is settings.py's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from stats_assets.feeds.storage import is_web, place_of

if TYPE_CHECKING:
    from stats_assets.settings import Settings

DAY = 86_400
SETTLE_LEAST = 3900  # seconds: edits come up to an hour late, by rule


def conflicts(settings: Settings) -> Iterator[str]:
    """What can't be used together."""
    s = settings
    firsts = len(s.overpass_firsts)
    if firsts and firsts != len(s.overpass_urls):
        yield (
            f"OVERPASS_FIRST has {firsts} sequences, and OVERPASS_URL {len(s.overpass_urls)} addresses. Give one for"
            " each, in their order, or - where it is not known"
        )
    if s.augmented_diffs_url and _alike(s.augmented_diffs_url) in map(_alike, s.changesets_urls):
        yield (
            "AUGMENTED_DIFFS_URL and CHANGESETS_URL are the same, and a directory's state.yaml tells of one stream."
            " Name each stream's own"
        )
    if s.osmchange_url and s.settle_seconds < SETTLE_LEAST:
        yield (
            f"SETTLE_SECONDS ({s.settle_seconds:g}) is less than {SETTLE_LEAST}, and beside OSMCHANGE_URL edits come"
            " an hour late and more: they would be counted in another minute than their own. Raise it, or leave it out"
        )
    archive = f"{s.archive.rstrip('/')}/augmented_diffs" if s.archive else None
    others = [
        *(("OSMCHANGE_URL", one) for one in s.osmchange_urls),
        ("the archive", archive),
        *(("CHANGESETS_URL", one) for one in s.changesets_urls),
    ]
    for name, other in others:
        if s.osmchange_url and other and _alike(s.made_diffs) == _alike(other):
            yield (
                f"MADE_DIFFS_URI is the place of {name}, and two would write one state there, or what is made would lie"
                " among what is read. Name a place of its own"
            )
    if s.retry_first_seconds > s.retry_max_seconds:
        yield (
            f"RETRY_FIRST_SECONDS ({s.retry_first_seconds:g}) is more than RETRY_MAX_SECONDS"
            f" ({s.retry_max_seconds:g}), and the first pause is the shortest. Raise the latter, or lower the former"
        )
    settles, drops = (
        s.osmchange_url is not None or s.augmented_diffs_url is None,
        s.archive and not _in_a_bucket(s.archive),
    )
    if settles and drops and s.settle_seconds >= (s.archive_keep_days or math.inf) * DAY:
        yield (
            f"SETTLE_SECONDS ({s.settle_seconds:g}) is not less than ARCHIVE_KEEP_DAYS ({s.archive_keep_days} days):"
            " bodies would be gone before they are read once more. Lower the former, or raise the latter"
        )
    yield from _of_databases(s)


def alone(settings: Settings) -> str | None:
    """What to say to who writes the statistics, where only those who look are told the database."""
    if settings.read_database_url is None or settings.database_url is not None:
        return None
    return (
        "READ_DATABASE_URL is set, and DATABASE_URL is not: what is counted would go to the embedded server, and sql,"
        " status and watch would look at another. Set DATABASE_URL, too, or remove READ_DATABASE_URL."
    )


def unheard(settings: Settings) -> Iterator[str]:
    """What is set, and does nothing, or no good, beside the others; it can be used otherwise."""
    s, given = settings, settings.model_fields_set
    if s.osmchange_url:
        for name in ("augmented_diffs_url", "overpass_url", "overpass_first", "overpass_pause_seconds"):
            if name in given and getattr(s, name) != type(s).model_fields[name].default:
                yield f"{name.upper()} does nothing beside OSMCHANGE_URL: augmented diffs are made here."
    else:
        for name in ("planet_file", "augment_store", "made_diffs_uri"):
            if name in given and getattr(s, name) is not None:
                yield f"{name.upper()} does nothing without OSMCHANGE_URL: no augmented diffs are made here."
    if s.augmented_diffs_url and not s.osmchange_url:
        for name in ("overpass_url", "overpass_first", "overpass_pause_seconds", "settle_seconds"):
            if name in given and getattr(s, name) != type(s).model_fields[name].default:
                yield f"{name.upper()} does nothing beside AUGMENTED_DIFFS_URL: it is for an Overpass."
    if s.archive_keep_days is not None and not s.archive:
        yield "ARCHIVE_KEEP_DAYS does nothing, as ARCHIVE_URI is empty: no bodies are kept."
    elif s.archive_keep_days is not None and _in_a_bucket(s.archive):
        yield "ARCHIVE_KEEP_DAYS does nothing in a bucket: give that a lifecycle rule."
    host = _parts(s.database_url).get("host", "")
    if host.startswith("/") and _embedded(s).get("host") == host:
        yield (
            "DATABASE_URL is that of the embedded server in STATS_DATA_DIR, which runs only as long as somebody uses"
            " it. Leave DATABASE_URL unset: then it is started when it is needed."
        )


def _of_databases(s: Settings) -> Iterator[str]:
    here, reads = _parts(s.database_url), _parts(s.read_database_url)
    names = [parts["dbname"] for parts in (here, reads) if parts.get("dbname")]
    # Elsewhere, behind a pooler, the same one may have another name: then the connection tells (database/looking.py).
    if len(names) == 2 and names[0] != names[1] and _server(here) == _server(reads):
        yield (
            f"READ_DATABASE_URL names the database {names[1]}, and DATABASE_URL the database {names[0]}."
            " Both name the same one, by two logins"
        )


def _parts(url: str | None) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in conninfo_to_dict(url or "").items() if value is not None}
    except ProgrammingError:
        return {}  # whoever connects says it


def _embedded(s: Settings) -> dict[str, str]:
    """Where the embedded server of STATS_DATA_DIR was last."""
    from stats_assets.embedded_postgres.access import FOLDER, read_state  # which knows the settings

    try:
        return _parts(read_state(s.stats_data_dir.absolute() / FOLDER).url)
    except OSError:
        return {}


def _server(parts: dict[str, str]) -> tuple[str, ...]:
    return parts.get("host", "").lower(), parts.get("hostaddr", ""), parts.get("port") or "5432"


def _in_a_bucket(archive: str) -> bool:
    return not isinstance(place_of(archive), Path)


def _alike(url: str) -> tuple[str, ...]:
    """The same for each way to write one place."""
    if not is_web(url):
        place = place_of(url)
        return str(type(place)), normpath(str(place))
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    scheme = "" if port in (80, 443) else parts.scheme
    number = "" if port in (80, 443) else str(port)
    return scheme, parts.hostname or "", number, normpath(f"/{unquote(parts.path).lstrip('/')}")
