"""The metadata of materializations for the web UI: numbers to plot, ids to look up, a schema and a sample."""

import re
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingest_project.defs.column_schema import column_schema
from ingest_project.ledger.model import BatchKind
from ingest_project.settings.provenance import PROVENANCE, RESCUED

if TYPE_CHECKING:
    import polars as pl

    from ingest_project.ingestion.process import BatchResult, PartitionResult

CELL_CHARACTERS = 60

ESCAPED = str.maketrans({character: f"&#{ord(character)};" for character in "&<>\\`*_{}[]()#|!~$"})
"""All characters with a meaning in Markdown or HTML, as character references."""
LINKED = re.compile(r"(?<=http)(?=s?://)|(?=@)|(?<=www)(?=\.)", re.IGNORECASE)
"""Where the web UI would find a link. It looks for bare URLs and e-mail addresses after it has resolved all
references, but not for S3 URIs, which stay as they are, to be copied."""
WORD_JOINER = "\N{WORD JOINER}"
"""Has no width."""


def partition_metadata(result: "BatchResult", partition: "PartitionResult") -> dict[str, Any]:
    """The metadata of one partition that a batch changed. Bytes are as S3 stores them, the lag is in seconds.

    `rows_added`, `bad_rows`, `objects` and `failed_objects` count this batch and this partition, and so does
    `objects_gone` of a rebuild. `dagster/row_count` and `dagster/partition_row_count` are Dagster's own names
    for the rows that the table and the partition hold now.
    """
    metadata: dict[str, Any] = {
        "rows_added": partition.rows,
        "bad_rows": partition.rejected_rows,
        "objects": partition.objects,
        "failed_objects": partition.failed_objects,
        "size_bytes": partition.size_bytes,
    }
    if result.kind == BatchKind.REBUILD:
        metadata["objects_gone"] = result.objects_gone
    if partition.lag_seconds is not None:
        metadata["lag_seconds"] = round(partition.lag_seconds, 3)
    metadata |= row_counts(result, partition)
    if partition.sample is not None:
        metadata["sample"] = dg.MetadataValue.md(markdown_table(partition.sample))
    return {**metadata, **_batch_metadata(result)}


def row_counts(result: "BatchResult", partition: "PartitionResult") -> dict[str, int]:
    """The rows of the table and of the partition, as far as they are known."""
    counts = {"dagster/row_count": result.rows_in_table}
    if partition.partition_key is not None:
        counts["dagster/partition_row_count"] = partition.rows_in_partition
    return {name: rows for name, rows in counts.items() if rows is not None}


def _batch_metadata(result: "BatchResult") -> dict[str, Any]:
    """The metadata that all partitions of a batch share."""
    metadata: dict[str, Any] = {"batch_id": result.batch_id}
    if result.snapshot_id is not None:
        # As text: JavaScript cannot represent it as a number.
        metadata["snapshot_id"] = dg.MetadataValue.text(str(result.snapshot_id))
    # The web UI keeps this order: the longest entry comes last.
    metadata["dagster/column_schema"] = column_schema(result.columns, result.column_docs)
    return metadata


def log_new_columns(context: dg.OpExecutionContext, result: "BatchResult") -> None:
    """Logs the columns that the batch added to its table, or widened."""
    from ingest_project.reports.terminal import printable

    for name, type_name in result.new_columns.items():
        context.log.info(f"new or wider column of {result.table}: {printable(name)} {printable(type_name)}")


def log_gone(context: dg.OpExecutionContext, result: "BatchResult") -> None:
    """Logs how many failures were settled because S3 does not hold their objects."""
    from ingest_project.settings.wording import plural

    if result.objects_gone:
        context.log.info(
            f"{plural(result.objects_gone, 'object version')} of {result.table} had failed, and S3 does not "
            f"hold {'it' if result.objects_gone == 1 else 'them'}: settled as skipped"
        )


def markdown_table(frame: "pl.DataFrame") -> str:
    """A few rows as a Markdown table.

    Cells come from untrusted files: they are escaped and cut, and links are broken.
    """
    frame = frame.select(_own_columns_first(frame.columns))
    names = [_cell(name) for name in frame.columns]
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in frame.rows())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _own_columns_first(names: list[str]) -> list[str]:
    """The table's columns, then those that the ingest writes itself, each in their order."""
    return sorted(names, key=lambda name: name in PROVENANCE or name in RESCUED)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if len(text) > CELL_CHARACTERS:
        text = text[: CELL_CHARACTERS - 1] + "…"
    return " ".join(LINKED.sub(WORD_JOINER, text).translate(ESCAPED).split())
