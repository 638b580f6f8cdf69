"""The sensor of the alerts: once a minute the operator's hooks are told what has gone wrong, or is over.

It exists, and is on, only where a hook is set, and it starts no runs. The same without Dagster:
`stats-assets alerts --send`.
"""

from dagster import DefaultSensorStatus, SensorDefinition, SensorEvaluationContext, SkipReason, sensor

from stats_assets.database.alert_book import RoundBusy
from stats_assets.database.failures import named
from stats_assets.monitoring.alert_hooks import hooks_of
from stats_assets.monitoring.alert_round import OUTAGES, found_now, tell
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.preview import SAID, is_preview
from stats_assets.settings import Settings

INTERVAL = 60
NONE_SET = "No alert hook is set: ALERT_COMMAND or ALERT_URL names one (README, Settings)."


def alert_sensors(settings: Settings) -> list[SensorDefinition]:
    """The sensor, or none where no hook is set."""
    return [_alert_sensor()] if hooks_of(settings) else []


def _alert_sensor() -> SensorDefinition:
    @sensor(
        name="alerts",
        minimum_interval_seconds=INTERVAL,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Tells ALERT_COMMAND and ALERT_URL what has gone wrong, and when it is over: once each, not each minute."
        ),
    )
    def alert(context: SensorEvaluationContext) -> SkipReason:
        stats = current_stats()
        hooks = hooks_of(stats.settings)
        if is_preview(context):
            try:
                with named(), stats.look() as connection:
                    found = found_now(stats, context.instance, connection)
            except OUTAGES as error:
                return SkipReason(f"{SAID} {error}")
            said = " ".join(one.said for one in found.values()) or "All is fine."
            return SkipReason(f"{SAID} {said}" if hooks else f"{SAID} {NONE_SET} {said}")
        if not hooks:
            return SkipReason(NONE_SET)
        try:
            told = tell(stats, context.instance, hooks)
        except RoundBusy as busy:
            return SkipReason(str(busy))
        for failure in told.failures:
            context.log.warning(failure)
        return SkipReason(str(told))

    return alert
