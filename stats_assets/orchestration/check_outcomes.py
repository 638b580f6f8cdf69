"""A check's outcome: whether it differs from the one that Dagster has, and the event that tells it, without a run.

What the checks are is stream_checks.py's, and assets/verification.py's.
"""

from collections.abc import Mapping
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetKey,
    DagsterEventType,
    DagsterInstance,
)

SHOWN = 20  # sequences that a check's description names


def evaluation_of(result: AssetCheckResult) -> AssetCheckEvaluation:
    """The result as an event that belongs to no run."""
    assert result.asset_key is not None  # noqa: S101 - ours name it
    assert result.check_name is not None  # noqa: S101
    return AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        severity=result.severity,
        description=result.description,
        metadata=result.metadata,
    )


def changed(instance: DagsterInstance, asset: AssetKey, result: AssetCheckResult) -> bool:
    """Whether the check's outcome differs from the one last stored."""
    key = AssetCheckKey(asset, result.check_name or "")
    now = (result.passed, None if result.passed else result.severity, _waits(result.metadata))
    return _outcome(instance, key) != now


def _waits(metadata: Mapping[str, Any]) -> bool:
    """Whether the check `lag` names sequences that wait: when it begins or ceases to, that is a change, too."""
    return bool(metadata["waiting"].value) if "waiting" in metadata else False


def _outcome(
    instance: DagsterInstance, key: AssetCheckKey
) -> tuple[bool | None, AssetCheckSeverity | None, bool]:
    last = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    event = last.event.dagster_event if last is not None and last.event is not None else None
    if event is None or event.event_type is not DagsterEventType.ASSET_CHECK_EVALUATION:
        return None, None, False
    evaluation = event.asset_check_evaluation_data
    severity = None if evaluation.passed else evaluation.severity
    return evaluation.passed, severity, _waits(evaluation.metadata)
