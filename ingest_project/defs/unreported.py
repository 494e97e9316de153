"""Logs the materializations of batches whose run died after settling them.

This is the last step of the outbox. Each committed batch waits in the ledger until a tick has seen that its
run has ended and that its materializations are logged. Missing ones are logged here, without a run.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from ingest_project.defs.quarantine_assets import quarantine_key
from ingest_project.errors import IngestError
from ingest_project.ledger.model import BatchKind
from ingest_project.services import Services
from ingest_project.settings.model import TableSettings

if TYPE_CHECKING:
    from ingest_project.ledger.unreported import BroughtPartition, UnreportedBatch

GIVEN_UP_AFTER = timedelta(days=1)
"""If this Dagster does not know a batch's run, another Dagster reports it; that one may not exist any
more."""


def report_missing(context: dg.SensorEvaluationContext, services: Services, queue: str) -> None:
    """Log the missing materializations of the queue's committed batches.

    If the ledger fails, the next tick does it.
    """
    try:
        for batch in services.ledger.unreported_batches(queue):
            if _report(context, services, batch):
                services.ledger.reported(queue, batch.batch_id)
    except IngestError as error:
        context.log.warning(str(error))


def _report(context: dg.SensorEvaluationContext, services: Services, batch: "UnreportedBatch") -> bool:
    """Whether the batch is completely reported. If a crash repeats this, an event may be logged twice."""
    run = context.instance.get_run_by_id(batch.run_id)
    table = next((one for one in services.settings.tables if one.name == batch.table), None)
    if run is None or table is None:
        return datetime.now(UTC) - batch.settled_at > GIVEN_UP_AFTER
    if not run.is_finished:
        return False
    logged = _logged(context.instance, batch.run_id)
    for event in _events(table, batch):
        if (event.asset_key, event.partition) not in logged:
            _add_dynamic_partition(context.instance, table, event.partition)
            context.instance.report_runless_asset_event(event)
            context.log.info(
                f"batch {batch.batch_id}: run {run.run_id} ended before it reported what it committed"
            )
    return True


def _logged(instance: dg.DagsterInstance, run_id: str) -> set[tuple[dg.AssetKey, str | None]]:
    """The assets and partitions that the run has logged materializations of."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    events = [entry.dagster_event for entry in entries]
    return {(event.asset_key, event.partition) for event in events if event and event.asset_key}


def _events(table: TableSettings, batch: "UnreportedBatch") -> Iterator[dg.AssetMaterialization]:
    """The materializations of the batch, with the ledger's figures."""
    shared = {"batch_id": batch.batch_id}
    if batch.snapshot_id is not None:
        shared["snapshot_id"] = str(batch.snapshot_id)  # as text: JavaScript cannot represent it as a number
    for one in batch.partitions:
        yield dg.AssetMaterialization(
            asset_key=table.asset_key,
            partition=one.partition_key,
            description=f"Logged for run {batch.run_id}, which ended before it could.",
            metadata={**_figures(batch, one), **shared},
        )
    if rejected_rows := sum(one.rejected_rows for one in batch.partitions):
        yield dg.AssetMaterialization(
            asset_key=quarantine_key(table),
            description=f"{rejected_rows:,} rows were set aside by batch {batch.batch_id}",
            metadata={"rows_added": rejected_rows, **shared},
        )


def _figures(batch: "UnreportedBatch", partition: "BroughtPartition") -> dict[str, int | float]:
    """The figures to plot. Only objects that messages announced have a lag."""
    figures: dict[str, int | float] = {
        "rows_added": partition.rows,
        "bad_rows": partition.rejected_rows,
        "objects": partition.objects,
        "size_bytes": partition.size_bytes,
    }
    if batch.kind == BatchKind.INGEST:
        lag = batch.committed_at - partition.oldest_put_at
        figures["lag_seconds"] = round(lag.total_seconds(), 3)
    return figures


def _add_dynamic_partition(instance: dg.DagsterInstance, table: TableSettings, key: str | None) -> None:
    if table.partition is not None and table.partition.dynamic and key is not None:
        instance.add_dynamic_partitions(table.name, [key])
