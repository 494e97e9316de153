"""Converts Iceberg's type names, as ingest.yaml spells them, to PyIceberg's types and back.

`settings/type_grammar.py` has the grammar of the names.
"""

import itertools
from collections.abc import Iterator

from pyiceberg.exceptions import ResolveError
from pyiceberg.schema import promote
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    PrimitiveType,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

from ingest_project.settings.type_grammar import (
    ColumnType,
    DecimalOf,
    FixedOf,
    ListOf,
    MapOf,
    Primitive,
    StructOf,
    parse_column_type,
    quoted_name,
)

_PRIMITIVES: dict[str, PrimitiveType] = {
    str(found): found
    for found in (
        BooleanType(),
        IntegerType(),
        LongType(),
        FloatType(),
        DoubleType(),
        DateType(),
        TimeType(),
        TimestampType(),
        TimestamptzType(),
        StringType(),
        UUIDType(),
        BinaryType(),
    )
}


def parse_type(name: str, field_ids: Iterator[int] | None = None) -> IcebergType:
    """The type of this name; ids of nested fields come from `field_ids`.

    Raises ValueError, with a message for the author of the name.
    """
    return _iceberg_type(parse_column_type(name), field_ids or itertools.count(1))


def type_name(iceberg_type: IcebergType) -> str:
    """The name that `parse_type` parses as this type; ids, docs and nullability are not part of it."""
    if isinstance(iceberg_type, ListType):
        return f"list<{type_name(iceberg_type.element_type)}>"
    if isinstance(iceberg_type, MapType):
        return f"map<{type_name(iceberg_type.key_type)}, {type_name(iceberg_type.value_type)}>"
    if isinstance(iceberg_type, StructType):
        fields = (
            f"{quoted_name(field.name)}: {type_name(field.field_type)}" for field in iceberg_type.fields
        )
        return f"struct<{', '.join(fields)}>"
    if isinstance(iceberg_type, DecimalType):
        return f"decimal({iceberg_type.precision},{iceberg_type.scale})"
    return str(iceberg_type)


def covers(actual: IcebergType, declared: IcebergType) -> bool:
    """Whether a column of type `actual` satisfies `declared`; it may have more nested fields."""
    if isinstance(declared, StructType) and isinstance(actual, StructType):
        present = {field.name: field.field_type for field in actual.fields}
        return all(
            field.name in present and covers(present[field.name], field.field_type)
            for field in declared.fields
        )
    if isinstance(declared, ListType) and isinstance(actual, ListType):
        return covers(actual.element_type, declared.element_type)
    if isinstance(declared, MapType) and isinstance(actual, MapType):
        return actual.key_type == declared.key_type and covers(actual.value_type, declared.value_type)
    return actual == declared


def can_become(actual: IcebergType, declared: IcebergType) -> bool:
    """Whether Iceberg's schema evolution can change `actual` to a type that covers `declared`.

    int becomes long, float becomes double, a decimal gets more digits with the same scale, a struct more
    fields.
    """
    if isinstance(declared, StructType) and isinstance(actual, StructType):
        wanted = {field.name: field.field_type for field in declared.fields}
        return all(
            can_become(field.field_type, wanted.get(field.name, field.field_type)) for field in actual.fields
        )
    if isinstance(declared, ListType) and isinstance(actual, ListType):
        return can_become(actual.element_type, declared.element_type)
    if isinstance(declared, MapType) and isinstance(actual, MapType):
        return actual.key_type == declared.key_type and can_become(actual.value_type, declared.value_type)
    return actual == declared or _widens(actual, declared)


def _widens(actual: IcebergType, declared: IcebergType) -> bool:
    if isinstance(actual, DecimalType) and isinstance(declared, DecimalType):
        return actual.scale == declared.scale and actual.precision <= declared.precision
    if isinstance(actual, StringType | BinaryType):
        return False  # PyIceberg promotes strings to binary and back to read Avro; a schema must not
    try:
        promote(actual, declared)
    except ResolveError:
        return False
    return True


def _iceberg_type(parsed: ColumnType, field_ids: Iterator[int]) -> IcebergType:
    match parsed:
        case Primitive(name):
            return _PRIMITIVES[name]
        case DecimalOf(precision, scale):
            return DecimalType(precision, scale)
        case FixedOf(size_bytes):
            return FixedType(size_bytes)
        case ListOf(element):
            return ListType(next(field_ids), _iceberg_type(element, field_ids), element_required=False)
        case MapOf(key, value):
            ids = next(field_ids), next(field_ids)
            key_type, value_type = _iceberg_type(key, field_ids), _iceberg_type(value, field_ids)
            return MapType(ids[0], key_type, ids[1], value_type, value_required=False)
        case StructOf(fields):
            return StructType(
                *(
                    NestedField(next(field_ids), name, _iceberg_type(field, field_ids), required=False)
                    for name, field in fields
                )
            )
    raise TypeError(f"{parsed!r} is not a column type")
