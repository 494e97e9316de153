"""The job of a queue: a run ingests one batch and then deletes the messages of what is settled."""

import dagster as dg

from ingest_project.defs.asset_checks import log_checks
from ingest_project.defs.materialization import log_new_columns, partition_metadata
from ingest_project.defs.quarantine_assets import log_rejected
from ingest_project.defs.record_table import record_table
from ingest_project.errors import IngestError
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings, Settings, TableSettings

BATCH_TAG = "ingest/batch_id"
ATTEMPT_TAG = "ingest/attempt"
TABLE_TAG = "ingest/table"

SHOWN_OBJECTS = 100
OBJECT_COLUMNS = ("object", "version", "partition", "rows", "rejected_rows", "error_class", "reason", "put")


class BatchConfig(dg.Config):
    """What a run has to be told: a batch id of the ledger. `ingest status` and the sensor's ticks show them."""

    batch_id: str


@dg.op(
    description="Read the batch's objects from S3 and commit them to their Iceberg table, in one snapshot."
)
def ingest(context: dg.OpExecutionContext, config: BatchConfig, services: dg.ResourceParam[Services]) -> str:
    """Process a batch; gives the name of its queue. A batch that is settled already is left alone."""
    try:
        batch = services.ledger.batch(config.batch_id)
        result = services.pipeline.process(
            batch.batch_id, queue=services.queue(batch.queue), run_id=context.run_id
        )
    except IngestError as error:
        raise failure(error) from None
    if result is None:
        context.log.info(f"batch {batch.batch_id} was settled before")
        return batch.queue
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
    log_new_columns(context, result)
    log_rejected(context, services, table, result)
    log_checks(context, services, table, result)
    return batch.queue


@dg.op(description="Delete the messages all of whose objects are settled.")
def acknowledge(context: dg.OpExecutionContext, queue: str, services: dg.ResourceParam[Services]) -> None:
    """Delete messages. A failure here is finished by the sensor's next tick."""
    try:
        done = services.acknowledge(queue)
    except IngestError as error:
        raise failure(error) from None
    context.log.info(f"deleted {done.deleted} messages of queue {queue}")
    context.add_output_metadata({"deleted_messages": done.deleted, "refused_receipts": done.refused})


def ingest_job(queue: QueueSettings) -> dg.JobDefinition:
    """The job `<queue>_ingest`. Its ops run in one process: starting one takes longer than most batches."""

    @dg.job(
        name=f"{queue.name}_ingest",
        executor_def=dg.in_process_executor,
        description=f"Ingest one batch of the queue {queue.name} and delete its messages. Launched by {queue.name}_sensor.",
    )
    def job() -> None:
        acknowledge(ingest())

    return job


def ingest_jobs(settings: Settings) -> list[dg.JobDefinition]:
    """One job for each queue."""
    return [ingest_job(queue) for queue in settings.queues]


def failure(error: IngestError) -> dg.Failure:
    """A failed run with a clear reason; whether to try again is the sensor's decision, not Dagster's.

    Raise it `from None`: Dagster would print the causes, and a library's own words may hold a URL's password or a
    statement's parameters.
    """
    return dg.Failure(
        description=str(error), metadata={"error_class": error.error_class}, allow_retries=False
    )


def _show_objects(context: dg.OpExecutionContext, services: Services, batch_id: str) -> None:
    """The run's page lists what the batch made of its objects. It is settled: nothing here may fail the run."""
    try:
        members = services.ledger.batch_members(batch_id, limit=SHOWN_OBJECTS)
    except IngestError as error:
        context.log.warning(str(error))
        return
    records = (
        {
            "object": one.uri, "version": one.version, "partition": one.partition, "rows": one.rows,
            "rejected_rows": one.rejected_rows,
            "error_class": one.error_class, "reason": one.reason, "put": one.put_at,
        }
        for one in members
    )  # fmt: skip
    context.add_output_metadata({"batch_id": batch_id, "objects": record_table(OBJECT_COLUMNS, records)})


def _add_dynamic_partitions(
    context: dg.OpExecutionContext, table: TableSettings, keys: list[str | None]
) -> None:
    if table.partition is not None and table.partition.dynamic:
        context.instance.add_dynamic_partitions(table.name, [key for key in keys if key is not None])
