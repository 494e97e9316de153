"""Which Iceberg type a column of a preview gets, and what to do with a column that has none."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl

from ingest_project.preview.dtypes import field_names
from ingest_project.reading.values.types import instance, is_empty, storable, type_of, typed_part

Remedy = Literal["drop", "rescue"]
"""`drop`: no column can hold it, so the entry passes it over. `rescue`: objects fail unless the table
rescues.
"""
NAMED_PARTS = 3


@dataclass(frozen=True, slots=True)
class TypeFound:
    """`name` is the Iceberg type; None if there is none, or none yet. `note` is for people."""

    name: str | None
    note: str | None = None
    remedy: Remedy | None = None


def iceberg_type(dtype: pl.DataType, *, is_columnar: bool = False) -> TypeFound:
    """The type for values of this Polars type; `string` if only the file's own text can be kept."""
    if is_empty(dtype):
        return TypeFound(None, "only nulls or empty values were seen, so it has no type yet")
    if not all(name.strip() and name.isprintable() for name in field_names(dtype)):
        problem = "a field in it has a blank name, or one with a control character"
        if is_columnar:
            return TypeFound(None, f"{problem}, so that it is passed over", "drop")
        return TypeFound("string", f"{problem}; as a string it is kept as JSON")
    if type_of(storable(dtype)) is None:
        return TypeFound(
            None, f"Iceberg has no type for {_odd_part(dtype)}, so that it is passed over", "drop"
        )
    parts = list(_empty_parts(dtype, ""))
    more = ", ..." if len(parts) > NAMED_PARTS else ""
    note = (
        f"without a type yet, and left out until a value comes: {', '.join(parts[:NAMED_PARTS])}{more}"
        if parts
        else None
    )
    return TypeFound(str(typed_part(storable(dtype))), note)


def kind_of(dtype: pl.DataType) -> str:
    """One word for a Polars type that has no Iceberg type."""
    if isinstance(dtype, pl.Struct):
        return "object"
    return str(dtype.base_type()).lower()


def _odd_part(dtype: pl.DataType) -> str:
    """The part that has no Iceberg type: mostly a duration."""
    inner: list[pl.DataType] = []
    if isinstance(dtype, pl.List | pl.Array):
        inner = [instance(dtype.inner)]
    if isinstance(dtype, pl.Struct):
        inner = [instance(field.dtype) for field in dtype.fields]
    odd = next((one for one in inner if type_of(storable(one)) is None), None)
    return kind_of(dtype) if odd is None else _odd_part(odd)


def _empty_parts(dtype: pl.DataType, path: str) -> Iterator[str]:
    if isinstance(dtype, pl.List | pl.Array):
        yield from _empty_parts(instance(dtype.inner), path)
    if isinstance(dtype, pl.Map):
        yield from _empty_parts(instance(dtype.value), path)
    if isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            below = f"{path}.{field.name}" if path else field.name
            inner = instance(field.dtype)
            yield from [below] if is_empty(inner) else _empty_parts(inner, below)
