"""Maps Iceberg's types to the Polars types that hold their values, and back.

`uuid` and `fixed[N]` are Binary of 16 and N bytes. Polars has no type for that, so a cast must know the
Iceberg type, not only the Polars one.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import polars as pl
from polars._typing import PolarsDataType

from ingest_project.settings.type_grammar import (
    ColumnType,
    DecimalOf,
    FixedOf,
    ListOf,
    MapOf,
    Primitive,
    StructOf,
    parse_column_type,
)

PRIMITIVES: Final[Mapping[str, pl.DataType]] = {
    "boolean": pl.Boolean(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "float": pl.Float32(),
    "double": pl.Float64(),
    "date": pl.Date(),
    "time": pl.Time(),
    "timestamp": pl.Datetime("us"),
    "timestamptz": pl.Datetime("us", "UTC"),
    "string": pl.String(),
    "uuid": pl.Binary(),
    "binary": pl.Binary(),
}
NOTHING = Primitive("unknown")
"""The type of a nested part with only nulls, as Iceberg's format version 3 names it; a column never has it.
"""

_NAMES = {dtype: Primitive(name) for name, dtype in PRIMITIVES.items()} | {pl.Null(): NOTHING}


def dtype_of(wanted: str | ColumnType) -> pl.DataType:
    """The Polars type that holds exactly the values of this Iceberg type.

    Raises ValueError, with a message for the author of the name, if it is not a type of format version 2.
    """
    match parse_column_type(wanted) if isinstance(wanted, str) else wanted:
        case Primitive(name):
            return pl.Null() if name == NOTHING.name else PRIMITIVES[name]
        case DecimalOf(precision, scale):
            return pl.Decimal(precision, scale)
        case FixedOf():
            return pl.Binary()
        case ListOf(element):
            return pl.List(dtype_of(element))
        case MapOf(key, value):
            return pl.Map(dtype_of(key), dtype_of(value))
        case StructOf(fields):
            return pl.Struct({name: dtype_of(field) for name, field in fields})
    raise TypeError(f"{wanted!r} is not a column type")


def column_type_of(wanted: str | ColumnType | pl.DataType) -> ColumnType | None:
    """The Iceberg type of this name, or what `type_of` gives for a Polars type. Raises as `dtype_of`."""
    if isinstance(wanted, pl.DataType):
        return type_of(wanted)
    return parse_column_type(wanted) if isinstance(wanted, str) else wanted


def type_of(dtype: pl.DataType) -> ColumnType | None:
    """The Iceberg type whose values this Polars type holds exactly; None for durations, UInt64 and others.

    `storable` gives a type that has one, if there is any. Binary is `binary`.
    """
    if isinstance(dtype, pl.Decimal):
        return DecimalOf(dtype.precision or 38, dtype.scale)
    if isinstance(dtype, pl.List):
        element = type_of(instance(dtype.inner))
        return None if element is None else ListOf(element)
    if isinstance(dtype, pl.Map):
        key, value = type_of(instance(dtype.key)), type_of(instance(dtype.value))
        return None if key is None or value is None else MapOf(key, value)
    if isinstance(dtype, pl.Struct):
        fields = [(field.name, type_of(instance(field.dtype))) for field in dtype.fields]
        known = tuple((name, field) for name, field in fields if field is not None)
        return StructOf(known) if len(known) == len(fields) else None
    return _NAMES.get(dtype)


class UnusableName(ValueError):
    """A new field of a struct has a name that a table, or one of its engines, could not tell from others."""


def with_new_fields(wanted: ColumnType, found: pl.DataType, path: str = "") -> ColumnType:
    """The type with the new fields of structs that a file's values of the Polars type `found` have.

    A new field is left out if a column cannot have its type, or if it has no type yet: only nulls, empty
    lists and empty objects at any depth. Raises UnusableName; `path` leads to the values, with a dot behind.
    """
    if isinstance(wanted, ListOf) and isinstance(found, pl.List | pl.Array):
        return ListOf(with_new_fields(wanted.element, instance(found.inner), path))
    if isinstance(wanted, MapOf) and isinstance(found, pl.Map):
        return MapOf(wanted.key, with_new_fields(wanted.value, instance(found.value), path))
    if isinstance(wanted, MapOf) and isinstance(found, pl.Struct):  # a map, as JSON has it
        value = wanted.value
        for field in found.fields:
            value = with_new_fields(value, instance(field.dtype), path)
        return MapOf(wanted.key, value)
    if not (isinstance(wanted, StructOf) and isinstance(found, pl.Struct)):
        return wanted
    in_file = {field.name: instance(field.dtype) for field in found.fields}
    known = [
        (name, with_new_fields(field, in_file[name], f"{path}{name}.") if name in in_file else field)
        for name, field in wanted.fields
    ]
    names = {name for name, _ in known}
    return with_fields(known, {name: one for name, one in in_file.items() if name not in names}, path)


def with_fields(
    known: Sequence[tuple[str, ColumnType]], new: Mapping[str, pl.DataType], path: str
) -> StructOf:
    """The struct of these fields and the new ones that have a type. Raises UnusableName."""
    typed = ((name, typed_part(storable(dtype))) for name, dtype in new.items())
    found = [(name, part) for name, part in typed if part is not None]
    _refuse_names([name for name, _ in found], [name for name, _ in known], path)
    for name, part in found:
        refuse_names_within(part, f"{path}{name}.")
    return StructOf((*known, *found))


def refuse_names_within(wanted: ColumnType, path: str) -> None:
    """Raises UnusableName for a field, at any depth, whose name a table cannot have; `path` as above."""
    match wanted:
        case ListOf(part) | MapOf(_, part):
            refuse_names_within(part, path)
        case StructOf(fields):
            _refuse_names([name for name, _ in fields], (), path)
            for name, part in fields:
                refuse_names_within(part, f"{path}{name}.")


def _refuse_names(names: Iterable[str], known: Iterable[str], path: str) -> None:
    folded = {name.lower(): name for name in known}
    for name in names:
        shown = repr(f"{path}{name}")
        if not name.strip():
            raise UnusableName(f"field {shown} has no name")
        if name.lower() in folded:
            raise UnusableName(f"field {shown} differs from {folded[name.lower()]!r} beside it only in case")
        if any(character < " " for character in name):
            raise UnusableName(f"field {shown} has a control character in its name")
        folded[name.lower()] = name


def typed_part(dtype: pl.DataType) -> ColumnType | None:
    """The Iceberg type without fields that have only nulls, empty lists and empty objects; None if none is
    left.
    """
    found = type_of(dtype)
    return None if found is None else _typed_part(found)


def _typed_part(found: ColumnType) -> ColumnType | None:
    match found:
        case ListOf(element):
            inner = _typed_part(element)
            return None if inner is None else ListOf(inner)
        case MapOf(key, value):
            inner, key_type = _typed_part(value), _typed_part(key)
            return None if inner is None or key_type is None else MapOf(key_type, inner)
        case StructOf(fields):
            parts = ((name, _typed_part(field)) for name, field in fields)
            typed = tuple((name, field) for name, field in parts if field is not None)
            return StructOf(typed) if typed else None
    return None if found == NOTHING else found


def storable(dtype: pl.DataType) -> pl.DataType:
    """The type of an undeclared Iceberg column that holds all values of this one.

    Small integers are widened, unsigned and 128-bit ones become decimals, times of other units and zones
    become microseconds in UTC, dictionaries become text, arrays lists. A type without a counterpart (a
    duration) stays as it is.
    """
    if isinstance(dtype, pl.BaseExtension):
        return storable(instance(dtype.ext_storage()))
    if isinstance(dtype, pl.List | pl.Array):
        return pl.List(storable(instance(dtype.inner)))
    if isinstance(dtype, pl.Map):
        return pl.Map(storable(instance(dtype.key)), storable(instance(dtype.value)))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: storable(instance(field.dtype)) for field in dtype.fields})
    return _storable_primitive(dtype)


def _storable_primitive(dtype: pl.DataType) -> pl.DataType:
    if isinstance(dtype, pl.Int8 | pl.Int16 | pl.UInt8 | pl.UInt16):
        return pl.Int32()
    if isinstance(dtype, pl.UInt32):
        return pl.Int64()
    if isinstance(dtype, pl.UInt64 | pl.Int128 | pl.UInt128):
        return pl.Decimal(38, 0)
    if isinstance(dtype, pl.Float16):
        return pl.Float32()
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return pl.String()
    if isinstance(dtype, pl.Datetime):
        return pl.Datetime("us", "UTC" if dtype.time_zone else None)
    return dtype


def instance(dtype: PolarsDataType) -> pl.DataType:
    """The type as an instance: Polars also allows its class, as within nested types."""
    return dtype() if isinstance(dtype, type) else dtype


def is_empty(dtype: pl.DataType) -> bool:
    """Whether values of this type are only nulls, empty lists and empty objects, which do not tell a type."""
    if isinstance(dtype, pl.List):
        return is_empty(instance(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return all(is_empty(instance(field.dtype)) for field in dtype.fields)
    return isinstance(dtype, pl.Null)
