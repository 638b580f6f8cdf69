"""Time that passes for what feeds are asked, without waiting: what is stored of it is moved into the past."""

from stats_assets.database.connection import Connection

MOVED = (
    "UPDATE asked SET asked_at = asked_at - make_interval(secs => %(s)s)",
    "UPDATE streams SET quiet_until = quiet_until - make_interval(secs => %(s)s),"
    " paused_until = paused_until - make_interval(secs => %(s)s), paused_at = paused_at - make_interval(secs => %(s)s),"
    " lease_until = lease_until - make_interval(secs => %(s)s)",
    "UPDATE ledger SET not_before = not_before - make_interval(secs => %(s)s) WHERE not_before IS NOT NULL",
)


def pass_time(connection: Connection, seconds: float) -> None:
    """As if so many seconds had gone by; below 0: the clock was set back."""
    for move in MOVED:
        connection.execute(move, {"s": seconds})
