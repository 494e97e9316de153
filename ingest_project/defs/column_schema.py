"""The columns of a table as the web UI shows them: the file's own, then those that the ingest writes itself."""

from collections.abc import Mapping

import dagster as dg

PROVENANCE = {
    "_source_uri": ("string", "the object that the row came from"),
    "_source_version": ("string", "which write of that object: its version id, sequencer or eTag"),
    "_batch_id": ("string", "the batch that committed the row"),
    "_ingested_at": ("timestamptz", "when the row was written"),
}
"""Type and meaning of the columns that every table ends in."""
RESCUED = {"_rescued_data": "JSON of the values that have no column, or do not fit theirs"}
QUARANTINE = {
    "line_number": "the line of the object, or the number of the row, from 1",
    "raw": "the row's text, or JSON of a row of a file with types of its own",
    "column_name": "the column to blame; null where it is the row as a whole",
    "reason": "what is wrong with it",
}
"""The meaning of a quarantine's columns."""


def column_schema(columns: Mapping[str, str], descriptions: Mapping[str, str] = RESCUED) -> dg.TableSchema:
    """Columns with Iceberg's type names, and behind them those of the row's provenance."""
    own = [dg.TableColumn(name, type_name, descriptions.get(name)) for name, type_name in columns.items()]
    added = [dg.TableColumn(name, *told) for name, told in PROVENANCE.items()]
    return dg.TableSchema([*own, *added])
