"""Runs as tasks of ECS, in the task definition of the deployment and in nothing else.

Whoever may open the UI may type tags. EcsRunLauncher takes orders from them (another command, role, image, environment,
cluster), and ends whatever task they name; here they are no orders. What a run does itself is not this module's.
"""

import logging
import os
from typing import Any

from dagster import DagsterRun
from dagster._core.launcher.base import LaunchRunContext, ResumeRunContext
from dagster_aws.ecs import EcsRunLauncher

ORDERS = "ecs/"
PLACE = ("ecs/task_arn", "ecs/cluster")
"""Tags that the launcher itself writes: where the run's task is."""
TASK = "RUN_TASK_DEFINITION"
RUN_ID = "dagster/run_id"
"""The tag of a task (not of a run) by which ECS knows whose it is."""

logger = logging.getLogger(__name__)


class RunTaskLauncher(EcsRunLauncher[Any]):
    """EcsRunLauncher that hears no tag: neither for a new task nor for the end of one.

    RUN_TASK_DEFINITION, where the environment has it, is the revision that the process was deployed with: it wins over
    the family that dagster.yaml names, whose newest revision may be another deployment's.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(**config | ({"task_definition": own} if (own := os.environ.get(TASK)) else {}))

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launch the run's task, as dagster.yaml says. Tags that say otherwise are dropped, and that is logged."""
        run = context.dagster_run
        found = _orders(run)
        if (
            typed := found - {*PLACE} if run.parent_run_id else found
        ):  # a run that is done again has the first's place
            self._say(run, typed)
        if found & {*PLACE}:
            # Nobody's, so that no other task is taken for the run's.
            self._instance.add_run_tags(run.run_id, dict.fromkeys(PLACE, ""))
        super().launch_run(context._replace(dagster_run=_without_orders(run)))

    def resume_run(self, context: ResumeRunContext) -> None:
        """Launch a task that goes on with the run. Tags are dropped as above."""
        run = context.dagster_run
        if typed := _orders(run) - {*PLACE}:
            self._say(run, typed)
        super().resume_run(context._replace(dagster_run=_without_orders(run)))

    def terminate(self, run_id: str) -> bool:
        """End the run's task. One that ECS does not know as this run's is left alone, whatever the run's tags say."""
        tags = self._get_run_tags(run_id)
        if tags.arn and tags.cluster:
            found = self.ecs.describe_tasks(cluster=tags.cluster, tasks=[tags.arn], include=["TAGS"])["tasks"]
            if any({"key": RUN_ID, "value": run_id} not in task.get("tags", []) for task in found):
                logger.warning("Run %s: %s is not its task, and is left alone", run_id, tags.arn)
                return False
        return bool(super().terminate(run_id))

    def _say(self, run: DagsterRun, typed: set[str]) -> None:
        what = (
            f"The tags {', '.join(sorted(typed))} are not heard: a run's task is what the deployment says"
            " (deploy/README.md), whoever starts it."
        )
        logger.warning("Run %s: %s", run.run_id, what)
        self._instance.report_engine_event(what, run)


def _orders(run: DagsterRun) -> set[str]:
    return {name for name in run.tags if name.startswith(ORDERS)}


def _without_orders(run: DagsterRun) -> DagsterRun:
    return run.with_tags({name: value for name, value in run.tags.items() if not name.startswith(ORDERS)})
