"""A sample value of each Iceberg type, with the Arrow type that frames use for it.

The rehearsal writes such values, and `rows_to_schema.py` fills places that have no value of their own.
"""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
from pyiceberg.types import DecimalType, FixedType, IcebergType, ListType, MapType, StructType

_PRIMITIVES: Mapping[str, tuple[object, pa.DataType]] = {
    "boolean": (True, pa.bool_()),
    "int": (1, pa.int32()),
    "long": (1, pa.int64()),
    "float": (1.5, pa.float32()),
    "double": (1.5, pa.float64()),
    "date": (dt.date(2026, 1, 1), pa.date32()),
    "time": (dt.time(1), pa.time64("us")),
    "timestamp": (dt.datetime(2026, 1, 1), pa.timestamp("us")),  # noqa: DTZ001 - Iceberg's has no zone
    "timestamptz": (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), pa.timestamp("us", "UTC")),
    "string": ("a text", pa.large_string()),
    "uuid": (UUID(int=1).bytes, pa.binary(16)),
    "binary": (b"bytes", pa.large_binary()),
}


def sample_value(field_type: IcebergType) -> object:
    """A value of the type, with a value in each of its parts."""
    if isinstance(field_type, StructType):
        return {field.name: sample_value(field.field_type) for field in field_type.fields}
    if isinstance(field_type, ListType):
        return [sample_value(field_type.element_type)]
    if isinstance(field_type, MapType):
        return [(sample_value(field_type.key_type), sample_value(field_type.value_type))]
    if isinstance(field_type, DecimalType):
        return Decimal(1).scaleb(-field_type.scale)
    if isinstance(field_type, FixedType):
        return bytes(len(field_type))
    return _PRIMITIVES[str(field_type)][0]


def sample_type(field_type: IcebergType) -> pa.DataType:
    """The Arrow type that frames use for such values."""
    if isinstance(field_type, StructType):
        return pa.struct([(field.name, sample_type(field.field_type)) for field in field_type.fields])
    if isinstance(field_type, ListType):
        return pa.large_list(sample_type(field_type.element_type))
    if isinstance(field_type, MapType):
        map_type: pa.DataType = pa.map_(sample_type(field_type.key_type), sample_type(field_type.value_type))
        return map_type
    if isinstance(field_type, DecimalType):
        return pa.decimal128(field_type.precision, field_type.scale)
    if isinstance(field_type, FixedType):
        return pa.binary(len(field_type))
    return _PRIMITIVES[str(field_type)][1]
