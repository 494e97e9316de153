"""Reads the demo's tables without the code that wrote them: by Polars' Iceberg scan."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ingest_project.demo.databases import metadata_location


@dataclass(frozen=True, slots=True)
class SourceRows:
    """How many rows of one object version one batch committed."""

    uri: str
    version: str
    batch_id: str
    rows: int


def rows_by_source(catalog_uri: str, table: str) -> Sequence[SourceRows]:
    """The rows of this SQL catalog's table now, counted by source; empty if the table does not exist."""
    metadata = metadata_location(catalog_uri, table)
    if metadata is None:
        return ()
    sources = (
        pl.scan_iceberg(metadata).group_by("_source_uri", "_source_version", "_batch_id").len().collect()
    )
    return [SourceRows(*row) for row in sources.iter_rows()]
