"""Conditions on a table's rows, made of typed values: nothing in them is ever parsed as an expression."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    BooleanExpression,
    EqualTo,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNull,
    LessThan,
    LessThanOrEqual,
    NotEqualTo,
    NotNull,
    Reference,
)
from pyiceberg.expressions.literals import literal
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

from ingest_project.errors import JobRefused
from ingest_project.iceberg.type_names import type_name

COMPARISONS: Mapping[str, Any] = {
    "=": EqualTo, "!=": NotEqualTo, "<": LessThan, "<=": LessThanOrEqual, ">": GreaterThan,
    ">=": GreaterThanOrEqual,
}  # fmt: skip

NEVER = (UUIDType, ListType, MapType, StructType)
"""PyArrow cannot compare UUIDs with a file's statistics, and PyIceberg does not read lists for conditions."""


@dataclass(frozen=True, slots=True)
class RowFilter:
    """A condition on a column, with a value as JSON has it.

    `op` is `=`, `!=`, `<`, `<=`, `>`, `>=`, `in` with a list, or `is_null` with true or false. As in SQL, a
    null satisfies only `is_null`. Decimals, dates and times may be texts: `12.50`, `2026-11-30`,
    `08:00:00`, `2026-11-30T08:00:00`, with a zone if the column has one.
    """

    column: str
    op: str
    value: Any = field(repr=False)


def row_filter(filters: Sequence[RowFilter], asked_of: Schema, current: Schema) -> BooleanExpression:
    """All conditions together, with columns as `asked_of` names them, for a scan, which binds to `current`.

    Raises JobRefused, with the path of what is wrong, if a column is unknown or a value is not of its type.
    """
    found: BooleanExpression = AlwaysTrue()
    for index, one in enumerate(filters):
        path = f"filters.{index}"
        known = next((field for field in asked_of.fields if field.name == one.column), None)
        if known is None:
            raise JobRefused(f"{path}.column", "the table has no such column in this snapshot")
        now = next((field for field in current.fields if field.field_id == known.field_id), None)
        if now is None:
            raise JobRefused(f"{path}.column", "the column was dropped since this snapshot; do without it")
        found = And(found, _condition(one, now, f"{path}.value"))
    return found


def _condition(one: RowFilter, column: NestedField, path: str) -> BooleanExpression:
    if isinstance(column.field_type, NEVER):
        name = type_name(column.field_type)
        raise JobRefused(f"{path.removesuffix('value')}column", f"a column of type {name} has no conditions")
    term = Reference(column.name)
    if one.op == "is_null":
        if not isinstance(one.value, bool):
            raise JobRefused(path, "is not true or false, as is_null takes")
        return IsNull(term=term) if one.value else NotNull(term=term)
    if one.op == "in":
        if not isinstance(one.value, list) or not one.value:
            raise JobRefused(path, "is not a list of values")
        values = {literal(_typed(value, column, f"{path}.{at}")) for at, value in enumerate(one.value)}
        return In(term=term, literals=values)
    if isinstance(one.value, list):
        raise JobRefused(path, f"is a list, which only `in` takes, not `{one.op}`")
    comparison: BooleanExpression = COMPARISONS[one.op](term, literal(_typed(one.value, column, path)))
    return comparison


def _typed(value: Any, column: NestedField, path: str) -> Any:
    """The value as one of the column's type. Raises JobRefused."""
    kind = column.field_type
    convert = CONVERSIONS.get(type(kind))
    name = type_name(kind)
    if convert is None:
        raise JobRefused(path, f"cannot be compared with a column of type {name}; only is_null can")
    try:
        return convert(value, kind)
    except (ValueError, TypeError, OverflowError, InvalidOperation):
        raise JobRefused(path, f"is not a value of the column's type, {name}") from None


def _boolean(value: Any, _kind: IcebergType) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _integer(value: Any, kind: IcebergType) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    bits = 31 if isinstance(kind, IntegerType) else 63
    if not -(2**bits) <= value < 2**bits:
        raise OverflowError
    return value


def _floating(value: Any, _kind: IcebergType) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError
    if not math.isfinite(value):
        raise ValueError
    return float(value)


def _decimal(value: Any, kind: IcebergType) -> Decimal:
    """Exactly what is written; a number of JSON is taken as its shortest text, such as 12.5."""
    if (
        not isinstance(value, int | float | str)
        or isinstance(value, bool)
        or not isinstance(kind, DecimalType)
    ):
        raise TypeError
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError
    scaled = number.quantize(Decimal(1).scaleb(-kind.scale))
    if scaled != number or len(scaled.as_tuple().digits) > kind.precision:
        raise ValueError
    return scaled


def _string(value: Any, _kind: IcebergType) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # raises a ValueError for half of a surrogate pair
    return value


def _date(value: Any, _kind: IcebergType) -> date:
    return date.fromisoformat(value)


def _time(value: Any, _kind: IcebergType) -> time:
    found = time.fromisoformat(value)
    if found.tzinfo is not None:
        raise ValueError
    return found


def _timestamp(value: Any, kind: IcebergType) -> datetime:
    found = datetime.fromisoformat(value)
    if (found.tzinfo is not None) != isinstance(kind, TimestamptzType):
        raise ValueError
    return found


CONVERSIONS: Mapping[type[IcebergType], Callable[[Any, IcebergType], Any]] = {
    BooleanType: _boolean, IntegerType: _integer, LongType: _integer, FloatType: _floating,
    DoubleType: _floating, DecimalType: _decimal, StringType: _string, DateType: _date, TimeType: _time,
    TimestampType: _timestamp, TimestamptzType: _timestamp,
}  # fmt: skip
"""How a value of JSON becomes one of a column's type; other types have no comparison."""
