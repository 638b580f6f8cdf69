"""Our definitions as a daemon has them, in this process."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterInstance
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget


@contextmanager
def in_process(instance: DagsterInstance) -> Iterator[WorkspaceProcessContext]:
    """A workspace of them."""
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name="stats_assets.definitions")
    code = InProcessCodeLocationOrigin(target, location_name="stats_assets")
    with create_test_daemon_workspace_context(InProcessWorkspaceLoadTarget(code), instance) as workspace:
        yield workspace
