"""What the web UI does when a person cancels a run or launches it again, done with Dagster's own API.

Started by a trial as a module, with the DAGSTER_HOME of its deployment in the environment.
"""

import sys

import dagster as dg
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget

from ingest_project_tests.fault_trials.deployment import LOCATION


def main(what: str, table: str) -> int:
    """Do it to the oldest run of the table."""
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs(filters=dg.RunsFilter(tags={"ingest/table": table}), ascending=True)
        if what == "cancel-first":
            instance.run_coordinator.cancel_run(runs[0].run_id)
        else:
            _launch_again(instance, runs[0])
    return 0


def _launch_again(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """As the UI's `Re-execute all`: the same configuration and tags, a new run."""
    target = ModuleTarget(
        module_name=LOCATION,
        attribute=None,
        working_directory=None,
        location_name=None,
    )
    with WorkspaceProcessContext(instance, target) as process:
        context = process.create_request_context()
        location = context.get_code_location(context.code_location_names[0])
        job = next(iter(location.get_repositories().values())).get_full_job(run.job_name)
        again = instance.create_reexecuted_run(
            parent_run=run,
            request_context=context,
            code_location=location,
            remote_job=job,
            strategy=ReexecutionStrategy.ALL_STEPS,
            use_parent_run_tags=True,
        )
        instance.submit_run(again.run_id, workspace=context)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
