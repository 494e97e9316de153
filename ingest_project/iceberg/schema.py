"""Converts the columns of a table: names and Iceberg's type names to PyIceberg schemas and back.

Every table ends with the four provenance columns; callers never declare them and never see them among
`columns`. They are optional like all others, because Iceberg cannot add a required column to an existing
table.
"""

import itertools
from collections.abc import Iterator, Mapping

import pyarrow as pa
from pyiceberg.io.pyarrow import UnsupportedPyArrowTypeException, _pyarrow_to_schema_without_ids
from pyiceberg.schema import Schema
from pyiceberg.types import ListType, MapType, NestedField, StructType

from ingest_project.iceberg.type_names import can_become, covers, parse_type, type_name
from ingest_project.settings.model import PROVENANCE_COLUMNS
from ingest_project.settings.provenance import PROVENANCE, RESCUED


def schema_of(columns: Mapping[str, str], docs: Mapping[str, str] | None = None) -> Schema:
    """The schema of these columns, in their order, with the provenance columns at the end.

    `docs` describe columns; provenance columns have their own. Raises ValueError, with the column and the
    fault of its type.
    """
    field_ids = itertools.count(1)
    told = {name: column.description for name, column in {**PROVENANCE, **RESCUED}.items()} | dict(docs or {})
    types = {**columns, **{name: column.type for name, column in PROVENANCE.items()}}
    fields = []
    for name, written in types.items():
        try:
            field_id, field_type = next(field_ids), parse_type(written, field_ids)
        except ValueError as error:
            raise ValueError(f"column {name}: {error}") from error
        fields.append(NestedField(field_id, name, field_type, required=False, doc=told.get(name)))
    return Schema(*fields)


def columns_of(arrow_schema: pa.Schema) -> dict[str, str]:
    """The columns of an Arrow schema with Iceberg's type names, without the provenance columns.

    A type that Iceberg lacks becomes the nearest one: nanoseconds become microseconds, a dictionary the type
    of its values, a column of nulls a string. Raises ValueError, with the column, if there is no such type (a
    duration).
    """
    fields = [pa.field(field.name, _nearest_type(field.type)) for field in arrow_schema]
    try:
        converted = _pyarrow_to_schema_without_ids(pa.schema(fields))
    except UnsupportedPyArrowTypeException as error:
        raise ValueError(f"{error}; Iceberg lacks this type: declare the column in `columns`") from error
    return columns_in(converted)


def columns_in(schema: Schema) -> dict[str, str]:
    """The columns of a table's schema, without the provenance columns."""
    return {
        field.name: type_name(field.field_type)
        for field in schema.fields
        if field.name not in PROVENANCE_COLUMNS
    }


def docs_in(schema: Schema) -> dict[str, str]:
    """The table's descriptions of its columns, by name."""
    return {field.name: field.doc for field in schema.fields if field.doc}


def required_in(schema: Schema) -> frozenset[tuple[str, ...]]:
    """The paths of what must not be null in a table, at any depth; keys of maps are always among them."""
    own = (field for field in schema.fields if field.name not in PROVENANCE_COLUMNS)
    return frozenset(path for field in own for path in _required_below(field, (field.name,)))


def _required_below(field: NestedField, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if field.required:
        yield path
    match field.field_type:
        case StructType() as struct:
            parts = struct.fields
        case ListType() as list_type:
            parts = (list_type.element_field,)
        case MapType() as map_type:
            parts = (map_type.key_field, map_type.value_field)
        case _:
            return
    for part in parts:
        yield from _required_below(part, (*path, part.name))


def schema_difference(declared: Mapping[str, str], actual: Mapping[str, str]) -> tuple[str, ...]:
    """One line for each declared column that the table lacks or has with another type."""
    lines = []
    for name, written in declared.items():
        if name not in actual:
            lines.append(f"column {name} ({written}) is declared, but the table does not have it")
        elif not covers(parse_type(actual[name]), parse_type(written)):
            lines.append(f"column {name} is declared as {written}, but the table has {actual[name]}")
    return tuple(lines)


def impossible_changes(declared: Mapping[str, str], actual: Mapping[str, str]) -> tuple[str, ...]:
    """One line for each declared type to which Iceberg's schema evolution cannot change the table's."""
    return tuple(
        f"column {name} is {actual[name]} in the table and cannot become {written}: declare {name}: "
        f'"{actual[name]}", or give the new values another column'
        for name, written in declared.items()
        if name in actual and not can_become(parse_type(actual[name]), parse_type(written))
    )


def widens(actual: str, found: str) -> bool:
    """Whether `actual` must be widened to hold values of `found`, and schema evolution can do it."""
    held, wanted = parse_type(actual), parse_type(found)
    return not covers(held, wanted) and can_become(held, wanted)


def _nearest_type(arrow_type: pa.DataType) -> pa.DataType:
    if isinstance(arrow_type, pa.StructType):
        return pa.struct([pa.field(field.name, _nearest_type(field.type)) for field in arrow_type.fields])
    if isinstance(arrow_type, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
        return pa.large_list(_nearest_type(arrow_type.value_type))
    if isinstance(arrow_type, pa.MapType):
        return pa.map_(_nearest_type(arrow_type.key_type), _nearest_type(arrow_type.item_type))
    if isinstance(arrow_type, pa.DictionaryType):
        return _nearest_type(arrow_type.value_type)
    if isinstance(arrow_type, pa.TimestampType):
        return pa.timestamp("us", None if arrow_type.tz is None else "UTC")
    if pa.types.is_null(arrow_type):
        return pa.large_string()
    if pa.types.is_time(arrow_type):
        return pa.time64("us")
    if pa.types.is_date64(arrow_type):
        return pa.date32()
    return arrow_type
