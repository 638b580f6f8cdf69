"""What Dagster loads, as text that a person can read: assets, checks, jobs, sensors, schedules, and what they say.

`make graph` writes it to definitions.yaml, beside this file; test_definitions.py compares. No test is here.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from dagster import (
    AssetCheckSpec,
    AssetKey,
    Definitions,
    FreshnessPolicy,
    GraphDefinition,
    JobDefinition,
    OpDefinition,
    SensorDefinition,
)
from dagster._core.definitions.assets.graph.asset_graph import AssetNode
from dagster._core.definitions.node_definition import NodeDefinition

from stats_assets import __version__
from stats_assets.definitions import defs, poll_seconds
from stats_assets.orchestration.alert_sensor import alert_sensors
from stats_assets.settings import PROJECT, Settings

FILE = Path(__file__).with_name("definitions.yaml")
HEAD = """# What Dagster loads, as it is now. Written by `make graph`; test_definitions.py compares it.
"""


def graph_of(definitions: Definitions) -> dict[str, Any]:
    """All of it, in the order of names. What is not set is left out."""
    graph = definitions.resolve_asset_graph()
    nodes = [graph.get(key) for key in sorted(graph.get_all_asset_keys())]
    repository = definitions.get_repository_def()
    checks = {
        f"{key.asset_key.to_user_string()}: {key.name}": _check(graph.get_check_spec(key))
        for key in sorted(graph.asset_check_keys)
    }
    jobs = sorted(repository.get_all_jobs(), key=lambda job: job.name)
    sensors = {
        one.name: one for one in (*repository.sensor_defs, *alert_sensors(Settings(alert_command="true")))
    }
    return {
        "assets": {node.key.to_user_string(): _asset(node) for node in nodes},
        "checks": checks,
        "jobs": {job.name: _job(job) for job in jobs if not job.name.startswith("__")},
        "sensors": {name: _sensor(sensors[name]) for name in sorted(sensors)},
        "schedules": {
            one.name: _set(
                says=one.description,
                starts=one.job_name,
                cron=str(one.cron_schedule),
                in_zone=one.execution_timezone,
                at_first=one.default_status.value,
                tags=_tags(one.tags),
            )
            for one in sorted(repository.schedule_defs, key=lambda one: one.name)
        },
    }


def started_by_themselves(definitions: Definitions) -> set[str]:
    """The jobs that a sensor or a schedule starts."""
    repository = definitions.get_repository_def()
    by_sensors = {job.name for sensor in repository.sensor_defs if sensor.has_jobs for job in sensor.jobs}
    return by_sensors | {schedule.job_name for schedule in repository.schedule_defs}


def text_of(definitions: Definitions) -> str:
    """The file's text."""
    return HEAD + yaml.safe_dump(
        graph_of(definitions), sort_keys=False, allow_unicode=True, width=110, default_flow_style=False
    )


def _asset(node: AssetNode) -> dict[str, Any]:
    schema, code = (node.metadata.get(f"dagster/{name}") for name in ("column_schema", "code_references"))
    return _set(
        says=node.description,
        group=node.group_name,
        kinds=sorted(node.kinds),
        made_from=_names(node.parent_keys),
        made_with=_names(node.execution_set_asset_keys - {node.key}) if node.is_executable else None,
        partitions=node.partitions_def and getattr(node.partitions_def, "name", str(node.partitions_def)),
        backfill=node.backfill_policy and str(node.backfill_policy.policy_type.value),
        pools=sorted(node.pools or ()),
        fresh=_freshness(node.freshness_policy),
        tags={
            name: value for name, value in sorted(node.tags.items()) if not name.startswith("dagster/kind/")
        },
        owners=sorted(node.owners),
        code_version=node.code_version,
        table=node.metadata.get("dagster/relation_identifier"),
        columns=[column.name for column in schema.columns] if schema else None,
        code=[_link(one.url).split("#")[0] for one in code.code_references] if code else None,
        metadata={
            name: _link(str(getattr(value, "value", value)))
            for name, value in sorted(node.metadata.items())
            if "/" not in name
        },
        automation=node.automation_condition and str(node.automation_condition),
        external=node.is_external,
    )


def _link(address: str) -> str:
    """Without the version, which is another with each release."""
    return address.replace(f"{PROJECT}/blob/v{__version__}/", "")


def _check(spec: AssetCheckSpec) -> str | dict[str, Any] | None:
    more = _set(
        blocking=spec.blocking,
        automation=spec.automation_condition and str(spec.automation_condition),
        also_of=_names(dep.asset_key for dep in spec.additional_deps),
        metadata={name: str(value) for name, value in sorted(spec.metadata.items())},
    )
    return _set(says=spec.description, **more) if more else spec.description


def _freshness(policy: FreshnessPolicy | None) -> str | None:
    if policy is None:
        return None
    windows = {name: getattr(policy, name, None) for name in ("warn_window", "fail_window")}
    return ", ".join(
        f"{name} {window.to_timedelta().total_seconds():g} s" for name, window in windows.items() if window
    )


def _job(job: JobDefinition) -> dict[str, Any]:
    layer = job.asset_layer
    checks = layer.asset_graph.asset_check_keys if layer else ()
    return _set(
        says=job.description,
        ops={node.name: _op(node.definition) for node in sorted(job.nodes, key=lambda node: node.name)},
        partitions=job.partitions_def and getattr(job.partitions_def, "name", str(job.partitions_def)),
        executor=job.executor_def.name,
        assets=_names(layer.selected_asset_keys if layer else ()),
        checks=sorted(f"{key.asset_key.to_user_string()}: {key.name}" for key in checks),
        tags=_tags(job.run_tags),
    )


def _op(op: NodeDefinition) -> dict[str, Any]:
    if not isinstance(op, OpDefinition):  # a graph of ops: none of ours
        return (
            {"a graph of": sorted(node.name for node in op.nodes)} if isinstance(op, GraphDefinition) else {}
        )
    fields = getattr(op.config_schema.config_type, "fields", None) or {}
    return _set(
        config={name: _field(fields[name]) for name in sorted(fields)},
        tags=_tags(op.tags),
        pool=op.pool,
        retries=op.retry_policy and str(op.retry_policy),
    )


def _field(field: Any) -> str:
    kind = (field.config_type.given_name or field.config_type.key).replace("SourceType", "")
    kind = f"{kind.removeprefix('Noneable.')} or none" if kind.startswith("Noneable.") else kind
    given = f" = {field.default_value!r}" if field.default_provided else ""
    return f"{kind}{given}. {field.description or ''}".strip()


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: tags[name] for name in sorted(tags)}


def _sensor(sensor: SensorDefinition) -> dict[str, Any]:
    every = sensor.minimum_interval_seconds
    return _set(
        says=sensor.description,
        starts=[job.name for job in sensor.jobs] if sensor.has_jobs else None,
        every="POLL_SECONDS" if every == poll_seconds else f"{every} s",
        at_first=sensor.default_status.value,
        tags=_tags(sensor.tags),
        only_where="ALERT_COMMAND or ALERT_URL is set" if sensor.name == "alerts" else None,
    )


def _names(keys: Iterable[AssetKey]) -> list[str]:
    return sorted(key.to_user_string() for key in keys)


def _set(**given: Any) -> dict[str, Any]:
    """What says something."""
    return {name.replace("_", " "): value for name, value in given.items() if value}


if __name__ == "__main__":
    FILE.write_text(text_of(defs), encoding="utf-8")
