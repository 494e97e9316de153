"""Readers that share no code with what the tests check: chdb (ClickHouse) and Polars, by the table's path."""

from pathlib import Path
from urllib.parse import urlsplit

import polars as pl
from chdb.session import Session

from ingest_project.iceberg.table import LakeTable


def order_ids(table: LakeTable) -> list[int]:
    """The table's order ids, sorted, as Polars reads them from the newest metadata file."""
    table.refresh()
    frame = pl.scan_iceberg(newest_metadata(table), reader_override="native").select("order_id").collect()
    return sorted(frame["order_id"].to_list())


def order_ids_by_clickhouse(table: LakeTable) -> list[int]:
    """The same by ClickHouse."""
    folder = urlsplit(table.location).path
    with Session() as session:
        answer = session.query(f"SELECT order_id FROM icebergLocal('{folder}') ORDER BY order_id", "TSV")  # noqa: S608
    return [int(line) for line in str(answer).split()]


def snapshot_ids(table: LakeTable) -> list[int]:
    """The ids of all snapshots in the table's metadata, oldest first."""
    metadata = table._catalog.load_table(table.name).metadata
    return [snapshot.snapshot_id for snapshot in metadata.snapshots]


def stored_files(table: LakeTable, folder: str = "data") -> set[Path]:
    """The files that lie in the table's folder, referenced or not."""
    return {path for path in (Path(urlsplit(table.location).path) / folder).rglob("*") if path.is_file()}


def newest_metadata(table: LakeTable) -> str:
    location: str = table._catalog.load_table(table.name).metadata_location
    return location
