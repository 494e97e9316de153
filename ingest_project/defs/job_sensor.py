"""The sensor of the jobs' queue: a tick drains it, requests runs, and ends the jobs whose runs have ended."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from ingest_project.defs.job_outbox import JobOutbox, end_run
from ingest_project.defs.outbox import START_TIMEOUT
from ingest_project.defs.sensors import MINIMUM_INTERVAL_SECONDS, drain, runs_of
from ingest_project.defs.stranded_runs import stranded_runs
from ingest_project.errors import IngestError
from ingest_project.services import Services
from ingest_project.settings.job_settings import JobsSettings
from ingest_project.settings.model import QueueSettings, Settings


def job_sensors(settings: Settings, jobs: Mapping[str, dg.JobDefinition]) -> list[dg.SensorDefinition]:
    """The sensor `<queue>_sensor` of the jobs' queue, if the settings have one; `jobs` are by kind."""
    queue, accepted = settings.jobs_queue, settings.jobs
    if queue is None or accepted is None or not jobs:
        return []
    return [_sensor(queue, accepted, jobs)]


def _sensor(
    queue: QueueSettings, accepted: JobsSettings, jobs: Mapping[str, dg.JobDefinition]
) -> dg.SensorDefinition:
    names = {kind: job.name for kind, job in jobs.items()}

    @dg.sensor(
        name=f"{queue.name}_sensor",
        jobs=list(jobs.values()),
        minimum_interval_seconds=MINIMUM_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if queue.enabled else dg.DefaultSensorStatus.STOPPED,
        description=f"Takes requests for jobs from the SQS queue {queue.name}, launches their runs, and "
        "records how they ended.",
    )
    def sensor(context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]) -> dg.SensorResult:
        """One tick."""
        try:
            return _tick(context, services, queue.name, JobOutbox(context, services, accepted, names))
        except IngestError as error:
            raise error from None  # Dagster would print the causes; a library's message may contain secrets

    return sensor


def _tick(
    context: dg.SensorEvaluationContext, services: Services, queue: str, outbox: JobOutbox
) -> dg.SensorResult:
    problem = drain(context, services, queue)
    batches = services.ledger.open_batches(queue)
    requests = [
        request
        for batch in batches
        if (request := outbox.look_after(batch, runs_of(context.instance, batch))) is not None
    ]
    services.acknowledge(queue)
    if services.job_mirror is not None:
        services.job_mirror.copy()
    _end_stranded_runs(context, services, outbox, {batch.batch_id for batch in batches})
    if problem is not None and not requests:
        raise problem
    if requests:
        return dg.SensorResult(run_requests=requests)
    return dg.SensorResult(skip_reason=f"nothing to launch, {len(batches)} in flight")


def _end_stranded_runs(
    context: dg.SensorEvaluationContext, services: Services, outbox: JobOutbox, open_batches: set[str]
) -> None:
    """End runs whose job has ended: their process died after that, or they began after a cancellation."""
    lease = timedelta(seconds=services.settings.ledger.lease_seconds)
    for name in outbox.job_names.values():
        found = stranded_runs(
            context.instance, services.ledger, job_name=name, open_batches=open_batches,
            now=datetime.now(UTC), grace=START_TIMEOUT + lease,
        )  # fmt: skip
        for run, reason in found:
            context.log.warning(f"run {run.run_id}: {reason}")
            end_run(context.instance, run, reason)
