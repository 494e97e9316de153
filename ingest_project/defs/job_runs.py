"""The Dagster jobs of the kinds that are built in: `<queue>_ingest`, `_rebuild`, `_replay` and `_export`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingest_project.defs.job_outbox import job_outcome
from ingest_project.defs.jobs import failure
from ingest_project.defs.rebuild import log_rebuilt
from ingest_project.errors import BatchSuperseded, IngestError
from ingest_project.services import Services
from ingest_project.settings.clocks import utc_now
from ingest_project.settings.model import QueueSettings, Settings

if TYPE_CHECKING:
    from ingest_project.ingestion.jobs.kinds.outcome import JobOutcome
    from ingest_project.ingestion.lease import Lease
    from ingest_project.ingestion.process import BatchResult
    from ingest_project.ledger.job_model import JobRecord

DESCRIPTIONS: Mapping[str, str] = {
    "ingest": "Claim what S3 holds and a table lacks; the table's own runs ingest it.",
    "rebuild": "Replace partitions of a table by what S3 holds now.",
    "replay": "Read objects of a table again.",
    "export": "Write rows of a table to S3.",
}


class JobConfig(dg.Config):
    """The job that a run works on, by the id of its batch in the ledger."""

    batch_id: str


@dg.op(description="Do what the request of a job asks for.")
def run_job(context: dg.OpExecutionContext, config: JobConfig, services: dg.ResourceParam[Services]) -> None:
    """Work on a job, and record its result; the next tick of the queue's sensor ends the job.

    A job that has ended, or that another run works on now, is left alone.
    """
    try:
        job = _begun(context, services, config.batch_id)
        if job is not None:
            _work(context, services, config.batch_id, job)
    except BatchSuperseded as error:
        context.log.warning(str(error))
    except IngestError as error:
        raise failure(error) from None


def built_in_jobs(settings: Settings) -> dict[str, dg.JobDefinition]:
    """The Dagster jobs of the built-in kinds that the settings have, by kind."""
    if settings.jobs is None or settings.jobs_queue is None:
        return {}
    queue = settings.jobs_queue
    return {kind: _job(queue, kind) for kind in settings.jobs.built_in}


def _job(queue: QueueSettings, kind: str) -> dg.JobDefinition:
    @dg.job(
        name=f"{queue.name}_{kind}",
        executor_def=dg.in_process_executor,
        description=f"{DESCRIPTIONS[kind]} Launched by {queue.name}_sensor for requests of the kind {kind}.",
    )
    def job() -> None:
        run_job()

    return job


def _begun(context: dg.OpExecutionContext, services: Services, batch_id: str) -> "JobRecord | None":
    if services.ledger.start(batch_id, run_id=context.run_id) is None:
        context.log.info(f"batch {batch_id} was settled before")
        return None
    job = services.ledger.jobs.job_of_batch(batch_id)
    if job is not None:
        context.log.info(f"job {job.job_id} ({job.kind}), request {job.request_id}, batch {batch_id}")
    return job


def _work(context: dg.OpExecutionContext, services: Services, batch_id: str, job: "JobRecord") -> None:
    from ingest_project.errors import JobFailed
    from ingest_project.ingestion.jobs.kinds.run import run_job as run

    def report(progress: Mapping[str, Any]) -> None:
        services.ledger.jobs.tell(job.job_id, progress=progress)

    def on_batch(result: "BatchResult") -> None:
        log_rebuilt(context, services, services.settings.table(result.table), result)

    with _lease(context, services, batch_id, job):
        try:
            outcome = run(services.job_kinds, job, run_id=context.run_id, report=report, on_batch=on_batch)
        except JobFailed as error:
            services.ledger.settle(batch_id, run_id=context.run_id, outcome=job_outcome(job, str(error)))
            raise
        _record(services, job, outcome)
    context.add_output_metadata({"job_id": job.job_id, "kind": job.kind, "result": outcome.result})


def _record(services: Services, job: "JobRecord", outcome: "JobOutcome") -> None:
    """Record what the run has come to; the manifest of a job that waits is written when it ends."""
    from ingest_project.ingestion.jobs.kinds.manifest import write_manifest
    from ingest_project.ledger.job_model import JobState

    ledger = services.ledger.jobs
    if outcome.waits:
        ledger.tell(job.job_id, result=outcome.result)
        ledger.wait_for(job.job_id)
        return
    results = None if services.settings.jobs is None else services.settings.jobs.results
    manifest = write_manifest(
        services.job_kinds.result_files, results, job, state=JobState.COMPLETED, ended_at=utc_now(),
        result=outcome.result, files=outcome.files, snapshot_id=outcome.snapshot_id,
    )  # fmt: skip
    ledger.tell(job.job_id, result=outcome.result, manifest=manifest)


def _lease(context: dg.OpExecutionContext, services: Services, batch_id: str, job: "JobRecord") -> "Lease":
    from ingest_project.ingestion.lease import Lease

    visibility = services.settings.queue(job.queue).visibility_timeout_seconds
    return Lease(
        services.ledger,
        services.queue(job.queue),
        batch_id=batch_id,
        run_id=context.run_id,
        lease=timedelta(seconds=services.settings.ledger.lease_seconds),
        visibility=timedelta(seconds=visibility),
    )
