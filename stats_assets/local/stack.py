"""What a stack of `dev` and one of `demo` have in common: ports, pages, what can't be written, what a person is told.

Not here: which programs each is made of (dev.py, demo.py), and keeping them running (supervisor.py).
"""

import errno
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stats_assets.embedded_postgres.clients import why_it_stays
from stats_assets.local.child import Child
from stats_assets.local.dagster_programs import HOST, environment, reserve
from stats_assets.local.supervisor import AlreadyRunning, Supervisor
from stats_assets.mendable import Mendable, reason_of
from stats_assets.osm.categories import Categories
from stats_assets.osm.regions import Regions
from stats_assets.root import live_root, project_root

DEFINITIONS = "stats_assets.definitions"
FULL = (errno.ENOSPC, errno.EDQUOT)
UNWRITABLE = (*FULL, errno.EROFS, errno.EACCES)


class StackError(Mendable):
    """The stack can't be started; the message says why and what to do."""


def stack_root() -> Path:
    """The root, also from inside the demo's folder, which is a project's root too."""
    return live_root(project_root())


def check_definitions(categories: Path | None, regions: Path | None) -> None:
    """Raises CategoriesError, RegionsError: at the start it is said more plainly than by each tick."""
    if categories is not None:
        Categories.load(categories)
    if regions is not None:
        Regions.load(regions)


@contextmanager
def supervised(home: Path, quiet: bool) -> Iterator[Supervisor]:
    """The supervisor of the folder's stack. Raises StackError: another is at work there, or nothing can be written."""
    with writing(home):
        supervisor = Supervisor(home / ".dagster", quiet=quiet)
    try:
        with supervisor:
            yield supervisor
    except AlreadyRunning as error:
        raise StackError(str(error)) from None
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise StackError(
            f"Below {home} nothing can be written: {reason_of(error)}. Make room, or let this user write there, and"
            " start again."
        ) from None


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What can't be written below the folder is a person's to mend: a StackError."""
    try:
        yield
    except OSError as error:
        said = f"{folder} can't be used: {reason_of(error, folder)}."
        if error.errno in FULL:
            raise StackError(f"{said} Make room, and start again.") from None
        raise StackError(
            f"{said} Let this user write there, or copy dagster.yaml into a folder of your own and name that with"
            " DAGSTER_HOME."
        ) from None


@contextmanager
def port_held(port: int, option: str) -> Iterator[None]:
    """The port is this stack's: else what another's webserver answers would be taken for ours."""
    try:
        held = reserve(port)
    except PermissionError:
        raise StackError(
            f"Port {port} is not for this user, as those below 1024 mostly are. Choose another with {option}."
        ) from None
    if held is None:
        raise StackError(f"Port {port} is in use by another program. Choose another with {option}.")
    with held:
        yield


@contextmanager
def pages_port(port: int | None, *others: int) -> Iterator[int | None]:
    """The port of the pages; None: there are none. Where it can't be had, they alone are missing, and that is said."""
    with ExitStack() as held:
        try:
            if port in others:
                raise StackError(f"Port {port} is another's of this stack. Choose another with --web-port.")
            if port is not None:
                held.enter_context(port_held(port, "--web-port"))
        except StackError as error:
            say(f"There are no pages and no API now: {error}")
            port = None
        yield port


def shown(pages: int | None) -> dict[str, str]:
    """The pages among the facts that `tell` is given."""
    return {} if pages is None else {"Pages, API": f"http://{HOST}:{pages}"}


def web_children(pages: int | None, home: Path, settings: Mapping[str, str]) -> list[Child]:
    """The web server of the pages, if there is one."""
    if pages is None:
        return []
    command = [
        sys.executable,
        "-c",
        "from stats_assets.cli.main import main; main()",
        "serve",
        "--port",
        str(pages),
    ]
    return [Child("web", command, environment(home, settings), home, lambda: True, optional=True)]


def tell_who_stays(data_directory: Path, url: str) -> None:
    """At the end: who keeps the embedded PostgreSQL running, if anybody does."""
    stays = why_it_stays(data_directory, url)
    if stays is not None:
        print(stays, file=sys.stderr)


def say(what: str) -> None:
    """To standard error, where what is said beside the facts goes."""
    print(what, file=sys.stderr)


def tell(facts: Mapping[str, str], advice: Sequence[str]) -> bool:
    """Say that all is ready, where it is, and what to do with it; always True."""
    width = max(map(len, facts))
    lines = [*(f"{name:<{width}}  {value}" for name, value in facts.items()), *advice, "Ctrl-C ends all."]
    print("\n".join(lines), flush=True)
    return True
