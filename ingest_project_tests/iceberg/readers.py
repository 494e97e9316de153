"""Readers that share no code with what the tests check: chdb (ClickHouse) and Polars, by the table's path."""

import json
from contextlib import chdir
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import chdb
import polars as pl

from ingest_project.iceberg.table import LakeTable


def order_ids(table: LakeTable) -> list[int]:
    """The table's order ids, sorted, as Polars reads them from the newest metadata file."""
    table.refresh()
    frame = pl.scan_iceberg(newest_metadata(table), reader_override="native").select("order_id").collect()
    return sorted(frame["order_id"].to_list())


def order_ids_by_clickhouse(table: LakeTable) -> list[int]:
    """The same by ClickHouse."""
    return [int(line) for line in _clickhouse(table, "SELECT order_id", "ORDER BY order_id", "TSV").split()]


def rows_by_clickhouse(table: LakeTable, order_by: str = "tuple()") -> list[dict[str, Any]]:
    """All rows as ClickHouse spells them in JSON; 64-bit numbers are text there."""
    answer = _clickhouse(table, "SELECT *", f"ORDER BY {order_by}", "JSONEachRow")
    return [json.loads(line) for line in answer.splitlines()]


def _clickhouse(table: LakeTable, select: str, behind: str, form: str) -> str:
    """From the metadata file that the catalog names.

    Left to itself ClickHouse lists the folder, and may take the metadata of a commit that lost its race.
    """
    folder = urlsplit(table.location).path
    metadata = newest_metadata(table).removeprefix(f"{table.location}/")
    source = f"icebergLocal('{folder}', SETTINGS iceberg_metadata_file_path = '{metadata}')"
    with chdir("/"):  # chdb opens nothing outside of its working folder
        return str(chdb.query(f"{select} FROM {source} {behind}", form))  # type: ignore[no-untyped-call]


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
