"""Makes rows ready for CSV: values that CSV does not have become texts, and no text is a formula.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break as a formula, or may do
so (https://owasp.org/www-community/attacks/CSV_Injection). So a text that begins with one of these, with a
full-width form of one, or with an apostrophe gets an apostrophe before it; and so does the name of a column.
Who reads the file by a program takes one apostrophe away from each text that begins with one: then the text
is as in the table. Numbers, times and truth values stay as they are.

Texts are quoted, so that an empty one differs from a null. Binary values are written in hex, nested ones as
JSON, times in the forms of ISO 8601.
"""

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

FORMULA = r"^(['=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])"
"""How a text begins that gets an apostrophe before it, for RE2."""


def csv_schema(schema: pa.Schema) -> pa.Schema:
    """The schema of what `csv_rows` gives."""
    return csv_rows(pa.RecordBatch.from_pylist([], schema=schema)).schema


def csv_rows(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows, with values that can be written as CSV."""
    names = _harmless(pa.array(batch.schema.names, pa.large_string())).to_pylist()
    return pa.RecordBatch.from_arrays([_written(column) for column in batch.columns], names=names)


def _written(column: Any) -> Any:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _harmless(column.cast(pa.large_string()))
    if pa.types.is_timestamp(kind):
        return _time_text(column)
    if _is_plain(kind):
        return column
    return pa.array([_text(value) for value in column.to_pylist()], pa.large_string())


def _is_plain(kind: pa.DataType) -> bool:
    """Whether PyArrow writes these values as CSV by itself."""
    tests = (
        pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal,
        pa.types.is_date, pa.types.is_time,
    )  # fmt: skip
    return any(test(kind) for test in tests)


def _harmless(texts: Any) -> Any:
    return pc.replace_substring_regex(texts, pattern=FORMULA, replacement=r"'\1")


def _time_text(column: Any) -> Any:
    form = "%Y-%m-%dT%H:%M:%S" + ("Z" if column.type.tz is not None else "")
    return pc.strftime(column, format=form).cast(pa.large_string())


def _text(value: Any) -> str | None:
    """A value that is no text and no number: never the beginning of a formula."""
    match value:
        case None:
            return None
        case bytes():
            return value.hex()
        case UUID():
            return str(value)
        case _:
            return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """The value as JSON has it; a map is a list of its pairs, because its keys need not be texts."""
    match value:
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case bytes():
            return value.hex()
        case Decimal() | UUID():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return value
