"""The sensor of a queue. A tick finishes what a crash left, drains the queue into the ledger, and asks for runs."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from ingest_project.batches.model import Batch
from ingest_project.defs.jobs import BATCH_TAG
from ingest_project.defs.outbox import START_TIMEOUT, Need, judge, run_request
from ingest_project.defs.stranded_runs import stranded_runs
from ingest_project.errors import IngestError
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings, Settings


def queue_sensors(settings: Settings, jobs: list[dg.JobDefinition]) -> list[dg.SensorDefinition]:
    """One sensor for each queue, with the queue's job."""
    return [queue_sensor(queue, job) for queue, job in zip(settings.queues, jobs, strict=True)]


def queue_sensor(queue: QueueSettings, job: dg.JobDefinition) -> dg.SensorDefinition:
    """The sensor `<queue>_sensor`; it runs by default unless the queue is not `enabled`."""

    @dg.sensor(
        name=f"{queue.name}_sensor",
        job=job,
        # The daemon looks at sensors every five seconds at the most often; the long poll inside the tick fills the gap.
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING if queue.enabled else dg.DefaultSensorStatus.STOPPED,
        description=f"Drains the SQS queue {queue.name} into batches and launches {job.name} for each. "
        "A tick waits for messages, so one is being evaluated most of the time.",
    )
    def sensor(context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]) -> dg.SensorResult:
        """One tick."""
        try:
            return _tick(context, services, queue.name, job.name)
        except IngestError as error:
            raise error from None  # Dagster would print the causes, and a library's own words may hold secrets

    return sensor


def _tick(
    context: dg.SensorEvaluationContext, services: Services, queue: str, job_name: str
) -> dg.SensorResult:
    problem = _drain(context, services, queue)
    batches = services.ledger.open_batches(queue)
    requests = [request for batch in batches if (request := _look_after(context, services, batch, job_name))]
    _end_stranded_runs(context, services, batches, job_name)
    if problem is not None and not requests:
        raise problem
    if requests:
        return dg.SensorResult(run_requests=requests)
    return dg.SensorResult(skip_reason=f"nothing to launch; {len(batches)} batches in flight")


def _drain(context: dg.SensorEvaluationContext, services: Services, queue: str) -> IngestError | None:
    """Acknowledge, extend, receive, claim, plan. What went wrong is given back: batches are looked after regardless."""
    try:
        done = services.acknowledge(queue)
        extended = services.keep_invisible(queue)
        claimed = services.intake(queue).drain()
    except IngestError as error:
        context.log.warning(str(error))
        return error
    context.log.info(
        f"received {claimed.messages} messages ({claimed.rejected_messages} rejected) with {claimed.new_objects} new and "
        f"{claimed.known_objects} known objects; deleted {done.deleted} messages, extended {extended}"
    )
    return None


def _look_after(
    context: dg.SensorEvaluationContext, services: Services, batch: Batch, job_name: str
) -> dg.RunRequest | None:
    if all(table.name != batch.table for table in services.settings.tables):
        context.log.warning(
            f"batch {batch.batch_id} waits: ingest.yaml has no table {batch.table}; put it back until it is settled"
        )
        return None
    verdict = judge(batch, _runs_of(context.instance, batch), datetime.now(UTC), _lease(services))
    context.log.info(f"batch {batch.batch_id} of {batch.table} ({batch.objects} objects): {verdict.reason}")
    if verdict.dead_run is not None:
        context.instance.report_run_failed(
            verdict.dead_run, message=f"batch {batch.batch_id}: {verdict.reason}"
        )
    if verdict.need is Need.ATTEMPT:
        on_unknown = services.settings.action_on(batch.table, "unknown")
        services.ledger.next_attempt(
            batch.batch_id, attempt=batch.attempt, error=verdict.reason, on_unknown=on_unknown
        )
    return run_request(batch, job_name) if verdict.need is Need.RUN else None


def _runs_of(instance: dg.DagsterInstance, batch: Batch) -> list[dg.RunRecord]:
    """The runs that were launched for the batch, and the one that owns it, which may be a rebuild."""
    launched = list(instance.get_run_records(dg.RunsFilter(tags={BATCH_TAG: batch.batch_id})))
    if batch.run_id is None or any(one.dagster_run.run_id == batch.run_id for one in launched):
        return launched
    return [*launched, *instance.get_run_records(dg.RunsFilter(run_ids=[batch.run_id]))]


def _end_stranded_runs(
    context: dg.SensorEvaluationContext, services: Services, batches: list[Batch], job_name: str
) -> None:
    stranded = stranded_runs(
        context.instance,
        services.ledger,
        job_name=job_name,
        open_batches={batch.batch_id for batch in batches},
        now=datetime.now(UTC),
        grace=START_TIMEOUT + _lease(services),
    )
    for run, reason in stranded:
        context.log.warning(f"run {run.run_id}: {reason}")
        context.instance.report_run_failed(run, message=reason)


def _lease(services: Services) -> timedelta:
    return timedelta(seconds=services.settings.ledger.lease_seconds)
