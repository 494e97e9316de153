"""Reports failed runs: attempts of a batch, and rebuilds, that ended without doing their work.

A failed attempt does not lose a file: its batch is tried again. The alert says so, or says what to do
instead. Objects that fail alone do not fail their run: `object_alerts.py` reports them.
"""

import json
from dataclasses import asdict, dataclass

import dagster as dg

from ingest_project.defs.failure_cause import failure_cause
from ingest_project.defs.jobs import ATTEMPT_TAG, BATCH_TAG, TABLE_TAG
from ingest_project.defs.publish import publish
from ingest_project.errors import IngestError
from ingest_project.ledger.model import Batch, BatchState
from ingest_project.services import Services
from ingest_project.settings.job_settings import kind_of_table
from ingest_project.settings.model import Settings

LONGEST_REASON = 2_000
SOME_FAILED = (
    "The batch is settled, without the objects that could not be read: fix the cause, then materialize their "
    "partitions again, or `ingest retry` them; `ingest dismiss` settles objects that will not come."
)


@dataclass(frozen=True, slots=True)
class Alert:
    """What is known of a failed run. `next_step` says whether it is tried again."""

    job: str
    run_id: str
    batch_id: str | None
    table: str | None
    queue: str | None
    attempt: int | None
    error_class: str
    reason: str
    next_step: str

    @property
    def subject(self) -> str:
        return f"ingest: a run for {self.table or self.job} failed ({self.error_class})"

    @property
    def message(self) -> str:
        """JSON, for programs and for people."""
        return json.dumps(asdict(self), indent=1)


def alert_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor `ingest_alerts`, which reports each failed run of this code location once."""

    @dg.run_failure_sensor(
        name="ingest_alerts",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=10,
        description="Reports each failed run, with its batch and its reason, to the log and to the SNS topic "
        "of `alerts` in ingest.yaml.",
    )
    def sensor(context: dg.RunFailureSensorContext, services: dg.ResourceParam[Services]) -> None:
        """One failed run."""
        report(context, services)

    return sensor


def report(context: dg.RunFailureSensorContext, services: Services) -> None:
    """Report one failed run. A failure to publish is logged, so that the next failed run is reported."""
    alert = _alert(context, services)
    problem = publish(context.log, services, alert.subject, alert.message)
    if problem is not None:
        context.log.error(f"run {alert.run_id}: its alert was not published ({problem})")


def _alert(context: dg.RunFailureSensorContext, services: Services) -> Alert:
    run = context.dagster_run
    table = run.tags.get(TABLE_TAG) or _rebuilt_table(run, services.settings)
    queue = _queue_of(table, services.settings)
    error_class, reason = failure_cause(context.get_step_failure_events(), context.failure_event.message)
    batch, next_step = _batch_of(run, queue, services)
    attempt = run.tags.get(ATTEMPT_TAG)
    return Alert(
        job=run.job_name,
        run_id=run.run_id,
        batch_id=run.tags.get(BATCH_TAG) or (batch.batch_id if batch else None),
        table=table,
        queue=queue,
        attempt=int(attempt) if attempt else None,
        error_class=error_class,
        reason=reason[:LONGEST_REASON],
        next_step=next_step,
    )


def _queue_of(table: str | None, settings: Settings) -> str | None:
    if table is not None and kind_of_table(table) is not None and settings.jobs_queue is not None:
        return settings.jobs_queue.name
    return next((one.queue for one in settings.tables if one.name == table), None)


def _rebuilt_table(run: dg.DagsterRun, settings: Settings) -> str | None:
    selected = {tuple(key.path) for key in run.asset_selection or ()}
    return next((one.name for one in settings.tables if tuple(one.asset_key) in selected), None)


def _batch_of(run: dg.DagsterRun, queue: str | None, services: Services) -> tuple[Batch | None, str]:
    """The open batch that the run worked on, and what comes next."""
    if queue is None:
        return None, "It is not tried again automatically."
    try:
        batches = services.ledger.open_batches(queue)
    except IngestError as error:
        return (
            None,
            f"A batch that is open is tried again; the ledger cannot be asked now ({error.error_class}).",
        )
    batch = next((one for one in batches if run.run_id == one.run_id or _is_tagged(run, one)), None)
    if batch is None:
        return _closed_batch(run.tags.get(BATCH_TAG), services)
    return batch, f"{queue}_sensor tries the batch again, with backoff, until it is settled."


def _closed_batch(batch_id: str | None, services: Services) -> tuple[Batch | None, str]:
    """What became of a batch that is not open: whether anything is left to do."""
    nothing = "The run has no open batch: nothing is tried again automatically."
    if batch_id is None:
        return None, nothing
    try:
        batch = services.ledger.batch(batch_id)
    except IngestError:
        return None, nothing
    became = {
        BatchState.COMMITTED: SOME_FAILED
        if batch.error is not None
        else "The batch is settled: nothing is lost, and nothing is left to do.",
        BatchState.ABANDONED: "The batch was replaced by others, which continue automatically: "
        f"{batch.error or 'planned again'}.",
        BatchState.FAILED: "None of the batch's objects could be ingested: `ingest status` says why, "
        "`ingest retry` tries again, `ingest dismiss` settles objects that will not come.",
    }
    return batch, became.get(batch.state, nothing)


def _is_tagged(run: dg.DagsterRun, batch: Batch) -> bool:
    return run.tags.get(BATCH_TAG) == batch.batch_id
