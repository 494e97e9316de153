"""Materializing a table of messages by hand: receives what waits in the queue now, and ingests it.

SQS does not keep what was received, so that nothing can be built again: rows that are in the table stay.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from ingest_project.defs.asset_checks import log_checks
from ingest_project.defs.jobs import failure
from ingest_project.defs.materialization import log_new_columns, partition_metadata
from ingest_project.defs.quarantine_assets import log_rejected
from ingest_project.errors import BatchSuperseded, IngestError
from ingest_project.ledger.model import Batch
from ingest_project.services import Services
from ingest_project.settings.model import TableSettings
from ingest_project.settings.partition_windows import window_key, window_start

if TYPE_CHECKING:
    from ingest_project.ingestion.process import BatchResult


def receive_messages(context: dg.AssetExecutionContext, services: Services, table: TableSettings) -> None:
    """Drains the queue of the table and processes its open batches, except those on which a run works.

    Raises dg.Failure if a partition other than the current one is asked for, if a batch cannot be committed,
    or, after all batches, if messages could not be ingested.
    """
    _refuse_the_past(context, table)
    results: list[BatchResult] = []
    try:
        while services.intake(table.queue).drain().new_objects or not results:
            done = list(_processed(context, services, table))
            results += done
            services.acknowledge(table.queue)
            if not done:
                break
    except IngestError as error:
        _log_materializations(context, table, results, is_success=False)
        raise failure(error) from None
    failures = [failed for result in results for failed in result.failures]
    _log_materializations(context, table, results, is_success=not failures)
    context.log.info(f"{sum(result.rows for result in results):,} rows added, {len(failures):,} failed")
    if failures:
        first = failures[0]
        raise dg.Failure(
            f"{len(failures):,} messages could not be ingested, the others are in the table; first: "
            f"{first.error_class}: {first.reason}",
            metadata={"error_class": first.error_class, "failed": len(failures)},
            allow_retries=False,
        )


def _refuse_the_past(context: dg.AssetExecutionContext, table: TableSettings) -> None:
    if table.partition is None or table.partition.every is None:
        return
    every = table.partition.every
    current = window_key(every, window_start(every, datetime.now(UTC).replace(tzinfo=None)))
    if list(context.partition_keys) != [current]:
        raise dg.Failure(
            f"{table.name} has SQS messages, which cannot be received a second time: only the partition of "
            f"now, {current}, can be materialized; it receives what waits in queue {table.queue}",
            allow_retries=False,
        )


def _processed(
    context: dg.AssetExecutionContext, services: Services, table: TableSettings
) -> "Iterator[BatchResult]":
    op_context = context.op_execution_context
    for batch in services.ledger.open_batches(table.queue):
        if batch.table != table.name or _is_worked_on(batch, services):
            continue
        try:
            result = services.pipeline.process(
                batch.batch_id, queue=services.queue(table.queue), run_id=context.run.run_id
            )
        except BatchSuperseded as error:
            context.log.warning(str(error))
            continue
        if result is None:
            continue
        for failed in result.failures:
            context.log.warning(f"{failed.error_class}: {failed.reason}")
        log_new_columns(op_context, result)
        log_rejected(op_context, services, table, result)
        log_checks(op_context, services, table, result)
        yield result


def _log_materializations(
    context: dg.AssetExecutionContext,
    table: TableSettings,
    results: "Sequence[BatchResult]",
    *,
    is_success: bool,
) -> None:
    """Logs what each batch changed. The last one of the run's own partition is the run's output, if it has
    one: otherwise an output without figures would be the newest in the catalog.
    """
    changed = [(result, partition) for result in results for partition in result.partitions]
    own = set(context.partition_keys) if table.partition is not None else {None}
    last = next((one for one in reversed(changed) if is_success and one[1].partition_key in own), None)
    for result, partition in changed:
        metadata = partition_metadata(result, partition)
        if last is not None and partition is last[1]:
            context.add_asset_metadata(metadata, partition_key=partition.partition_key)
            continue
        context.log_event(
            dg.AssetMaterialization(
                asset_key=table.asset_key, partition=partition.partition_key, metadata=metadata
            )
        )


def _is_worked_on(batch: Batch, services: Services) -> bool:
    now = datetime.now(UTC)
    lease = timedelta(seconds=services.settings.ledger.lease_seconds)
    return batch.is_leased(now, lease) or batch.not_before > now
