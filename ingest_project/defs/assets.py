"""The asset of a table: what ingest runs add to, and what materializing by hand rebuilds from S3."""

import warnings
from pathlib import Path

import dagster as dg

from ingest_project.defs.column_schema import column_schema
from ingest_project.defs.partitions import partitions_definition
from ingest_project.defs.rebuild import rebuild_partitions
from ingest_project.defs.receive_messages import receive_messages
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings, Settings, TableSettings
from ingest_project.settings.secrets import without_secrets

PARTITIONS_PER_RUN = 100
TEMPORARY_HOME = ".tmp_dagster_home_"
"""The prefix of the folder that Dagster creates if DAGSTER_HOME is not set, and removes at the end."""
NOT_RECORDED = (
    "DAGSTER_HOME is not set: the table and the ledger change, but the web UI will not show this run and its "
    "materialization. To record them, set DAGSTER_HOME to the folder of the running Dagster; for `make dev` "
    "this is the absolute path of .dagster"
)


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
    """The asset of one table. Materializing it, whole or by partition, rebuilds it from what S3 holds now.

    A range of partitions is rebuilt by one run, one batch and one materialization for each. A table of
    messages receives what waits in its queue instead.
    """

    def rebuild(
        context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
    ) -> dg.MaterializeResult[None]:
        if _is_temporary(context.instance):
            context.log.warning(NOT_RECORDED)
        work = receive_messages if table.is_of_messages else rebuild_partitions
        work(context, services, table)
        return dg.MaterializeResult()

    with warnings.catch_warnings():
        # Dagster marks `backfill_policy` as beta; the end-to-end tests verify the behaviour that we need.
        warnings.simplefilter("ignore", dg.BetaWarning)
        asset = dg.asset(
            key=table.asset_key,
            deps=[queue_asset_key(table.queue)],
            partitions_def=partitions_definition(table),
            backfill_policy=_backfill_policy(table),
            kinds={"iceberg", "polars"},
            group_name=table.asset_key[0],
            owners=table.owners,
            description=_description(table),
            metadata=_definition_metadata(table),
        )
    return asset(rebuild)


def _backfill_policy(table: TableSettings) -> dg.BackfillPolicy | None:
    """A range of partitions is one run, a long range several: a process that dies affects only its own."""
    if table.partition is None:
        return None
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=PARTITIONS_PER_RUN)


def _is_temporary(instance: dg.DagsterInstance) -> bool:
    return instance.is_ephemeral or Path(instance.root_directory).name.startswith(TEMPORARY_HOME)


def _queue_description(queue: QueueSettings, tables: list[TableSettings]) -> str:
    # The catalog shows the start of a description as it is written, and only the asset's own page renders
    # Markdown.
    routes = [f"- `{table.source}` for `{table.name}`" for table in tables]
    what = {
        "s3_events": "through which S3 announces objects",
        "messages": "whose messages are rows",
        "jobs": "which brings requests for jobs",
    }[queue.source]
    return "\n".join([f"The SQS queue {queue.name}, {what}.", "", *routes])


def _description(table: TableSettings) -> str:
    if table.is_of_messages:
        what = table.description or f"The messages of the queue {table.queue}, one row for each."
        return (
            f"{what}\n\n`{table.queue}_sensor` adds messages as they come; materializing the current "
            "partition receives what waits now."
        )
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
        metadata["dagster/column_schema"] = column_schema(table.column_types, table.column_descriptions)
    return metadata
