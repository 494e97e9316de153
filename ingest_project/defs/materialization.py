"""What a materialization tells the web UI: numbers that it plots, ids that one can look up, a schema and a sample."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from ingest_project.defs.column_schema import column_schema

if TYPE_CHECKING:
    import polars as pl

    from ingest_project.pipeline import BatchResult, PartitionResult

CELL_CHARACTERS = 60

ESCAPED = str.maketrans({character: f"&#{ord(character)};" for character in "&<>\\`*_{}[]()#|!~$"})
"""All that means something to Markdown or HTML, as character references."""


def partition_metadata(result: "BatchResult", partition: "PartitionResult") -> dict[str, Any]:
    """The metadata of one partition that a batch touched. Bytes are as S3 stores them, the lag is in seconds.

    `rows` are those that the batch brought, `rejected_rows` those that it set aside, `dagster/row_count` those that the
    partition holds now.
    """
    metadata: dict[str, Any] = {
        "rows": partition.rows,
        "rejected_rows": partition.rejected_rows,
        "objects": partition.objects,
        "failed_objects": partition.failed_objects,
        "size_bytes": partition.size_bytes,
        "lag_seconds": round(partition.lag_seconds, 3),
        "dagster/row_count": partition.rows_in_partition,
    }
    if partition.sample is not None:
        metadata["sample"] = dg.MetadataValue.md(markdown_table(partition.sample))
    return {**metadata, **batch_metadata(result)}


def batch_metadata(result: "BatchResult") -> dict[str, Any]:
    """The metadata that all partitions of a batch share."""
    metadata: dict[str, Any] = {"batch_id": result.batch_id}
    if result.snapshot_id is not None:
        # As text: it is beyond what JavaScript counts to.
        metadata["snapshot_id"] = dg.MetadataValue.text(str(result.snapshot_id))
    # The web UI keeps this order: what takes a screenful comes last.
    metadata["dagster/column_schema"] = column_schema(result.columns)
    return metadata


def log_new_columns(context: dg.OpExecutionContext, result: "BatchResult") -> None:
    """Names the columns that the batch added to its table, or widened, in the run's log."""
    from ingest_project.terminal import printable

    for name, type_name in result.new_columns.items():
        context.log.info(f"new or wider column of {result.table}: {printable(name)} {printable(type_name)}")


def markdown_table(frame: "pl.DataFrame") -> str:
    """A few rows as a Markdown table. Cells come from files that nobody vouches for: they are escaped and cut."""
    names = [_cell(name) for name in frame.columns]
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in frame.rows())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if len(text) > CELL_CHARACTERS:
        text = text[: CELL_CHARACTERS - 1] + "…"
    return " ".join(text.translate(ESCAPED).split())
