"""The columns that the ingest itself writes: their names, types and descriptions."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IngestColumn:
    """A column that is never declared: its Iceberg type and its description."""

    type: str
    description: str


PROVENANCE: Mapping[str, IngestColumn] = {
    "_source_uri": IngestColumn("string", "the object that the row was read from, s3://bucket/key"),
    "_source_version": IngestColumn(
        "string", "the write of that object: its version id, else its sequencer, else its eTag"
    ),
    "_batch_id": IngestColumn("string", "the batch that committed the row; the snapshot's ingest.batch-id"),
    "_ingested_at": IngestColumn("timestamptz", "when the row was read, UTC"),
}
"""The last columns of every table, from which a lost ledger can be recovered."""
RESCUED: Mapping[str, IngestColumn] = {
    "_rescued_data": IngestColumn("string", "JSON of the values that have no column, or do not fit theirs")
}
"""The column that `schema_evolution: rescue` adds."""
