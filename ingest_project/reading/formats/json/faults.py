"""Says why Polars refused NDJSON: which line, which column, which value."""

import json
import re
from collections.abc import Mapping
from functools import cache
from math import isinf
from struct import Struct
from typing import NoReturn

import polars as pl

from ingest_project.errors import ObjectError, ObjectUnreadable, SchemaMismatch
from ingest_project.reading.formats.json.scan import HALF_A_PAIR, has_half_a_pair
from ingest_project.reading.formats.json.spelled import is_spelled, spells
from ingest_project.reading.formats.text import NO_UTF_8
from ingest_project.reading.row_faults import RowFault
from ingest_project.reading.values.example import example_of
from ingest_project.reading.values.json_nested import first_of_each_key
from ingest_project.reading.values.types import dtype_of, instance
from ingest_project.settings.wording import clipped


def explain(
    content: bytes, columns: Mapping[str, str], uri: str, parser_says: str, *, names_json: bool = True
) -> ObjectError:
    """The error for the first line that is not a JSON object, or whose value is not of its column's type.

    `parser_says` is the reason if no such line is found. This takes as long as Python needs to parse the text
    up to it. `names_json` as in `line_fault`.
    """
    for number, line in enumerate(content.split(b"\n"), start=1):
        fault = line_fault(line, columns, names_json=names_json)
        if fault is not None and fault.column is None:
            return ObjectUnreadable(uri, f"line {number} {fault.reason}")
        if fault is not None:
            return SchemaMismatch(uri, f"column {fault.column!r}, line {number}: {fault.reason}")
    return ObjectUnreadable(uri, clipped(parser_says.splitlines()[0], 200))


def line_fault(line: bytes, columns: Mapping[str, str], *, names_json: bool = True) -> RowFault | None:
    """What is wrong with one line; None if the line alone does not tell.

    With `names_json` the reason of a line that looks like a part of a JSON document says how to read such
    documents.
    """
    if not line.strip():
        return None
    try:
        value = DECODER.decode(line.decode())
    except json.JSONDecodeError as error:
        remedy = REMEDY if names_json and _is_of_document(error) else ""
        return RowFault(
            None, f"is not valid JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}{remedy}"
        )
    except RecursionError:
        return RowFault(None, "is nested too deeply")
    except UnicodeDecodeError:
        return NO_UTF_8
    except ValueError as error:
        return RowFault(None, f"is not valid JSON: {error}")
    if has_half_a_pair(line):
        return RowFault(None, HALF_A_PAIR)
    if not isinstance(value, dict):
        remedy = REMEDY if names_json and isinstance(value, list) else ""
        return RowFault(None, f"is not a JSON object: {example_of(value)}{remedy}")
    for name, type_name in columns.items():
        if not is_of_type(value.get(name), _dtype(type_name)):
            return RowFault(name, f"{example_of(value[name])} is not a valid {type_name}")
    return None


def _is_of_document(error: json.JSONDecodeError) -> bool:
    """Whether the line is a part of an object or array of several lines, or has several objects."""
    line = error.doc.strip()
    if error.msg == "Extra data":
        return error.doc[error.pos :].lstrip()[:1] in {"{", "["} or line.endswith(",")
    return line in OPENINGS or (line[:1] in {"{", "["} and line.endswith(","))


def remedy_for_long(start: bytes) -> str:
    """What to do about a line that is too long and begins so; empty unless it is a JSON document."""
    text = start.removeprefix(BYTE_ORDER_MARK).lstrip()
    return REMEDY if text.startswith(b"[") or (text.startswith(b"{") and JOINED.search(text)) else ""


@cache
def _dtype(type_name: str) -> pl.DataType:
    return dtype_of(type_name)


def is_of_type(value: object, dtype: pl.DataType) -> bool:
    """Whether this JSON value, or a number or boolean as a string, fits; any value fits types that are read
    as text.
    """
    if value is None:
        return True
    if isinstance(value, str) and is_spelled(dtype):
        return spells(value, dtype)
    if isinstance(dtype, pl.Boolean):
        return isinstance(value, bool)
    if isinstance(dtype, pl.Int32 | pl.Int64):
        return isinstance(value, int) and not isinstance(value, bool) and value in _range(dtype)
    if dtype.is_float():
        if not isinstance(value, int | float) or isinstance(value, bool) or not is_double(value):
            return False
        return is_float(value) if isinstance(dtype, pl.Float32) else True
    return _is_of_nested(value, dtype) if dtype.is_nested() else True


def _is_of_nested(value: object, dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.List):
        return isinstance(value, list) and all(is_of_type(one, instance(dtype.inner)) for one in value)
    if not isinstance(value, dict):
        return False
    if isinstance(dtype, pl.Map):
        return all(is_of_type(one, instance(dtype.value)) for one in value.values())
    fields = dtype.fields if isinstance(dtype, pl.Struct) else []
    return all(is_of_type(value.get(field.name), instance(field.dtype)) for field in fields)


def is_double(value: float) -> bool:
    """Whether the number is in range of a double, and exactly representable as one if it is an integer."""
    try:
        double = float(value)
    except OverflowError:
        return False
    return not isinf(double) and (isinstance(value, float) or int(double) == value)


def is_float(value: float) -> bool:
    """Whether the number is in range of a float, and exactly representable as one if it is a whole number."""
    try:
        (nearest,) = FLOAT.unpack(FLOAT.pack(value))
    except OverflowError:
        return False
    return bool(nearest == value or value != int(value))


def _range(dtype: pl.Int32 | pl.Int64) -> range:
    bits = 32 if isinstance(dtype, pl.Int32) else 64
    return range(-(2 ** (bits - 1)), 2 ** (bits - 1))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


FLOAT = Struct("<f")
REMEDY = "; `format: json` reads arrays, objects of several lines and objects without line ends between them"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
JOINED = re.compile(rb"\}\s*\{")
OPENINGS = frozenset({"{", "[", "[{", "[["})
DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=first_of_each_key)
