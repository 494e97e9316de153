"""Finds what Polars' JSON parser has changed within nested columns: it parses numbers as doubles.

`scan.py` does so for columns that are not objects or arrays, and need not parse their text.
"""

import re
from collections.abc import Collection, Iterator, Mapping

import polars as pl

from ingest_project.reading.formats.json.numerals import RESPELLED, names_pattern
from ingest_project.reading.formats.json.scan import inexact_doubles
from ingest_project.reading.values.cast_exactly import cast_exactly
from ingest_project.reading.values.json_nested import Numeral, json_text, load, text_trees
from ingest_project.reading.values.types import instance, storable, type_of
from ingest_project.settings.type_grammar import ColumnType, ListOf, MapOf, Primitive, StructOf

STRING = Primitive("string")
FIRST_INEXACT = float(2**53)
"""From here on not every integer is exactly representable as a double."""
NUMBER = r"^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
OBJECT_OR_ARRAY = r"^[\[{]"
"""Texts that may come from a JSON value other than a string."""
IN_LIST, IN_MAP = rb"[\[,]", rb":"
"""What stands before a value that is not a field of a struct."""


def inexact_numbers(frame: pl.DataFrame, content: bytes) -> dict[str, str]:
    """For each column with integers among doubles the first integer that is not exact as a double."""
    suspects = {one.name: one.dtype for one in frame.iter_columns() if _has_large_double(one)}
    nested = {name: dtype for name, dtype in suspects.items() if dtype.is_nested()}
    flat = [name for name in suspects if name not in nested]
    return inexact_doubles(content, flat) | _inexact_integers(content, nested)


def _has_large_double(values: pl.Series) -> bool:
    if values.dtype.is_float():
        return bool((values.abs() >= FIRST_INEXACT).any())
    return any(map(_has_large_double, _parts(values)))


def _inexact_integers(content: bytes, types: Mapping[str, pl.DataType]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _values(content, types):
        if name not in found and (numeral := _inexact(value, types[name])) is not None:
            found[name] = numeral
    return found


def with_exact_parts(frame: pl.DataFrame, content: bytes) -> pl.DataFrame:
    """The frame; texts within nested columns that were numbers, objects or arrays are as in the file."""
    nested = [one for one in frame.iter_columns() if one.dtype.is_nested()]
    suspects = [one.name for one in nested if has_lost_spelling(one, None, content)]
    values: dict[str, list[object]] = {name: [] for name in suspects}
    for name, value in _values(content, suspects):
        values[name].append(value)
    return frame.with_columns(_retyped(frame[name], column) for name, column in values.items())


def _retyped(column: pl.Series, values: list[object]) -> pl.Series:
    """The values as the column's own type, or as JSON text if that does not fit them."""
    wanted = type_of(storable(column.dtype))
    typed = None if wanted is None else cast_exactly(text_trees(values, wanted), wanted)
    if typed is None or typed.null_count() != column.null_count():
        typed = pl.Series([None if one is None else json_text(one) for one in values], dtype=pl.String())
    return typed.alias(column.name)


def _values(content: bytes, names: Collection[str]) -> Iterator[tuple[str, object]]:
    """The values under these names in each row, with numbers as Numerals."""
    for line in content.split(b"\n") if names else ():
        if line.strip():
            row = load(line)
            yield from ((name, row.get(name) if isinstance(row, dict) else None) for name in names)


def _parts(values: pl.Series) -> list[pl.Series]:
    """The parts of nested values: fields, elements or the values of maps; nothing for others."""
    if isinstance(values.dtype, pl.Struct):
        return list(values.struct.unnest().iter_columns())
    if isinstance(values.dtype, pl.Map):
        return [values.map.values()]
    if isinstance(values.dtype, pl.List):
        return [values.explode(empty_as_null=False, keep_nulls=False)]
    return []


def has_lost_spelling(
    values: pl.Series, wanted: ColumnType | None, content: bytes, in_front: bytes = IN_LIST
) -> bool:
    """Whether texts in these values may come from other JSON values, which Polars spells differently.

    If a type is `wanted`, only its strings must be as they were written.
    """
    if isinstance(values.dtype, pl.String):
        kinds = ((NUMBER, RESPELLED.encode()), (OBJECT_OR_ARRAY, rb"[\[{]"))
        return wanted in {None, STRING} and any(
            values.str.contains(text).any() and re.search(rb"%s\s*%s" % (in_front, spelled), content)
            for text, spelled in kinds
        )
    if isinstance(values.dtype, pl.Map):
        return has_lost_spelling(values.map.values().explode(), _part(wanted), content, IN_MAP)
    if not isinstance(values.dtype, pl.Struct):
        return any(has_lost_spelling(one, _part(wanted), content) for one in _parts(values))
    types = dict(wanted.fields) if isinstance(wanted, StructOf) else None
    return any(
        has_lost_spelling(
            part,
            wanted if types is None else types.get(part.name),
            content,
            rb'"(?:%s)"\s*:' % names_pattern([part.name]).encode(),
        )
        for part in _parts(values)
    )


def _part(wanted: ColumnType | None) -> ColumnType | None:
    """The type of the elements of a list, or of the values of a map."""
    match wanted:
        case ListOf(element):
            return element
        case MapOf(_, value):
            return value
    return wanted


def _inexact(value: object, dtype: pl.DataType) -> str | None:
    """The first integer in this value that the type makes a double, and that is not exact as one."""
    parts: Iterator[str | None] = iter(())
    if isinstance(dtype, pl.List) and isinstance(value, list):
        parts = (_inexact(one, instance(dtype.inner)) for one in value)
    elif isinstance(dtype, pl.Map) and isinstance(value, dict):
        parts = (_inexact(one, instance(dtype.value)) for one in value.values())
    elif isinstance(dtype, pl.Struct) and isinstance(value, dict):
        parts = (_inexact(value.get(field.name), instance(field.dtype)) for field in dtype.fields)
    elif dtype.is_float() and isinstance(value, Numeral) and value.lstrip("-").isdecimal():
        return None if int(float(value)) == int(value) else str(value)
    return next((one for one in parts if one is not None), None)
