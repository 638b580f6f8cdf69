"""The demo's folder: a project of its own beside the live one, which remembers its world between starts.

It holds what a project's root holds (`dagster.yaml`, `.env`, `.dagster`, `.data`), so that every command works
in it on the demo's data. Which programs run there is `local/demo.py`'s.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from stats_assets.demo.world.minute import since
from stats_assets.demo.world.world import DEFAULT_CHANGESETS_FIRST
from stats_assets.files import write_first, write_whole
from stats_assets.root import DEMO
from stats_assets.settings import Settings

INTERVAL = 60.0
"""Seconds in which a minute of the invented world passes: any faster, and its edits would be dated in the future."""
HEARD = frozenset(("ALERT_COMMAND", "ALERT_URL"))
"""Settings that a demo takes from the environment it is started in: alerts can be tried. The live `.env`'s are not."""
HISTORY = 250
"""Minutes that have passed already when the demo is first started: enough to see blocks caught up in parallel."""

DEFINING = ("CATEGORIES_FILE", "REGIONS_FILE")
"""By which it is counted: the world's truth is by the packaged ones."""
TAKEN_OVER = (*DEFINING, "REFRESHMENTS_ROWS")
"""What a person has set counts in the demo, too. All else says where the live system works, and how fast."""
HEAD = (
    f"# Written anew at each start of the demo. {', '.join(TAKEN_OVER)} come from the environment or the\n"
    "# project's .env.\n"
)
NOTHING: Mapping[str, str] = {}


class DemoError(Exception):
    """The demo's folder can't be used; the message says why and what to do."""


@dataclass(frozen=True)
class Remembered:
    """A world between two starts of its demo."""

    first: int
    changesets_first: int | None
    """None: a directory without changeset files"""
    seed: int
    history: int
    interval: float
    started: float
    """epoch seconds"""


class DemoHome:
    """The demo's folder below `root`: one for the invented world, one for each directory of real diffs."""

    def __init__(self, root: Path, directory: Path | None, *, osmchange: bool = False) -> None:
        """osmchange: augmented diffs are made of the world's planet and OsmChange, and Overpass is not asked."""
        self.osmchange = osmchange
        self.directory = None if directory is None else directory.absolute()
        self.path = root / DEMO
        if self.directory is not None:
            digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:8]
            self.path /= f"{self.directory.name}-{digest}"
        self._file = self.path / "world.json"

    def world(self) -> Remembered:
        """The remembered world, else a new one. Raises DemoError."""
        try:
            return Remembered(**json.loads(self._file.read_bytes()))
        except FileNotFoundError:
            new = self._new()
            return Remembered(**json.loads(write_first(self._file, _text(new))))
        except (ValueError, TypeError):
            raise DemoError(
                f"{self._file} can't be read. Remove the folder {self.path} to begin anew."
            ) from None

    def remember(self, world: Remembered) -> None:
        """Write it, in one piece."""
        write_whole(self._file, _text(world))

    @property
    def sensors_started(self) -> Path:
        """The mark that sensors were switched on once: from then on one that is off was switched off by a person.

        It lies beside Dagster's own storage, which knows what is on, and is lost together with it.
        """
        return self.path / ".dagster" / "sensors_started"

    @property
    def planet(self) -> Path:
        """The map before the world's first minute."""
        return self.path / "planet.osm.gz"

    def put_planet(self, world: Remembered) -> None:
        """Write it, as the feed has it."""
        from stats_assets.demo.answers.replication import Replication
        from stats_assets.demo.world.world import World

        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.planet, Replication(World(world.seed, world.first)).planet())

    def furnish(self, root: Path, settings: Mapping[str, str]) -> None:
        """Put in place what a project's root needs; the settings are for commands called by hand.

        Paths in it are relative, so that in a project that was moved or copied they don't lead into the old one.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / "dagster.yaml", (root / "dagster.yaml").read_text())
        relative = {
            name: value.removeprefix(f"{self.path}/")
            for name, value in settings.items()
            if value and name not in HEARD  # an address may be a secret
        }
        lines = (f"{name}={_quoted(value)}\n" for name, value in relative.items())
        write_whole(self.path / ".env", HEAD + "".join(lines))

    def settings(self, world: Remembered, feed: str, taken: Mapping[str, str] = NOTHING) -> dict[str, str]:
        """Every setting, as environment variables: those not the demo's own, nor taken over, are empty, which is unset.

        So no other gets through from the environment or an `.env` of the live project, but for the alert hooks (HEARD).
        """
        own = {
            "STATS_DATA_DIR": str(self.path / ".data"),
            "ARCHIVE_URI": str(self.path / ".data" / "archive"),
            "OVERPASS_URL": feed,
            "CHANGESETS_URL": f"{feed}/changesets",
            "AUGMENTED_DIFFS_START": str(world.first),
            "CHANGESETS_START": "" if world.changesets_first is None else str(world.changesets_first),
            "POLL_SECONDS": str(int(max(4, min(15, world.interval / 4)))),
            "RETRY_FIRST_SECONDS": "5",
            "RETRY_MAX_SECONDS": "60",
            "HOLE_GRACE_SECONDS": "120",
            "HTTP_TIMEOUT_SECONDS": "30",
        }
        if self.osmchange:
            own |= {
                "OSMCHANGE_URL": f"{feed}/osmchange",
                "PLANET_FILE": str(self.planet),
                "OVERPASS_URL": "",
            }
        own |= {name: os.environ[name] for name in HEARD if name in os.environ}
        return {name.upper(): "" for name in Settings.model_fields} | own | dict(taken)

    def feed_arguments(self, world: Remembered, port: int) -> list[str]:
        """What `python -m stats_assets.demo.feed` is given."""
        arguments: dict[str, object] = {
            "port": port,
            "interval": world.interval,
            "seed": world.seed,
            "first": world.first,
            "history": world.history,
            "started": world.started,
        }
        if self.directory is not None:
            arguments = {"port": port, "directory": self.directory}
        return [f"--{name}={value}" for name, value in arguments.items()]

    def _new(self) -> Remembered:
        now = time.time()
        first: int | None = int(now - since(0).timestamp()) // 60 - HISTORY  # so that history ends about now
        changesets_first: int | None = DEFAULT_CHANGESETS_FIRST
        if self.directory is not None:
            first = _first(self.directory, ".adiff.xml.gz")
            changesets_first = _first(self.directory, ".osm.gz")
        if first is None:
            raise DemoError(
                f"{self.directory} holds no NNN.adiff.xml.gz: name each diff after its sequence number."
            )
        self.path.mkdir(parents=True, exist_ok=True)
        return Remembered(first, changesets_first, seed=1, history=HISTORY, interval=INTERVAL, started=now)


def _text(world: Remembered) -> str:
    return json.dumps(asdict(world), indent=2)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _first(directory: Path, suffix: str) -> int | None:
    names = (path.name.removesuffix(suffix) for path in directory.glob(f"*{suffix}"))
    return min((int(name) for name in names if name.isascii() and name.isdigit()), default=None)
