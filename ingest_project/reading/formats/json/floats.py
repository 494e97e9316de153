"""Rounds JSON's fractions to the nearest floats, as the text of CSV is; Polars has parsed them as doubles.

Almost no such double is exactly representable as a float: 0.1 as a double is not 0.1 as a float.
"""

from collections.abc import Mapping

import polars as pl
from polars.exceptions import ComputeError

from ingest_project.reading.values.json_nested import value_types
from ingest_project.reading.values.types import instance
from ingest_project.settings.type_grammar import ColumnType, ListOf, Primitive, StructOf

FLOAT = Primitive("float")


def with_nearest_floats(frame: pl.DataFrame, types: Mapping[str, ColumnType]) -> pl.DataFrame:
    """The frame with the nearest float for each fraction in columns of these types.

    Raises ComputeError for a number out of range, and for a whole number that is not exactly representable as
    a float.
    """
    nearest = {
        name: _nearest(pl.col(name), types[name], dtype)
        for name, dtype in frame.schema.items()
        if name in types and has_float(types[name])
    }
    rounded = frame.with_columns(one.alias(name) for name, one in nearest.items() if one is not None)
    dtypes = rounded.schema
    misfits = {name: _is_none(pl.col(name), types[name], dtypes[name]) for name in nearest}
    checked = [one.any().alias(name) for name, one in misfits.items() if one is not None]
    if at_fault := [name for name, (is_none,) in rounded.select(checked).to_dict().items() if is_none]:
        raise ComputeError(f"column {at_fault[0]!r}: a number is not a valid float")
    return rounded


def has_float(wanted: ColumnType) -> bool:
    """Whether a part of values of this type is a float."""
    return any(one == FLOAT for one in value_types(wanted))


def _nearest(values: pl.Expr, wanted: ColumnType, dtype: pl.DataType) -> pl.Expr | None:
    """The values with the nearest floats; None if they have no floats."""
    if isinstance(wanted, ListOf) and isinstance(dtype, pl.List):
        inner = _nearest(pl.element(), wanted.element, instance(dtype.inner))
        return None if inner is None else values.list.eval(inner)
    if isinstance(wanted, StructOf) and isinstance(dtype, pl.Struct):
        types = dict(wanted.fields)
        fields = {
            field.name: _nearest(pl.field(field.name), types[field.name], instance(field.dtype))
            for field in dtype.fields
            if field.name in types
        }
        found = [one.alias(name) for name, one in fields.items() if one is not None]
        return values.struct.with_fields(found) if found else None
    if wanted != FLOAT or not isinstance(dtype, pl.Float64):
        return None
    nearest = values.cast(pl.Float32).cast(pl.Float64)
    return pl.when(nearest.is_infinite() | (values == values.floor())).then(values).otherwise(nearest)


def _is_none(values: pl.Expr, wanted: ColumnType, dtype: pl.DataType) -> pl.Expr | None:
    """True where a value has a number that is not a float; None if it has no floats."""
    if isinstance(wanted, ListOf) and isinstance(dtype, pl.List):
        inner = _is_none(pl.element(), wanted.element, instance(dtype.inner))
        return None if inner is None else values.list.eval(inner).list.any()
    if isinstance(wanted, StructOf) and isinstance(dtype, pl.Struct):
        types = {field.name: instance(field.dtype) for field in dtype.fields}
        fields = (
            _is_none(values.struct.field(name), field, types[name])
            for name, field in wanted.fields
            if name in types
        )
        found = [one for one in fields if one is not None]
        return pl.any_horizontal(found) if found else None
    if wanted != FLOAT or not isinstance(dtype, pl.Float64):
        return None
    return values != values.cast(pl.Float32).cast(pl.Float64)
