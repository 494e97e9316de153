"""The sensor of a queue: a tick finishes what a crash left, drains the queue and requests runs."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from ingest_project.defs.jobs import BATCH_TAG, queues_of_objects
from ingest_project.defs.outbox import START_TIMEOUT, Need, judge, run_request
from ingest_project.defs.stranded_runs import stranded_rebuilds, stranded_runs
from ingest_project.defs.unreported import report_missing
from ingest_project.errors import IngestError
from ingest_project.ledger.model import Batch
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings, Settings

MINIMUM_INTERVAL_SECONDS = 1


def queue_sensors(settings: Settings, jobs: list[dg.JobDefinition]) -> list[dg.SensorDefinition]:
    """One sensor for each queue that brings objects, with the queue's job."""
    return [queue_sensor(queue, job) for queue, job in zip(queues_of_objects(settings), jobs, strict=True)]


def queue_sensor(queue: QueueSettings, job: dg.JobDefinition) -> dg.SensorDefinition:
    """The sensor `<queue>_sensor`; it runs by default unless the queue is not `enabled`."""

    @dg.sensor(
        name=f"{queue.name}_sensor",
        # By its name: with the job itself Dagster would copy the sensor, and warn of a beta parameter of its
        # own.
        job_name=job.name,
        # The daemon evaluates sensors every five seconds at most; the long poll inside the tick fills the
        # gap.
        minimum_interval_seconds=MINIMUM_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if queue.enabled else dg.DefaultSensorStatus.STOPPED,
        description=f"Drains the SQS queue {queue.name} into batches and launches {job.name} for each. "
        "A tick waits for messages, so a tick is in progress most of the time.",
    )
    def sensor(context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]) -> dg.SensorResult:
        """One tick."""
        try:
            return _tick(context, services, queue.name, job.name)
        except IngestError as error:
            raise error from None  # Dagster would print the causes; a library's message may contain secrets

    return sensor


def _tick(
    context: dg.SensorEvaluationContext, services: Services, queue: str, job_name: str
) -> dg.SensorResult:
    problem = drain(context, services, queue)
    batches = services.ledger.open_batches(queue)
    requests = [request for batch in batches if (request := _look_after(context, services, batch, job_name))]
    _end_stranded_runs(context, services, queue, batches, job_name)
    report_missing(context, services, queue)
    if problem is not None and not requests:
        raise problem
    if requests:
        return dg.SensorResult(run_requests=requests)
    return dg.SensorResult(skip_reason=f"nothing to launch, {len(batches)} in flight")


def drain(context: dg.SensorEvaluationContext, services: Services, queue: str) -> IngestError | None:
    """Acknowledge, extend, receive, claim, plan.

    Returns an error, so that open batches are handled regardless.
    """
    try:
        done = services.acknowledge(queue)
        extended = services.keep_invisible(queue)
        claimed = services.intake(queue).drain()
    except IngestError as error:
        context.log.warning(str(error))
        return error
    figures = {
        "messages received": claimed.messages,
        "rejected": claimed.rejected_messages,
        "new objects": claimed.new_objects,
        "known objects": claimed.known_objects,
        "messages deleted": done.deleted,
        "extended": extended,
    }
    context.log.info(
        ", ".join(f"{count:,} {what}" for what, count in figures.items() if count) or "no messages"
    )
    return None


def _look_after(
    context: dg.SensorEvaluationContext, services: Services, batch: Batch, job_name: str
) -> dg.RunRequest | None:
    if all(table.name != batch.table for table in services.settings.tables):
        context.log.warning(
            f"batch {batch.batch_id} waits: ingest.yaml has no table {batch.table}; "
            "add the table again until the batch is settled"
        )
        return None
    decision = judge(batch, runs_of(context.instance, batch), datetime.now(UTC), _lease(services))
    context.log.info(f"batch {batch.batch_id} of {batch.table} ({batch.objects} objects): {decision.reason}")
    if decision.dead_run is not None:
        context.instance.report_run_failed(
            decision.dead_run, message=f"batch {batch.batch_id}: {decision.reason}"
        )
    if decision.need is Need.ATTEMPT:
        on_unknown = services.settings.action_on(batch.table, "unknown")
        services.ledger.next_attempt(
            batch.batch_id, attempt=batch.attempt, error=decision.reason, on_unknown=on_unknown
        )
    return run_request(batch, job_name) if decision.need is Need.RUN else None


def runs_of(instance: dg.DagsterInstance, batch: Batch) -> list[dg.RunRecord]:
    """The runs that were launched for the batch, and the run that owns it, which may be a rebuild."""
    launched = list(instance.get_run_records(dg.RunsFilter(tags={BATCH_TAG: batch.batch_id})))
    if batch.run_id is None or any(one.dagster_run.run_id == batch.run_id for one in launched):
        return launched
    return [*launched, *instance.get_run_records(dg.RunsFilter(run_ids=[batch.run_id]))]


def _end_stranded_runs(
    context: dg.SensorEvaluationContext, services: Services, queue: str, batches: list[Batch], job_name: str
) -> None:
    now, grace = datetime.now(UTC), START_TIMEOUT + _lease(services)
    stranded = stranded_runs(
        context.instance,
        services.ledger,
        job_name=job_name,
        open_batches={batch.batch_id for batch in batches},
        now=now,
        grace=grace,
    )
    unreported = services.ledger.unreported_batches(queue)
    replaced = services.ledger.abandoned_rebuilds(queue)
    rebuilds = stranded_rebuilds(context.instance, unreported, replaced, batches, now=now, grace=grace)
    for run, reason in [*stranded, *rebuilds]:
        context.log.warning(f"run {run.run_id}: {reason}")
        context.instance.report_run_failed(run, message=reason)


def _lease(services: Services) -> timedelta:
    return timedelta(seconds=services.settings.ledger.lease_seconds)
