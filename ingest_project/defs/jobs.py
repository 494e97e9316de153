"""The job of a queue: a run ingests one batch and then deletes the messages whose objects are settled."""

import dagster as dg

from ingest_project.defs.asset_checks import log_checks
from ingest_project.defs.materialization import log_gone, log_new_columns, partition_metadata
from ingest_project.defs.quarantine_assets import log_rejected
from ingest_project.defs.record_table import record_table
from ingest_project.errors import BatchSuperseded, IngestError
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings, Settings, TableSettings

BATCH_TAG = "ingest/batch_id"
ATTEMPT_TAG = "ingest/attempt"
TABLE_TAG = "ingest/table"

SHOWN_OBJECTS = 100
OBJECT_COLUMNS = ("object", "partition", "rows_added", "bad_rows", "why")


class BatchConfig(dg.Config):
    """The batch that a run processes, by its id in the ledger.

    `ingest status` and the sensor's ticks show the ids.
    """

    batch_id: str


@dg.op(
    description="Read the batch's objects from S3 and commit them to their Iceberg table, in one snapshot."
)
def ingest(context: dg.OpExecutionContext, config: BatchConfig, services: dg.ResourceParam[Services]) -> str:
    """Process a batch; gives its id.

    A batch that is already settled, or that another run owns now, is left alone.
    """
    try:
        pipeline = services.pipeline  # first, as it loads faster what all of this needs
        batch = services.ledger.batch(config.batch_id)
        result = pipeline.process(batch.batch_id, queue=services.queue(batch.queue), run_id=context.run_id)
    except BatchSuperseded as error:
        context.log.warning(str(error))
        return config.batch_id
    except IngestError as error:
        raise failure(error) from None
    if result is None:
        context.log.info(f"batch {batch.batch_id} was settled before")
        return batch.batch_id
    for failed in result.failures:
        context.log.warning(f"{failed.error_class}: {failed.reason}")
    _show_objects(context, services, result.batch_id)
    table = services.settings.table(result.table)
    _add_dynamic_partitions(context, table, [one.partition_key for one in result.partitions])
    for partition in result.partitions:
        context.log_event(
            dg.AssetMaterialization(
                asset_key=table.asset_key,
                partition=partition.partition_key,
                metadata=partition_metadata(result, partition),
            )
        )
    log_gone(context, result)
    log_new_columns(context, result)
    log_rejected(context, services, table, result)
    log_checks(context, services, table, result)
    return batch.batch_id


@dg.op(description="Delete the messages all of whose objects are settled.")
def acknowledge(context: dg.OpExecutionContext, batch_id: str, services: dg.ResourceParam[Services]) -> None:
    """Delete the queue's messages that may be deleted, and log the count for this batch.

    A transient error is a warning: the next tick deletes the messages.
    """
    try:
        done = services.acknowledge(services.ledger.batch(batch_id).queue)
        messages = services.ledger.batch_messages(batch_id)
    except IngestError as error:
        if not error.transient:
            raise failure(error) from None
        context.log.warning(f"{error}; the next tick of the queue's sensor deletes the messages")
        return
    kept = messages.total - messages.deleted
    # The first run or tick deletes all messages that may be deleted, so this run's own count says nothing of
    # its batch.
    context.log.info(
        f"{messages.deleted:,} of the batch's {messages.total:,} messages are deleted"
        + (f"; {kept:,} wait until all objects that they name are settled" if kept else "")
    )
    context.add_output_metadata(
        {
            "batch_messages": messages.total,
            "batch_messages_deleted": messages.deleted,
            "refused_receipts": done.refused,
        }
    )


def ingest_job(queue: QueueSettings) -> dg.JobDefinition:
    """The job `<queue>_ingest`. Its ops run in one process: starting one takes longer than most batches."""

    @dg.job(
        name=f"{queue.name}_ingest",
        executor_def=dg.in_process_executor,
        description=f"Ingest one batch of the queue {queue.name} and delete its messages. "
        f"Launched by {queue.name}_sensor.",
    )
    def job() -> None:
        acknowledge(ingest())

    return job


def ingest_jobs(settings: Settings) -> list[dg.JobDefinition]:
    """One job for each queue that brings objects."""
    return [ingest_job(queue) for queue in queues_of_objects(settings)]


def queues_of_objects(settings: Settings) -> list[QueueSettings]:
    """All queues but that of the jobs, in the order of the settings."""
    return [queue for queue in settings.queues if queue.source != "jobs"]


def failure(error: IngestError) -> dg.Failure:
    """A failed run with a clear reason; whether to try again is the sensor's decision, not Dagster's.

    Raise it `from None`: Dagster would print the causes, and a library's message may contain a URL's password
    or a statement's parameters.
    """
    return dg.Failure(
        description=str(error), metadata={"error_class": error.error_class}, allow_retries=False
    )


def _show_objects(context: dg.OpExecutionContext, services: Services, batch_id: str) -> None:
    """Lists the batch's objects and their outcomes on the run's page.

    The batch is settled: this never fails the run.
    """
    try:
        members = services.ledger.batch_members(batch_id, limit=SHOWN_OBJECTS)
    except IngestError as error:
        context.log.warning(str(error))
        return
    records = (
        {
            "object": one.uri, "partition": one.partition, "rows_added": one.rows,
            "bad_rows": one.rejected_rows, "why": why(one.uri, one.error_class, one.reason),
        }
        for one in members.shown
    )  # fmt: skip
    shown = f"{members.total:,}"
    if len(members.shown) < members.total:
        shown = (
            f"{len(members.shown):,} of {members.total:,}, those that failed first; "
            f"`ingest history --batch {batch_id} --limit {members.total}` shows all"
        )
        context.log.info(f"objects listed: {shown}")
    table = record_table(OBJECT_COLUMNS, records)
    context.add_output_metadata({"batch_id": batch_id, "objects_shown": shown, "objects": table})


def why(uri: str, error_class: str | None, reason: str | None) -> str:
    """The class and the reason of a failure in one cell, without the URI; empty if there was none."""
    return ": ".join(part for part in (error_class, (reason or "").removeprefix(f"{uri!r}: ")) if part)


def _add_dynamic_partitions(
    context: dg.OpExecutionContext, table: TableSettings, keys: list[str | None]
) -> None:
    if table.partition is not None and table.partition.dynamic:
        context.instance.add_dynamic_partitions(table.name, [key for key in keys if key is not None])
