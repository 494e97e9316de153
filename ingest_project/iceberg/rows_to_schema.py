"""Fits rows to a table's schema: the last check of types and missing values before they become data files.

PyIceberg's own check prints a table to stdout and requires a frame whose columns are declared not nullable;
this one names the column and looks at the values.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from pyiceberg.exceptions import ResolveError
from pyiceberg.io.pyarrow import pyarrow_to_schema, schema_to_pyarrow
from pyiceberg.schema import Schema, promote
from pyiceberg.types import IcebergType, ListType, MapType, NestedField, StructType

from ingest_project.errors import RowsRefused
from ingest_project.iceberg.projection import rebuilt
from ingest_project.iceberg.sample_values import sample_value
from ingest_project.iceberg.type_names import type_name


def rows_to_schema(frame: pa.Table, schema: Schema, *, name: str) -> pa.Table:
    """The frame, with types that PyIceberg's writer refuses or silently corrupts cast to the table's types.

    Raises RowsRefused for a column that the table lacks or whose type does not fit, and for rows without a
    value that the table requires, at any depth.
    """
    fitted = _fitted(frame, schema, name)
    known = set(schema.column_names)
    if beyond := [one for one in fitted.column_names if one not in known]:
        raise RowsRefused(name, f"the table does not have the column {', '.join(beyond)}")
    if misfits := list(_misfits(schema, pyarrow_to_schema(fitted.schema, name_mapping=schema.name_mapping))):
        raise RowsRefused(name, f"the rows do not fit the table: {'; '.join(misfits)}")
    if (path := _first_without_value(fitted, schema)) is not None:
        remedy = "give it `required: true` or a `default` in `columns`, or make it optional in the table"
        raise RowsRefused(
            name, f"column {path}: the table requires it, and rows have no value for it; {remedy}"
        )
    return _without_nulls_below_nulls(fitted, schema)


def _misfits(table: Schema, rows: Schema) -> Iterator[str]:
    for field_id in rows.field_ids:
        held, found = table.find_field(field_id).field_type, rows.find_field(field_id).field_type
        if not _takes(held, found):
            column = table.find_column_name(field_id)
            yield f"column {column} is {type_name(held)}, and the rows have {type_name(found)}"


def _takes(held: IcebergType, found: IcebergType) -> bool:
    """Whether one type holds the other; parts of nested types are compared by their own ids."""
    if held == found or any(
        isinstance(held, nested) and isinstance(found, nested) for nested in (StructType, ListType, MapType)
    ):
        return True
    try:
        promote(found, held)
    except ResolveError:
        return False
    return True


def _first_without_value(frame: pa.Table, schema: Schema) -> str | None:
    present = set(frame.column_names)  # PyArrow builds the list at each access: slow with 2,000 columns
    for field in schema.fields:
        if field.name not in present:
            if field.required:
                return field.name
            continue
        for chunk in frame.column(field.name).chunks:
            if (path := _without_value(chunk, field, field.name)) is not None:
                return path
    return None


def _without_value(values: "pa.Array[Any]", field: NestedField, path: str) -> str | None:
    """The path of the first part that is null but required."""
    if field.required and values.null_count:
        return path
    for part, inner, name in _parts(values.drop_null(), field.field_type):
        if (found := _without_value(inner, part, f"{path}.{name}")) is not None:
            return found
    return None


def _parts(
    values: "pa.Array[Any]", field_type: IcebergType
) -> Iterator[tuple[NestedField, "pa.Array[Any]", str]]:
    """The parts of values without nulls: field, values and name."""
    if isinstance(field_type, StructType) and isinstance(values, pa.StructArray):
        for field in field_type.fields:
            position = values.type.get_field_index(field.name)
            missing = pa.nulls(len(values))
            yield field, missing if position < 0 else values.field(position), field.name
    elif isinstance(field_type, ListType) and isinstance(values, pa.ListArray | pa.LargeListArray):
        yield field_type.element_field, values.flatten(), "element"
    elif isinstance(field_type, MapType) and isinstance(values, pa.MapArray) and len(values):
        first, last = values.offsets[0].as_py(), values.offsets[-1].as_py()
        yield field_type.key_field, values.keys[first:last], "key"
        yield field_type.value_field, values.items[first:last], "value"


def _without_nulls_below_nulls(frame: pa.Table, schema: Schema) -> pa.Table:
    """The rows with a value in each required part of a null struct, list or map.

    These values are not written, but without them PyArrow refuses the column.
    """
    nested = [field for field in schema.fields if _requires_below(field.field_type)]
    for field in nested:
        if field.name in frame.column_names:
            column = frame.column(field.name)
            filled: pa.ChunkedArray[Any] = pa.chunked_array(
                (_filled(chunk, field) for chunk in column.chunks), type=column.type
            )
            frame = frame.set_column(frame.schema.get_field_index(field.name), field.name, filled)
    return frame


def _requires_below(field_type: IcebergType) -> bool:
    if isinstance(field_type, StructType):
        return any(field.required or _requires_below(field.field_type) for field in field_type.fields)
    if isinstance(field_type, ListType):
        return field_type.element_required or _requires_below(field_type.element_type)
    if isinstance(field_type, MapType):
        return field_type.value_required or _requires_below(field_type.value_type)
    return False


def _filled(values: Any, field: NestedField) -> Any:
    field_type = field.field_type
    if field_type.is_primitive:
        if not (field.required and values.null_count):
            return values
        return values.fill_null(pa.scalar(sample_value(field_type), values.type))
    if isinstance(field_type, StructType) and isinstance(values, pa.StructArray):
        known = {one.name: one for one in field_type.fields}
        parts = [
            _filled(part, known[name]) for name, part in zip(values.type.names, values.flatten(), strict=True)
        ]
        return pa.StructArray.from_arrays(parts, fields=list(values.type.fields), mask=values.is_null())
    if isinstance(field_type, ListType) and isinstance(values, pa.ListArray | pa.LargeListArray):
        return rebuilt(values, values.type, _filled(values.values, field_type.element_field))
    if isinstance(field_type, MapType) and isinstance(values, pa.MapArray):
        return rebuilt(values, values.type, values.keys, _filled(values.items, field_type.value_field))
    return values


def _fitted(frame: pa.Table, schema: Schema, name: str) -> pa.Table:
    wanted: Mapping[str, NestedField] = {field.name: field for field in schema.fields}
    for position, column in enumerate(frame.schema):
        if column.name not in wanted:
            continue
        fitted_type = _fitted_type(column.type, arrow_type(wanted[column.name]))
        if fitted_type == column.type:
            continue
        # Iceberg's times have microseconds: smaller parts are cut. All other casts must be exact.
        safe = not (pa.types.is_temporal(column.type) and pa.types.is_temporal(fitted_type))
        try:
            fitted = frame.column(position).cast(fitted_type, safe=safe)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise RowsRefused(name, f"column {column.name}: {error}") from error
        frame = frame.set_column(position, column.name, fitted)
    return frame


def arrow_type(column: NestedField) -> pa.DataType:
    """The type that PyIceberg gives a column in Arrow."""
    found: pa.DataType = schema_to_pyarrow(Schema(column), include_field_ids=False).field(0).type
    return found


def _fitted_type(actual: pa.DataType, wanted: pa.DataType) -> pa.DataType:
    """The type to cast to: the actual one, with the wanted one for each part that needs a cast."""
    if isinstance(actual, pa.StructType) and isinstance(wanted, pa.StructType):
        names = {field.name for field in wanted.fields}
        return pa.struct(
            [
                field.with_type(_fitted_type(field.type, wanted.field(field.name).type))
                if field.name in names
                else field
                for field in actual.fields
            ]
        )
    if isinstance(actual, pa.LargeListType) and isinstance(wanted, pa.ListType | pa.LargeListType):
        return pa.large_list(actual.value_field.with_type(_fitted_type(actual.value_type, wanted.value_type)))
    if isinstance(actual, pa.MapType) and isinstance(wanted, pa.MapType):
        key = _fitted_type(actual.key_type, wanted.key_type)
        fitted: pa.DataType = pa.map_(key, _fitted_type(actual.item_type, wanted.item_type))
        return fitted
    written = _written_as(wanted)
    return written if _needs_cast(actual, written) else actual


def _written_as(wanted: pa.DataType) -> pa.DataType:
    if wanted == pa.uuid():
        return pa.binary(16)  # PyArrow cannot group by UUIDs, as a partition spec needs
    # The truncate transform does not support large binary.
    return pa.binary() if pa.types.is_large_binary(wanted) else wanted


def _needs_cast(actual: pa.DataType, wanted: pa.DataType) -> bool:
    if actual == wanted:
        return False
    if pa.types.is_timestamp(actual) and pa.types.is_timestamp(wanted):
        # Local time is not UTC; only the caller knows its zone.
        return (actual.tz is None) == (wanted.tz is None)
    return (
        pa.types.is_null(actual)
        or pa.types.is_dictionary(actual)
        or (pa.types.is_time(actual) and pa.types.is_time(wanted))
        or (pa.types.is_date(actual) and pa.types.is_date(wanted))
        or actual == pa.uuid()
        or (pa.types.is_large_binary(actual) and _is_bytes(wanted))
        # An unsigned number out of the signed range would wrap around.
        or (pa.types.is_unsigned_integer(actual) and pa.types.is_integer(wanted))
    )


def _is_bytes(arrow_type: pa.DataType) -> bool:
    return pa.types.is_binary(arrow_type) or pa.types.is_fixed_size_binary(arrow_type)
