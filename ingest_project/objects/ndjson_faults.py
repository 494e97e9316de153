"""Says what is wrong with an NDJSON object that Polars refused: which line, which column, which value."""

import json
from collections.abc import Mapping
from typing import NoReturn

import polars as pl

from ingest_project.errors import ObjectError, ObjectUnreadable, SchemaMismatch
from ingest_project.objects.columns import example_of
from ingest_project.objects.types import dtype_of


def explain(content: bytes, columns: Mapping[str, str], uri: str, parser_says: str) -> ObjectError:
    """The error for the first line that is no JSON object, or whose value is not of its column's type.

    `parser_says` is the reason if no such line is found. Takes as long as Python needs to read the text up to there.
    """
    for number, line in enumerate(content.split(b"\n"), start=1):
        if fault := _line_fault(line, columns, uri, number):
            return fault
    return ObjectUnreadable(uri, parser_says.splitlines()[0][:200])


def _line_fault(line: bytes, columns: Mapping[str, str], uri: str, number: int) -> ObjectError | None:
    if not line.strip():
        return None
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return ObjectUnreadable(uri, f"line {number} is no JSON: {error.msg} at character {error.pos + 1}")
    except (ValueError, RecursionError) as error:
        return ObjectUnreadable(uri, f"line {number} is no JSON: {error}")
    if not isinstance(value, dict):
        return ObjectUnreadable(uri, f"line {number} is no JSON object: {example_of(value)}")
    for name, type_name in columns.items():
        if not _is_of_type(value.get(name), dtype_of(type_name)):
            return SchemaMismatch(
                uri, f"column {name!r}, line {number}: {example_of(value[name])} is no {type_name}"
            )
    return None


def _is_of_type(value: object, dtype: pl.DataType) -> bool:
    """Whether Polars reads this value; of the types that are read as text it reads any."""
    if value is None:
        return True
    if isinstance(dtype, pl.Boolean):
        return isinstance(value, bool)
    if isinstance(dtype, pl.Int32 | pl.Int64):
        return isinstance(value, int) and not isinstance(value, bool) and value in _range(dtype)
    if dtype.is_float():
        return isinstance(value, int | float) and not isinstance(value, bool)
    return True


def _range(dtype: pl.Int32 | pl.Int64) -> range:
    bits = 32 if isinstance(dtype, pl.Int32) else 64
    return range(-(2 ** (bits - 1)), 2 ** (bits - 1))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
