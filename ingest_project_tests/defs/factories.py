"""Runs of the project's jobs, in the process of the test."""

import dagster as dg

from ingest_project.defs.jobs import ingest_jobs
from ingest_project_tests.factories import Zone


def ingest(zone: Zone, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """A run for the one batch that the queue makes; whether it failed is in the result."""
    (job,) = ingest_jobs(zone.services.settings)
    return job.execute_in_process(
        run_config={"ops": {"ingest": {"config": {"batch_id": zone.plan_one()}}}},
        resources={"services": zone.services},
        instance=instance,
        raise_on_error=False,
    )
