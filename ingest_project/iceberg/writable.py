"""Judges whether rows can be written to a table, for `ingest check` and at the start of each batch.

Known obstacles, by Iceberg's specification and PyIceberg's limits, are named with the remedy. Unknown ones
are found by a rehearsal in memory. Nothing is written to the table or its warehouse.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pyiceberg.io import FileIO
from pyiceberg.partitioning import PartitionField
from pyiceberg.schema import Schema
from pyiceberg.table.locations import load_location_provider
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.sorting import SortField
from pyiceberg.transforms import Transform, VoidTransform
from pyiceberg.types import IcebergType, NestedField, PrimitiveType

from ingest_project.errors import IngestError, TableError
from ingest_project.iceberg.field_path import field_path
from ingest_project.iceberg.outage import is_outage
from ingest_project.iceberg.refusal import words_of
from ingest_project.iceberg.rehearsal import rehearse
from ingest_project.iceberg.type_names import type_name
from ingest_project.iceberg.writer_properties import property_faults
from ingest_project.settings.type_grammar import parse_column_type

_WRITABLE_VERSIONS = (1, 2)
_ANOTHER_TABLE = (
    "copy its rows into a table of format version 2 and name that one in ingest.yaml; "
    "a table's version cannot be lowered"
)
_ANOTHER_COLUMN = "replace the column by one of another type"
_OTHER_SPEC = "change the table's partition spec, in Spark: ALTER TABLE ... DROP PARTITION FIELD {name}"
_GENERAL = "change the table as it says, or ingest into a new one"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why rows cannot be written to a table, and what to do."""

    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


def obstacles_to(metadata: TableMetadata, io: FileIO, *, name: str) -> tuple[Obstacle, ...]:
    """The known obstacles to writing such a table, else those that a rehearsal finds; empty if none.

    Asks the storage only whether it supports the table's locations; raises its error if that is an outage.
    """
    known = tuple(_known(metadata))
    return known or tuple(_of_locations(metadata, io)) or tuple(_of_rehearsal(metadata, name))


def _known(metadata: TableMetadata) -> Iterator[Obstacle]:
    if metadata.format_version not in _WRITABLE_VERSIONS:
        reason = f"it has format version {metadata.format_version}, and PyIceberg cannot write its manifests"
        yield Obstacle(reason, _ANOTHER_TABLE)
    if any(key.startswith("encryption.") for key in metadata.properties):
        reason = "it is encrypted (properties encryption.*), and PyIceberg would write its rows unencrypted"
        yield Obstacle(reason, "ingest into a table without encryption, on storage that encrypts")
    yield from (Obstacle(*fault) for fault in property_faults(metadata.properties))
    yield from _of_types(metadata.schema())
    yield from _of_partition_spec(metadata)
    yield from _of_sort_order(metadata)


def _of_types(schema: Schema) -> Iterator[Obstacle]:
    for field_id in sorted(schema.field_ids):
        field = schema.find_field(field_id)
        if field.field_type.is_primitive and not _is_of_version_2(field.field_type):
            path = schema.find_column_name(field_id)
            reason = f"column {path} is {field.field_type}, a type that format version 2 does not have"
            yield Obstacle(reason, _ANOTHER_COLUMN)
        elif field.field_type.is_struct and not field.field_type.fields:  # type: ignore[attr-defined]
            path = schema.find_column_name(field_id)
            yield Obstacle(
                f"column {path} is a struct without fields, which Parquet cannot hold", _ANOTHER_COLUMN
            )


def _is_of_version_2(field_type: IcebergType) -> bool:
    try:
        parse_column_type(type_name(field_type))
    except ValueError:
        return False
    return True


def _of_partition_spec(metadata: TableMetadata) -> Iterator[Obstacle]:
    spec, schema = metadata.spec(), metadata.schema()
    by_source: dict[int, PartitionField] = {}
    for field in spec.fields:
        remedy = _OTHER_SPEC.format(name=field.name)
        if (fault := _source_fault(field, schema)) is not None:
            yield Obstacle(f"its partition field {field.name} {fault}", remedy)
        elif field.source_id in by_source:
            other, column = by_source[field.source_id], schema.find_column_name(field.source_id)
            fields = f"its partition fields {other.name} and {field.name} are both of column {column}"
            yield Obstacle(f"{fields}, and PyIceberg writes only one of them", remedy)
        by_source[field.source_id] = field


def _of_sort_order(metadata: TableMetadata) -> Iterator[Obstacle]:
    order = metadata.sort_order_by_id(metadata.default_sort_order_id)
    for field in () if order is None else order.fields:
        if (fault := _source_fault(field, metadata.schema())) is not None:
            reason = f"its sort order {fault}, and PyIceberg cannot commit to a table with such an order"
            yield Obstacle(reason, "change the table's order, in Spark: ALTER TABLE ... WRITE UNORDERED")


def _source_fault(field: PartitionField | SortField, schema: Schema) -> str | None:
    """What is wrong with the column that a partition or sort field reads, and with its transform."""
    source = schema._lazy_id_to_field.get(field.source_id)
    if source is None:
        return f"reads column #{field.source_id}, which the table does not have any more"
    column = schema.find_column_name(field.source_id)
    if not _applies(field.transform, source):
        transform, kind = _name(field.transform), type_name(source.field_type)
        return f"has the transform {transform} of column {column}, which PyIceberg cannot apply to {kind}"
    if _is_in_list_or_map(field.source_id, schema):
        return f"reads column {column}, which has several values per row"
    return None


def _applies(transform: "Transform[object, object]", source: NestedField) -> bool:
    if isinstance(transform, VoidTransform):
        return True
    return isinstance(source.field_type, PrimitiveType) and transform.can_transform(source.field_type)


def _name(transform: "Transform[object, object]") -> str:
    """The transform as the table's metadata spells it; PyIceberg calls every unsupported one `unknown`."""
    return getattr(transform, "_transform", None) or str(transform)


def _is_in_list_or_map(field_id: int, schema: Schema) -> bool:
    return not all(one.field_type.is_struct for one in field_path(schema, field_id)[:-1])


def _of_locations(metadata: TableMetadata, io: FileIO) -> Iterator[Obstacle]:
    try:
        provider = load_location_provider(metadata.location, metadata.properties)
        for location in (provider.new_data_location("x.parquet"), provider.new_metadata_location("x.avro")):
            io.new_output(location)
    except Exception as error:
        if is_outage(error):
            raise
        reason = f"PyIceberg cannot use the locations of its files: {words_of(error)}"
        yield Obstacle(
            reason, "set or unset write.data.path, write.metadata.path or write.py-location-provider.impl"
        )


def _of_rehearsal(metadata: TableMetadata, name: str) -> Iterator[Obstacle]:
    try:
        rehearse(metadata, name=name)
    except MemoryError:
        raise
    except TableError as error:
        yield Obstacle(f"sample rows were refused: {error.reason}", _GENERAL)
    except IngestError:
        raise
    except Exception as error:  # of any class of PyIceberg's or PyArrow's
        yield Obstacle(f"PyIceberg cannot write to it: {words_of(error)}", _GENERAL)
