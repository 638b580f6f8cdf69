"""`stats-assets alerts`: what the alert hooks would be told now; a test of them; or a round of alerts, as by cron."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from stats_assets.cli.messages import out, print_json, say
from stats_assets.cli.options import AsJson
from stats_assets.cli.project import settings_here
from stats_assets.database.alert_book import RoundBusy, hook_states, may_keep
from stats_assets.database.connection import DatabaseUnreachable
from stats_assets.database.failures import named
from stats_assets.database.looking import SchemaNotReady
from stats_assets.embedded_postgres.access import EmbeddedServerError
from stats_assets.monitoring.alerts import one_line
from stats_assets.settings import Settings, SettingsError
from stats_assets.system import Stats

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from stats_assets.monitoring.alert_hooks import Hook

EXAMPLES = {
    "what is wrong now": "stats-assets alerts",
    "whether the hooks work": "stats-assets alerts --test",
    "a round, as by cron": "stats-assets alerts --send",
}
EXIT_CODES = {
    0: "all is fine",
    1: "something is wrong; with --test or --send: a hook has failed",
    2: "wrong use or setting, no hook, or a role that may not write down what it was told",
    3: "without --test and --send: the database is out of reach, or has no schema yet",
}


def alerts(
    test: Annotated[bool, typer.Option("--test", help="Send a test to each hook that is set.")] = False,
    send: Annotated[
        bool, typer.Option("--send", help="Tell the hooks what they don't know yet, as the daemon does.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What is wrong now, as the alert hooks are told it, and whether they work. Sends nothing by itself."""
    if test and send:
        raise SettingsError("--test and --send are two things: say one of them.")
    if test:
        _test(settings_here(files=()))
        return
    settings = settings_here(looks=True, dagster=True, files=())  # which is told, too
    if send:
        _send(settings)
    else:
        _show(settings, as_json=as_json)


def _test(settings: Settings) -> None:
    from stats_assets.monitoring.alert_hooks import HookFailed
    from stats_assets.monitoring.alert_round import a_trial

    failed = False
    for hook in _hooks(settings):
        try:
            hook.deliver(a_trial())
            say(f"{hook.name}: delivered.", style="green")
        except (HookFailed, OSError) as failure:
            failed = True
            say(f"{str(failure).rstrip('.')}.", style="red")
    raise typer.Exit(1 if failed else 0)


def _hooks(settings: Settings) -> list["Hook"]:
    from stats_assets.monitoring.alert_hooks import hooks_of

    hooks = hooks_of(settings)
    if not hooks:
        raise SettingsError(
            "No alert hook is set. Name a program in ALERT_COMMAND, or an address in ALERT_URL."
        )
    return hooks


def _send(settings: Settings) -> None:
    from stats_assets.monitoring.alert_round import OUTAGES, tell

    hooks, stats = _hooks(settings), Stats(settings)
    try:
        with named(), stats.look(may_write=True) as connection:
            kept = may_keep(connection)
    except OUTAGES:
        kept = True  # which is told by the file
    if not kept:
        raise SettingsError(
            "DATABASE_URL's role may not write down what the hooks were told: take the owner's, or leave it to the"
            " daemon. stats-assets alerts only looks."
        )
    with _dagster() as dagster:
        try:
            told = tell(stats, dagster, hooks)
        except RoundBusy as busy:
            say(str(busy))
            return
    say(str(told))
    raise typer.Exit(1 if told.failures else 0)


def _show(settings: Settings, *, as_json: bool) -> None:
    from stats_assets.monitoring.alert_hooks import hooks_of
    from stats_assets.monitoring.alert_round import found_now

    stats = Stats(settings)
    try:
        with _dagster() as dagster, named(), stats.look() as connection:
            states = hook_states(connection)
            found = list(found_now(stats, dagster, connection).values())
    except (DatabaseUnreachable, EmbeddedServerError, SchemaNotReady) as error:
        say(f"stats-assets: {error}", style="red")
        raise typer.Exit(3) from None
    hooks = [hook.name for hook in hooks_of(settings)]
    if as_json:
        print_json(
            {"hooks": hooks, "states": [vars(s) for s in states], "problems": [vars(one) for one in found]}
        )
    else:
        for one in found:
            out().print(f"{one.said} {one.todo}", markup=False, highlight=False, soft_wrap=True)
        if not found:
            out().print("All is fine.", highlight=False)
        for state in states:
            if state.failed_at is not None:
                say(state.sentence, style="yellow")
        if not hooks:
            say("Nobody is told: ALERT_COMMAND and ALERT_URL are not set.", style="yellow")
    raise typer.Exit(1 if found else 0)


@contextmanager
def _dagster() -> Iterator["DagsterInstance | str"]:
    """Dagster's instance, or why there is none: what is outside of it must be able to tell that."""
    from dagster import DagsterInstance

    try:
        instance = DagsterInstance.get()
    except Exception as error:  # each storage has its own
        yield one_line(str(error))
        return
    with instance:
        yield instance
