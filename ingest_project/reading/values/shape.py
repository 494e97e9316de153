"""The parts of a type by their paths: a column, its fields, elements, keys and values at any depth."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

import polars as pl

from ingest_project.reading.values.types import instance


class Inner(Enum):
    """A step that has no name: to the elements of a list, or to the keys or values of a map."""

    ELEMENT = "[]"
    KEY = "{key}"
    VALUE = "{value}"


Step = str | Inner
Path = tuple[Step, ...]
"""The name of a column, then the steps to a part of it."""


def parts(dtype: pl.DataType, path: Path) -> Iterator[tuple[Path, pl.DataType]]:
    """The type itself and all parts of it, each after the one that contains it; parts of no type are left
    out.
    """
    if isinstance(dtype, pl.Null):
        return
    yield path, dtype
    for step, part in _steps(dtype):
        yield from parts(part, (*path, step))


def with_types(dtype: pl.DataType, path: Path, types: Mapping[Path, pl.DataType]) -> pl.DataType:
    """The type with those of some parts replaced, which are no nested ones."""
    match dtype:
        case pl.Struct():
            return pl.Struct(
                {name: with_types(part, (*path, name), types) for name, part in _fields(dtype).items()}
            )
        case pl.List():
            return pl.List(with_types(instance(dtype.inner), (*path, Inner.ELEMENT), types))
        case pl.Map():
            key, value = instance(dtype.key), instance(dtype.value)
            return pl.Map(
                with_types(key, (*path, Inner.KEY), types), with_types(value, (*path, Inner.VALUE), types)
            )
    return types.get(path, dtype)


def values_at(values: pl.Series, steps: Sequence[Step]) -> pl.Series:
    """The values of a part of a column; there are as many as the lists and maps above it hold."""
    for step in steps:
        match step:
            case Inner.ELEMENT:
                values = _elements(values)
            case Inner.KEY:
                values = _elements(values.map.keys())
            case Inner.VALUE:
                values = _elements(values.map.values())
            case name:
                values = values.struct.field(str(name))
    return values


def _elements(lists: pl.Series) -> pl.Series:
    return lists.explode(empty_as_null=False, keep_nulls=False)


def kind_of(dtype: pl.DataType) -> str:
    """How values of this type are built: `struct`, `list` or `map`; `value` if they have no parts."""
    match dtype:
        case pl.Struct():
            return "struct"
        case pl.List():
            return "list"
        case pl.Map():
            return "map"
    return "value"


def spelled(path: Path) -> str:
    """The path as messages name it, such as `order.lines[].price`."""
    first, *others = path
    return str(first) + "".join(step.value if isinstance(step, Inner) else f".{step}" for step in others)


def _steps(dtype: pl.DataType) -> Iterator[tuple[Step, pl.DataType]]:
    match dtype:
        case pl.Struct():
            yield from _fields(dtype).items()
        case pl.List():
            yield Inner.ELEMENT, instance(dtype.inner)
        case pl.Map():
            yield Inner.KEY, instance(dtype.key)
            yield Inner.VALUE, instance(dtype.value)


def _fields(dtype: pl.Struct) -> dict[str, pl.DataType]:
    return {field.name: instance(field.dtype) for field in dtype.fields}
