"""Where a run is: a process of the code server, which begins at once, or a task of its own, which outlives that.

Each run carries as a tag which it is; whoever asks after it, or ends it, goes by that, also when RUNS has changed.
"""

from typing import Any, cast

from dagster import DagsterInstance, DagsterRun, DefaultRunLauncher, Enum, EnumValue, Field
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, ResumeRunContext, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

from stats_assets.ecs.run_launcher import RunTaskLauncher
from stats_assets.orchestration.assets.made_diffs import MADE
from stats_assets.orchestration.made_diffs_checks import WHOLE
from stats_assets.orchestration.partitions import KIND_TAG, LIVE
from stats_assets.streams import MAKER_CHECK_JOB, MAKER_JOB

WHERE_TAG = "stats_assets/where"
PROCESS, TASK = "process", "task"
RUNS = ("mixed", "tasks", "processes")
GONE = "The code server has no such process any more: it was started again, or the process was killed."


class MixedRuns(RunTaskLauncher):
    """`run_launcher` of a deployment. runs: mixed (the streams' live runs are processes), tasks or processes (all)."""

    def __init__(
        self, inst_data: ConfigurableClassData | None = None, runs: str = "mixed", **ecs: Any
    ) -> None:
        super().__init__(inst_data=inst_data, **ecs)
        self._runs = runs
        self._processes = DefaultRunLauncher()

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """EcsRunLauncher's, and `runs`."""
        kinds = Enum("Runs", [EnumValue(one) for one in RUNS])
        own = Field(kinds, is_required=False, default_value="mixed")
        return {**super().config_type(), "runs": own}  # type: ignore[no-untyped-call]

    def register_instance(self, instance: DagsterInstance) -> None:
        super().register_instance(instance)
        self._processes.register_instance(instance)

    def launch_run(self, context: LaunchRunContext) -> None:
        run = context.dagster_run
        where = self.where(run)
        self._instance.add_run_tags(run.run_id, {WHERE_TAG: where})
        if where == PROCESS:
            self._processes.launch_run(context)
        else:
            super().launch_run(context)

    def where(self, run: DagsterRun) -> str:
        """Where a run is to be. Live ones are short, and what they lose is done again by the next.

        The maker's, and the check of its store, are always where the store is: on a volume of the code server's
        machine, whoever starts them.
        """
        checked = [check.name for check in run.asset_check_selection or ()]
        if (
            run.job_name in (MAKER_JOB, MAKER_CHECK_JOB)
            or MADE in (run.asset_selection or ())
            or WHOLE in checked
        ):
            return PROCESS
        if self._runs == "mixed":
            return PROCESS if run.tags.get(KIND_TAG) == LIVE else TASK
        return TASK if self._runs == "tasks" else PROCESS

    def resume_run(self, context: ResumeRunContext) -> None:
        self._instance.add_run_tags(context.dagster_run.run_id, {WHERE_TAG: TASK})
        super().resume_run(context)

    def terminate(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        if run is not None and _is_process(run):
            return bool(self._processes.terminate(run_id))  # type: ignore[no-untyped-call]
        return bool(super().terminate(run_id))

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Of a process: whether the code server still has it. One that doesn't answer says nothing of its runs."""
        if not _is_process(run):
            return cast(CheckRunHealthResult, super().check_run_worker_health(run))
        client = self._processes._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:  # ended meanwhile
            return CheckRunHealthResult(WorkerStatus.SUCCESS)
        try:
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=10)
        except Exception as error:  # whatever keeps the server away: a lease that is not kept fresh says more
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"The code server doesn't answer: {error}")
        if deserialize_value(answer, CanCancelExecutionResult).can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, GONE)


def _is_process(run: DagsterRun) -> bool:
    return run.tags.get(WHERE_TAG, TASK) == PROCESS
