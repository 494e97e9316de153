"""The columns of a table: names and Iceberg's type names on one side, PyIceberg schemas on the other.

Every table ends in the four provenance columns; callers never declare them and never see them among `columns`.
They are optional like all others, because Iceberg cannot add a required column to a table that exists.
"""

import itertools
from collections.abc import Mapping

import pyarrow as pa
from pyiceberg.io.pyarrow import UnsupportedPyArrowTypeException, _pyarrow_to_schema_without_ids
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField, StringType, TimestamptzType

from ingest_project.iceberg.type_names import can_become, covers, parse_type, type_name
from ingest_project.settings.model import PROVENANCE_COLUMNS

_PROVENANCE_DOCS = {
    "_source_uri": "the object that the row was read from, s3://bucket/key",
    "_source_version": "the object's version id, else its sequencer, else its eTag",
    "_batch_id": "the batch that committed the row; the snapshot's ingest.batch-id",
    "_ingested_at": "when the row was read, UTC",
}


def schema_of(columns: Mapping[str, str]) -> Schema:
    """The schema of these columns, in their order, with the provenance columns at the end.

    Raises ValueError that names the column and says what is wrong with its type.
    """
    field_ids = itertools.count(1)
    fields = []
    for name, written in columns.items():
        try:
            fields.append(NestedField(next(field_ids), name, parse_type(written, field_ids), required=False))
        except ValueError as error:
            raise ValueError(f"column {name}: {error}") from error
    provenance = [_provenance_field(name, next(field_ids)) for name in PROVENANCE_COLUMNS]
    return Schema(*fields, *provenance)


def columns_of(arrow_schema: pa.Schema) -> dict[str, str]:
    """The columns of an Arrow schema in Iceberg's words, nested types included, without the provenance columns.

    What Iceberg lacks becomes its next of kin: nanoseconds are microseconds, a dictionary is its values, a column
    of nothing but nulls is a string. Raises ValueError, naming the column, for a type that has none (a duration).
    """
    fields = [pa.field(field.name, _next_of_kin(field.type)) for field in arrow_schema]
    try:
        converted = _pyarrow_to_schema_without_ids(pa.schema(fields))
    except UnsupportedPyArrowTypeException as error:
        raise ValueError(f"{error}; Iceberg has no such type, declare the column in `columns`") from error
    return columns_in(converted)


def columns_in(schema: Schema) -> dict[str, str]:
    """The columns of a table's schema, without the provenance columns."""
    return {
        field.name: type_name(field.field_type)
        for field in schema.fields
        if field.name not in PROVENANCE_COLUMNS
    }


def schema_difference(declared: Mapping[str, str], actual: Mapping[str, str]) -> tuple[str, ...]:
    """One line for each declared column that the table lacks or holds as another type; columns beyond are fine."""
    lines = []
    for name, written in declared.items():
        if name not in actual:
            lines.append(f"column {name} ({written}) is declared, but the table has none of this name")
        elif not covers(parse_type(actual[name]), parse_type(written)):
            lines.append(f"column {name} is declared as {written}, but the table holds {actual[name]}")
    return tuple(lines)


def impossible_changes(declared: Mapping[str, str], actual: Mapping[str, str]) -> tuple[str, ...]:
    """One line for each declared type that Iceberg's schema evolution cannot reach from the table's."""
    return tuple(
        f"column {name} is {actual[name]} in the table and cannot become {written}: declare {name}: "
        f'"{actual[name]}", or give the new values a column of their own'
        for name, written in declared.items()
        if name in actual and not can_become(parse_type(actual[name]), parse_type(written))
    )


def widens(actual: str, found: str) -> bool:
    """Whether Iceberg's schema evolution leads from the one type to the other, and it must to hold the other's values."""
    held, wanted = parse_type(actual), parse_type(found)
    return not covers(held, wanted) and can_become(held, wanted)


def _provenance_field(name: str, field_id: int) -> NestedField:
    field_type = TimestamptzType() if name == "_ingested_at" else StringType()
    return NestedField(field_id, name, field_type, required=False, doc=_PROVENANCE_DOCS[name])


def _next_of_kin(arrow_type: pa.DataType) -> pa.DataType:
    if isinstance(arrow_type, pa.StructType):
        return pa.struct([pa.field(field.name, _next_of_kin(field.type)) for field in arrow_type.fields])
    if isinstance(arrow_type, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
        return pa.large_list(_next_of_kin(arrow_type.value_type))
    if isinstance(arrow_type, pa.MapType):
        return pa.map_(_next_of_kin(arrow_type.key_type), _next_of_kin(arrow_type.item_type))
    if isinstance(arrow_type, pa.DictionaryType):
        return _next_of_kin(arrow_type.value_type)
    if isinstance(arrow_type, pa.TimestampType):
        return pa.timestamp("us", None if arrow_type.tz is None else "UTC")
    if pa.types.is_null(arrow_type):
        return pa.large_string()
    if pa.types.is_time(arrow_type):
        return pa.time64("us")
    if pa.types.is_date64(arrow_type):
        return pa.date32()
    return arrow_type
