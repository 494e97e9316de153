"""Iceberg's type names and the Polars types that hold their values.

The names are those that ingest.yaml declares and that PyIceberg prints for an existing table, nested ones
included: `list<string>`, `map<string, long>`, `struct<1: x: optional long>` or `struct<x: long>`.
"""

import re
from collections.abc import Mapping
from typing import Final

import polars as pl
from polars._typing import PolarsDataType

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
    "timestamp_ns": pl.Datetime("ns"),
    "timestamptz_ns": pl.Datetime("ns", "UTC"),
    "string": pl.String(),
    "binary": pl.Binary(),
}
DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")
NESTED = re.compile(r"(list|map|struct)<(.*)>", re.DOTALL)
FIELD = re.compile(r"(?:\d+:\s*)?([^:]+):\s*(?:(?:optional|required)\s+)?(.+)", re.DOTALL)


def dtype_of(type_name: str) -> pl.DataType:
    """The Polars type that holds exactly the values of this Iceberg type.

    Raises ValueError, naming the types that can be read, for any other: `uuid`, `fixed`, `variant`, geometry.
    """
    name = type_name.strip()
    if name in PRIMITIVES:
        return PRIMITIVES[name]
    if match := DECIMAL.fullmatch(name):
        return _decimal(name, precision=int(match[1]), scale=int(match[2]))
    if match := NESTED.fullmatch(name):
        return _nested(name, match[1], _split(match[2]))
    known = ", ".join([*PRIMITIVES, "decimal(p,s)", "list<...>", "map<...>", "struct<...>"])
    raise ValueError(f"{type_name!r} is no type that objects can be read into; there are {known}")


def storable(dtype: pl.DataType) -> pl.DataType:
    """The type of an Iceberg column that holds all values of this one, for columns that nobody declared.

    Small integers widen, unsigned and 128-bit ones become exact numbers, times of other units and zones become
    microseconds in UTC, dictionaries their text.
    """
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
    if isinstance(dtype, pl.List):
        return pl.List(storable(instance(dtype.inner)))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: storable(instance(field.dtype)) for field in dtype.fields})
    return dtype


def _decimal(name: str, *, precision: int, scale: int) -> pl.Decimal:
    if not (1 <= precision <= 38 and scale <= precision):
        raise ValueError(
            f"{name}: Iceberg's decimals have 1 to 38 digits, and no more of them after the point"
        )
    return pl.Decimal(precision, scale)


def _nested(name: str, kind: str, parts: list[str]) -> pl.DataType:
    if kind == "struct" and parts:
        fields = [FIELD.fullmatch(part) for part in parts]
        return pl.Struct({field[1].strip(): dtype_of(_without_doc(field[2])) for field in fields if field})
    if kind == "list" and len(parts) == 1:
        return pl.List(dtype_of(parts[0]))
    if kind == "map" and len(parts) == 2:
        return pl.Map(dtype_of(parts[0]), dtype_of(parts[1]))
    raise ValueError(f"{name!r} is no {kind} type; write list<T>, map<K, V> or struct<name: T, ...>")


def _split(inner: str) -> list[str]:
    """The parts between those commas that no bracket encloses."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(inner):
        depth += (character in "<([") - (character in ">)]")
        if character == "," and depth == 0:
            parts.append(inner[start:position])
            start = position + 1
    return [part.strip() for part in [*parts, inner[start:]] if part.strip()]


def _without_doc(type_name: str) -> str:
    # PyIceberg prints a field's doc behind its type, in brackets.
    return re.sub(r"(?<=[\w)>]) \(.*\)$", "", type_name.strip(), flags=re.DOTALL)


def instance(dtype: PolarsDataType) -> pl.DataType:
    """The type itself where Polars allows its class instead, as within nested types."""
    return dtype() if isinstance(dtype, type) else dtype
