"""The quarantine of a table: an Iceberg table of its own, with a row for each row that was set aside."""

from ingest_project.settings.model import TableSettings

COLUMNS = {
    "line_number": "long",
    "raw": "string",
    "column_name": "string",
    "reason": "string",
}
"""`line_number` is the row's line, or its number, in the object `_source_uri`, counted from 1. `raw` is its text, cut at
65,536 characters. `column_name` is the column to blame, null where it is the row as a whole."""


def quarantine_settings(table: TableSettings) -> TableSettings:
    """The table `<name>__quarantine` as settings: whoever reads and compacts it treats it like any other table."""
    return TableSettings(
        name=table.quarantine,
        queue=table.queue,
        bucket=table.bucket,
        prefix=table.prefix,
        suffix=table.suffix,
        format="ndjson",
        columns=COLUMNS,  # type: ignore[arg-type] # pydantic makes columns of type names
        partition_spec=["day(_ingested_at)"],
        bad_rows="fail",
        description=f"Rows of {table.name}'s objects that were set aside, each with its reason.",
    )
