"""Casts the values of a field to the type of its column, and says which of them are lost."""

from dataclasses import dataclass

import polars as pl

from ingest_project.reading.columns.sources import Source
from ingest_project.reading.target import MappedColumn, widest
from ingest_project.reading.values.cast_exactly import cast_exactly, unfit
from ingest_project.reading.values.json_inference import with_fields_of
from ingest_project.reading.values.json_texts import unquoted, valid_texts
from ingest_project.reading.values.json_values import NOT_CANONICAL, from_json
from ingest_project.reading.values.text import from_text
from ingest_project.reading.values.text_numbers import null_where
from ingest_project.reading.values.time_formats import parse_times
from ingest_project.reading.values.types import dtype_of, with_new_fields
from ingest_project.settings.model import SchemaEvolution
from ingest_project.settings.type_grammar import ColumnType, ListOf, MapOf, StructOf, parse_column_type


@dataclass(frozen=True, slots=True)
class Cast:
    """`values` of `type`.

    They are null where `lost` is true: the field's value there is not valid for this type.
    """

    values: pl.Series
    lost: pl.Series
    type: str


def cast_column(source: Source, column: MappedColumn, *, evolution: SchemaEvolution) -> Cast | None:
    """The field's values as the column's type; None if the two types are never compatible.

    A column that is not declared becomes wider if its values need it and its table may change, and codes such
    as 007, which are text in a file by themselves, do not become its numbers. Raises UnusableName for a new
    field within it that a table cannot have.
    """
    values = source.values
    if column.formats or column.timezone:
        return _cast_times(unquoted(values) if source.is_json else values, column)
    if evolution == "add_columns" and values.dtype.is_nested():
        known = parse_column_type(column.type)
        return _cast(source, column, with_new_fields(known, values.dtype, f"{column.source}."))
    cast = _cast(source, column, parse_column_type(column.type))
    may_change = evolution == "add_columns"
    if may_change and isinstance(values.dtype, pl.String) and cast is not None and cast.lost.any():
        cast = _with_new_fields_of_text(source, column, cast)
    wider = widest(column.type)
    if column.declared or not may_change or wider == column.type:
        return cast
    if cast is not None and not cast.lost.any():
        return cast
    widened = _cast(source, column, parse_column_type(wider))
    return cast if widened is None or widened.lost.any() else widened


def _cast(source: Source, column: MappedColumn, wanted: ColumnType) -> Cast | None:
    values = source.values
    if isinstance(values.dtype, pl.Null) or not source.is_json:
        cast = cast_exactly(values, wanted)
        if (
            not column.declared
            and isinstance(values.dtype, pl.String)
            and cast is not None
            and cast.dtype.is_numeric()
        ):
            cast = null_where(cast, values.str.contains(NOT_CANONICAL))
    else:
        cast = from_json(values, wanted, canonical=not column.declared)
    return None if cast is None else Cast(cast, unfit(values, cast), str(wanted))


def _with_new_fields_of_text(source: Source, column: MappedColumn, cast: Cast) -> Cast:
    """The cast to the nested type with the new fields of JSON texts; the same cast if there are none."""
    known = parse_column_type(column.type)
    if not isinstance(known, ListOf | MapOf | StructOf):
        return cast
    raw = source.values if source.is_json else valid_texts(source.values)
    wider = with_fields_of(raw, known, f"{column.source}.")
    return (_cast(source, column, wider) if wider != known else None) or cast


def cast_values(values: pl.Series, wanted: str | pl.DataType) -> Cast:
    """The values as this type; all of them are lost if the two types are never compatible."""
    found = cast_exactly(values, wanted)
    if found is not None:
        return Cast(found, unfit(values, found), str(wanted))
    dtype = dtype_of(wanted) if isinstance(wanted, str) else wanted
    nulls = pl.Series(values.name, [None], dtype=dtype).new_from_index(0, len(values))
    return Cast(nulls, values.is_not_null(), str(wanted))


def default_of(type_name: str, default: str | float) -> pl.Series:
    """The default as one value of the type; null if it is not valid for the type."""
    if isinstance(default, bool):
        return pl.Series([default])
    return from_text(pl.Series([str(default)]), type_name)


def _cast_times(source: pl.Series, column: MappedColumn) -> Cast | None:
    """Times in the column's own format.

    Integers are parsed from their digits; values that are times already are cast.
    """
    if source.dtype.is_integer() or source.dtype == pl.Null():
        source = source.cast(pl.String())
    if not isinstance(source.dtype, pl.String):
        return cast_values(source, column.type)
    formats = column.formats or ("iso",)
    values = parse_times(source, dtype_of(column.type), formats, column.timezone)
    return Cast(values, unfit(source, values), column.type)
