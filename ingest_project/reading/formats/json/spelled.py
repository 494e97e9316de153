"""Reads numbers and booleans that NDJSON has as strings.

Protobuf, ClickHouse and others write numbers that JavaScript would round as strings. Polars refuses a string
in a column of numbers, which costs little. Only then are such columns searched for, and read as text.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

import polars as pl
from polars.exceptions import ComputeError

from ingest_project.reading.formats.json.numerals import names_pattern, spellings
from ingest_project.reading.formats.json.scan import parts_with
from ingest_project.reading.limits import LIMITS
from ingest_project.reading.values.json_nested import NO_NUMBER, Numeral, load
from ingest_project.reading.values.text import from_text
from ingest_project.reading.values.text_numbers import null_where
from ingest_project.reading.values.types import dtype_of, instance
from ingest_project.settings.type_grammar import ColumnType

SHORT_NUMBER = re.compile(r"-?[0-9]{1,7}(?P<fraction>\.[0-9]{1,7})?")
"""A number that each type can hold, except integers with a fraction: a cast of one value takes 1,000 times as
long."""


def spelled_columns(content: bytes, types: Mapping[str, ColumnType]) -> frozenset[str]:
    """The columns of numbers or booleans, by these types, that have strings instead."""
    dtypes = {name: dtype_of(wanted) for name, wanted in types.items()}
    flat = [name for name, dtype in dtypes.items() if is_spelled(dtype)]
    nested = {name: dtype for name, dtype in dtypes.items() if dtype.is_nested() and _has_spelled(dtype)}
    return frozenset(_with_strings(content, flat) | _with_strings_within(content, nested))


def with_spelled(frame: pl.DataFrame, types: Mapping[str, ColumnType]) -> pl.DataFrame:
    """The frame with the texts of these columns parsed as numbers or booleans.

    Raises ComputeError if a text cannot be parsed as its type.
    """
    values = {name: _values(frame[name], dtype_of(wanted)) for name, wanted in types.items()}
    for name, found in values.items():
        if found.null_count() > frame[name].null_count():
            raise ComputeError(f"column {name!r}: a text cannot be parsed as its type")
    return frame.with_columns(found.alias(name) for name, found in values.items())


def is_spelled(dtype: pl.DataType) -> bool:
    """Whether values of this type may be strings in JSON: numbers and booleans."""
    return dtype.is_integer() or dtype.is_float() or isinstance(dtype, pl.Boolean)


def spells(text: str, dtype: pl.DataType) -> bool:
    """Whether the text can be parsed as this type, for which `is_spelled` holds."""
    if not isinstance(dtype, pl.Boolean) and (match := SHORT_NUMBER.fullmatch(text)):
        return dtype.is_float() or match["fraction"] is None
    return _has_value(text, dtype)


@lru_cache(LIMITS.step.remembered_texts)
def _has_value(text: str, dtype: pl.DataType) -> bool:
    return not _values(pl.Series([text]), dtype).null_count()


def _values(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    values = from_text(text, dtype)
    return null_where(values, text.str.contains(NO_NUMBER.pattern)) if dtype.is_float() else values


def _with_strings(content: bytes, names: list[str]) -> set[str]:
    if not names:
        return set()
    pattern = rf'"({names_pattern(names)})"\s*:\s*"'
    found = {
        one.decode() for part in parts_with(content, pattern) for one in re.findall(pattern.encode(), part)
    }
    return {name for name in names if found & spellings(name)}


def _with_strings_within(content: bytes, dtypes: Mapping[str, pl.DataType]) -> set[str]:
    found: set[str] = set()
    for line in content.split(b"\n") if dtypes else ():
        if line.strip():
            row = load(line)
            members = row if isinstance(row, dict) else {}
            found |= {name for name, dtype in dtypes.items() if _spells_within(members.get(name), dtype)}
    return found


def _spells_within(value: object, dtype: pl.DataType) -> bool:
    """Whether this value has a string instead of a number or boolean at any depth."""
    if isinstance(dtype, pl.List) and isinstance(value, list):
        return any(_spells_within(one, instance(dtype.inner)) for one in value)
    if isinstance(dtype, pl.Map) and isinstance(value, dict):
        return any(_spells_within(one, instance(dtype.value)) for one in value.values())
    if isinstance(dtype, pl.Struct) and isinstance(value, dict):
        return any(_spells_within(value.get(one.name), instance(one.dtype)) for one in dtype.fields)
    return (
        isinstance(value, str)
        and not isinstance(value, Numeral)
        and is_spelled(dtype)
        and spells(value, dtype)
    )


def _has_spelled(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.List):
        return _has_spelled(instance(dtype.inner))
    if isinstance(dtype, pl.Map):
        return _has_spelled(instance(dtype.value))
    if isinstance(dtype, pl.Struct):
        return any(_has_spelled(instance(one.dtype)) for one in dtype.fields)
    return is_spelled(dtype)
