"""The quarantine of a table as an asset of its own, downstream of the table: the bad rows of each batch."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from ingest_project.defs.column_schema import column_schema
from ingest_project.defs.record_table import record_table
from ingest_project.errors import IngestError
from ingest_project.iceberg.quarantine import DESCRIPTIONS
from ingest_project.services import Services
from ingest_project.settings.model import Settings, TableSettings

if TYPE_CHECKING:
    from ingest_project.iceberg.table import LakeTable
    from ingest_project.ingestion.process import BatchResult

SHOWN_ROWS = 20
ROW_COLUMNS = ("object", "line", "column", "reason")


def quarantine_assets(settings: Settings) -> list[dg.AssetSpec]:
    """One external asset for each table that sets bad rows aside."""
    return [quarantine_asset(table) for table in settings.tables if table.bad_rows == "quarantine"]


def quarantine_asset(table: TableSettings) -> dg.AssetSpec:
    """The asset of one quarantine; ingest runs and rebuilds report its materializations."""
    return dg.AssetSpec(
        key=quarantine_key(table),
        deps=[dg.AssetKey(table.asset_key)],
        group_name=table.asset_key[0],
        kinds={"iceberg"},
        owners=table.owners,
        description=f"Bad rows of {table.name}'s objects, each with its line and its reason. "
        f"`ingest replay {table.name}` reads their objects again.",
        metadata={"dagster/table_name": table.quarantine},
    )


def quarantine_key(table: TableSettings) -> dg.AssetKey:
    """The key of the quarantine's asset."""
    return dg.AssetKey(table.quarantine.split("."))


def log_rejected(
    context: dg.OpExecutionContext, services: Services, table: TableSettings, result: "BatchResult"
) -> None:
    """Reports a batch's changes to the quarantine, with the reasons of some rows. Never fails the run."""
    if not result.rejected_rows and not result.rejected_rows_replaced:
        return
    metadata: dict[str, Any] = {
        "rows_added": result.rejected_rows,
        "rows_removed": result.rejected_rows_replaced,
        "batch_id": result.batch_id,
    }
    try:
        metadata |= _found(services.lake.find(table.quarantine), result.batch_id)
    except IngestError as error:
        context.log.warning(str(error))
    except Exception as error:  # its text may contain secrets, and the batch is settled in any case
        context.log.warning(f"{table.quarantine} could not be read: {type(error).__name__}")
    context.log_event(
        dg.AssetMaterialization(
            asset_key=quarantine_key(table),
            description=_description(result),
            metadata=metadata,
        )
    )


def _description(result: "BatchResult") -> str:
    told = [f"{result.rejected_rows:,} rows were set aside"] if result.rejected_rows else []
    if result.rejected_rows_replaced:
        told.append(f"{result.rejected_rows_replaced:,} were removed, because their objects were read again")
    return f"{'; '.join(told)} by batch {result.batch_id}"


def _found(quarantine: "LakeTable | None", batch_id: str) -> dict[str, Any]:
    if quarantine is None:
        return {}
    metadata: dict[str, Any] = {}
    current = quarantine.current_snapshot
    if current is not None and current.rows_in_table is not None:
        metadata["dagster/row_count"] = current.rows_in_table
    if (snapshot_id := _snapshot_id(quarantine, batch_id)) is not None:
        # As text: JavaScript cannot represent it as a number.
        metadata["snapshot_id"] = dg.MetadataValue.text(str(snapshot_id))
    found = quarantine.quarantined_rows(batch_id, limit=SHOWN_ROWS)
    records = (
        {"object": row.source_uri, "line": row.line_number, "column": row.column_name, "reason": row.reason}
        for row in sorted(found, key=lambda one: (one.source_uri, one.line_number or 0))
    )
    metadata["reasons"] = record_table(ROW_COLUMNS, records)
    metadata["dagster/column_schema"] = column_schema(quarantine.columns, DESCRIPTIONS)
    return metadata


def _snapshot_id(quarantine: "LakeTable", batch_id: str) -> int | None:
    """The snapshot of the batch's last commit; commit ids of a quarantine are `batch/start`."""
    commits = quarantine.batch_commits()
    own = [one for commit_id, one in commits.items() if commit_id.partition("/")[0] == batch_id]
    return max(own, key=lambda one: one.committed_at).snapshot_id if own else None
