"""Builders of settings, rows and tables for the tests of the iceberg room."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.commit import CommitRetry
from ingest_project.iceberg.replacement import Replacement
from ingest_project.iceberg.table import LakeTable
from ingest_project.settings.model import AwsSettings, CatalogSettings, TableSettings

START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = {"order_id": "long", "amount": "double", "ordered_at": "timestamptz"}
QUICK = CommitRetry(first_pause_seconds=0.02, longest_pause_seconds=0.2, look_pauses_seconds=(0.0, 0.0))


def catalog_settings(folder: Path, *, uri: str | None = None, name: str = "lake") -> CatalogSettings:
    """A SQL catalog, on SQLite unless `uri` says otherwise, with its warehouse in this folder."""
    properties = {
        "uri": uri or f"sqlite:///{folder}/state/catalog.db",
        "warehouse": f"file://{folder}/warehouse",
    }
    return CatalogSettings.model_validate({"name": name, **properties})


def open_lake(settings: CatalogSettings, retry: CommitRetry = QUICK) -> Lake:
    return Lake(settings, AwsSettings(), retry)


def table_settings(name: str = "sales.orders", **overrides: Any) -> TableSettings:
    values = {
        "name": name,
        "queue": "landing",
        "bucket": "acme-landing",
        "format": "ndjson",
        "columns": COLUMNS,
        **overrides,
    }
    return TableSettings.model_validate(values)


def orders_table(lake: Lake, **overrides: Any) -> LakeTable:
    settings = table_settings(**overrides)
    return lake.table(settings, columns=settings.column_types or COLUMNS)


def orders(batch_id: str, order_ids: Sequence[int], *, uri: str | None = None) -> pa.Table:
    """One row for each order id, all of one batch; each of its own object unless `uri` names one for all."""
    count = len(order_ids)
    uris = [uri or uri_of(order_id) for order_id in order_ids]
    return pa.table(
        {
            "order_id": pa.array(order_ids, pa.int64()),
            "amount": pa.array([order_id / 4 for order_id in order_ids], pa.float64()),
            "ordered_at": pa.array(
                [START + timedelta(hours=order_id) for order_id in order_ids], pa.timestamp("us", "UTC")
            ),
            "_source_uri": pa.array(uris, pa.large_string()),
            "_source_version": pa.array(["v1"] * count, pa.large_string()),
            "_batch_id": pa.array([batch_id] * count, pa.large_string()),
            "_ingested_at": pa.array([START] * count, pa.timestamp("us", "UTC")),
        }
    )


def uri_of(order_id: int) -> str:
    return f"s3://acme-landing/orders/{order_id:06}.ndjson"


def replacing(*uris: str, batch_ids: frozenset[str] | None = None) -> Callable[[], Replacement]:
    """A confirmation that agrees and names these objects' rows."""
    return lambda: Replacement(frozenset(uris), batch_ids)


def nothing() -> Replacement:
    """A confirmation that agrees and replaces nothing."""
    return Replacement()


def commit_orders(table: LakeTable, batch_id: str, order_ids: Sequence[int]) -> int:
    """Commits one batch of orders and gives its snapshot id."""
    commit = table.commit(batch_id, [table.write(orders(batch_id, order_ids))], nothing)
    assert commit.snapshot_id is not None
    return commit.snapshot_id
