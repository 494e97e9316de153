"""Files of every format whose columns are named in any case, and the reading of a table that takes them."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from ingest_project.reading.format_options import format_options
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult
from ingest_project.reading.target import target_of
from ingest_project.settings.formats import TableFormat
from ingest_project_tests.settings.factories import table

Row = dict[str, Any]


def body_of(file_format: TableFormat, names: Sequence[str], rows: Sequence[Row]) -> bytes:
    """A file of these rows; `names` are its columns, for the formats that have a header or schema."""
    if file_format == "ndjson":
        return "".join(json_line(row) + "\n" for row in rows).encode()
    if file_format == "json":
        return ("[" + ",\n".join(map(json_line, rows)) + "]").encode()
    sink = io.BytesIO()
    if file_format == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([["" if row.get(name) is None else row[name] for name in names] for row in rows])
        return text.getvalue().encode()
    frame = pl.DataFrame(
        {
            name: pl.Series([row.get(name) for row in rows], dtype=dtype_of_column(name, rows))
            for name in names
        }
    )
    write: Mapping[str, Callable[[io.BytesIO], object]] = {
        "parquet": frame.write_parquet, "avro": frame.write_avro, "ipc": frame.write_ipc
    }  # fmt: skip
    write[file_format](sink)
    return sink.getvalue()


def dtype_of_column(name: str, rows: Sequence[Row]) -> pl.DataType:
    is_number = name.casefold() in {"id", "extra"} or any(isinstance(row.get(name), int) for row in rows)
    return pl.Int64() if is_number else pl.String()


def json_line(row: Row) -> str:
    """JSON whose amounts are numbers of more digits than a double has."""
    texts = {
        name: value if name.casefold() == "amount" and value is not None else json.dumps(value)
        for name, value in row.items()
    }
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in texts.items()) + "}"


def reading_of(
    file_format: TableFormat, settings: str = "", types: Mapping[str, str] | None = None
) -> Reading:
    declared = table(f"{{format: {file_format}, case_insensitive: true, {settings}}}")
    return Reading(
        file_format, target_of(declared, types or declared.column_types), format_options(declared),
        quarantines=declared.bad_rows == "quarantine",
    )  # fmt: skip


def rows_of(result: ReadResult) -> list[Row]:
    if result.frame is None:
        return []
    return result.frame.drop("_source_uri", "_source_version").to_dicts()
