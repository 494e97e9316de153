"""The asset of a table: what ingest runs add to, and what materializing by hand rebuilds from S3."""

import dagster as dg

from ingest_project.defs.column_schema import column_schema
from ingest_project.defs.jobs import BATCH_TAG, failure
from ingest_project.defs.materialization import (
    batch_metadata,
    log_new_columns,
    partition_metadata,
)
from ingest_project.defs.partitions import partitions_definition
from ingest_project.defs.quarantine_assets import log_rejected
from ingest_project.errors import IngestError
from ingest_project.redaction import without_secrets
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings, Settings, TableSettings


def table_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """One asset for each table."""
    return [table_asset(table) for table in settings.tables]


def queue_assets(settings: Settings) -> list[dg.AssetSpec]:
    """One external asset for each queue, so that the graph shows where tables come from."""
    return [
        dg.AssetSpec(
            key=queue_asset_key(queue.name),
            group_name="queues",
            kinds={"sqs", "s3"},
            description=_queue_description(queue, settings.tables_of(queue.name)),
            metadata={
                "url": without_secrets(queue.url),
                "visibility_timeout_seconds": queue.visibility_timeout_seconds,
                "max_messages_per_tick": queue.max_messages_per_tick,
                "max_batches_in_flight": queue.max_batches_in_flight,
            },
        )
        for queue in settings.queues
    ]


def queue_asset_key(queue: str) -> dg.AssetKey:
    """The key of a queue's external asset."""
    return dg.AssetKey(["sqs", queue])


def table_asset(table: TableSettings) -> dg.AssetsDefinition:
    """The asset of one table. Materializing it, whole or by partition, rebuilds it from what S3 holds now."""

    @dg.asset(
        key=table.asset_key,
        deps=[queue_asset_key(table.queue)],
        partitions_def=partitions_definition(table),
        kinds={"iceberg", "polars"},
        group_name=table.asset_key[0],
        owners=table.owners,
        description=_description(table),
        metadata=_definition_metadata(table),
    )
    def rebuild(
        context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
    ) -> dg.MaterializeResult[None]:
        partition_key = context.partition_key if context.has_partition_key else None
        queue = services.queue(table.queue)
        try:
            result = services.rebuild.run(table, partition_key, queue=queue, run_id=context.run.run_id)
            services.acknowledge(table.queue)
        except IngestError as error:
            raise failure(error) from None
        if result is None:
            return dg.MaterializeResult()
        context.instance.add_run_tags(context.run.run_id, {BATCH_TAG: result.batch_id})
        for failed in result.failures:
            context.log.warning(f"{failed.error_class}: {failed.reason}")
        log_new_columns(context.op_execution_context, result)
        log_rejected(context.op_execution_context, services, table, result)
        if not result.partitions:
            return dg.MaterializeResult(
                metadata={
                    "rows": 0,
                    "rejected_rows": 0,
                    "objects": 0,
                    "failed_objects": len(result.failures),
                    "dagster/row_count": 0,
                    **batch_metadata(result),
                }
            )
        (partition,) = result.partitions
        return dg.MaterializeResult(metadata=partition_metadata(result, partition))

    return rebuild


def _queue_description(queue: QueueSettings, tables: list[TableSettings]) -> str:
    # The catalog shows the start of a description as it is written, and only the asset's own page renders Markdown.
    routes = [f"- `{table.source}` for `{table.name}`" for table in tables]
    return "\n".join([f"The SQS queue {queue.name}, by which S3 announces objects.", "", *routes])


def _description(table: TableSettings) -> str:
    what = table.description or f"Rows of the {table.format} objects that the queue {table.queue} announces."
    how = (
        f"`{table.queue}_sensor` adds the objects of `{table.source}` as S3 announces them; "
        "materializing rebuilds from what S3 holds now, atomically."
    )
    return f"{what}\n\n{how}"


def _definition_metadata(table: TableSettings) -> dict[str, object]:
    metadata: dict[str, object] = {
        "dagster/table_name": table.name,
        "source": table.source,
        "format": table.format,
        "partition_spec": ", ".join(table.partition_spec) or "unpartitioned",
        "on_overwrite": table.on_overwrite,
        "schema_evolution": table.schema_evolution,
    }
    if table.column_types is not None:
        metadata["dagster/column_schema"] = column_schema(table.column_types)
    return metadata
