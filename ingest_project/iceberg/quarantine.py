"""The quarantine of a table: an Iceberg table of its own, with a row for each row that was set aside."""

from ingest_project.settings.model import TableSettings

COLUMNS = {
    "line_number": {
        "type": "long",
        "description": "the line of the row, or its number, in the object `_source_uri`, from 1",
    },
    "raw": {
        "type": "string",
        "description": "the row's text, cut at 65,536 characters; JSON for a file with types of its own",
    },
    "column_name": {
        "type": "string",
        "description": "the column to blame; null where it is the row as a whole",
    },
    "reason": {"type": "string", "description": "what is wrong with the row"},
}

DESCRIPTIONS = {name: column["description"] for name, column in COLUMNS.items()}


def quarantine_settings(table: TableSettings) -> TableSettings:
    """The settings of the table `<name>__quarantine`, which is read and compacted like any other table."""
    return TableSettings(
        name=table.quarantine,
        queue=table.queue,
        bucket=table.bucket,
        prefix=table.prefix,
        suffix=table.suffix,
        format="ndjson",
        columns=COLUMNS,  # type: ignore[arg-type] # pydantic makes columns of them
        partition_spec=["day(_ingested_at)"],
        bad_rows="fail",
        description=f"Rows of {table.name}'s objects that were set aside, each with its reason.",
    )
