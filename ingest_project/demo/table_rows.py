"""Reads the demo's tables by another way than the one that wrote them: the catalog's file, then Polars' Iceberg scan."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

BUSY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class SourceRows:
    """How many rows of one object version one batch brought."""

    uri: str
    version: str
    batch_id: str
    rows: int


def rows_by_source(catalog: Path, table: str) -> Sequence[SourceRows]:
    """The rows that the table holds now, counted by where they come from; none if there is no such table.

    `catalog` is the SQLite file of a PyIceberg SQL catalog.
    """
    metadata = _metadata_location(catalog, table)
    if metadata is None:
        return ()
    sources = (
        pl.scan_iceberg(metadata).group_by("_source_uri", "_source_version", "_batch_id").len().collect()
    )
    return [SourceRows(*row) for row in sources.iter_rows()]


def _metadata_location(catalog: Path, table: str) -> str | None:
    namespace, _, name = table.rpartition(".")
    query = "select metadata_location from iceberg_tables where table_namespace = ? and table_name = ?"
    with closing(
        sqlite3.connect(f"{catalog.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
    ) as connection:
        row = connection.execute(query, (namespace, name)).fetchone()
    return None if row is None else str(row[0])
