"""Iceberg partition specs in the notation of ingest.yaml: `region`, `day(ordered_at)`, `bucket[16](id)`.

`settings/partition_fields.py` has the grammar of the entries and the types that each transform takes.
Partition fields are named as Iceberg's Java library names them (`ordered_at_day`, `customer_id_bucket`), so
that Spark and Trino show what their users expect.
"""

import itertools
from collections.abc import Iterator, Sequence

from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionSpec
from pyiceberg.partitioning import PartitionField as IcebergField
from pyiceberg.schema import Schema
from pyiceberg.transforms import Transform, parse_transform

from ingest_project.errors import PartitionMismatch, TableMismatch
from ingest_project.iceberg.type_names import type_name
from ingest_project.settings.model import PROVENANCE_COLUMNS
from ingest_project.settings.partition_fields import (
    PartitionField,
    parse_partition_field,
    partition_sources,
    redundancy_fault,
    type_fault_of_source,
)

_SUFFIXES = {
    "identity": "",
    "year": "_year",
    "month": "_month",
    "day": "_day",
    "hour": "_hour",
    "bucket": "_bucket",
    "truncate": "_trunc",
    "void": "_null",
}


def partition_spec_of(entries: Sequence[str], schema: Schema, *, table: str) -> PartitionSpec:
    """The spec that these entries declare for a table of this schema.

    Raises TableMismatch, with the entry and a remedy, if an entry cannot be parsed or contradicts an earlier
    one, and PartitionMismatch if the table lacks the column or the transform does not apply to the column's
    type.
    """
    fields: list[IcebergField] = []
    for field_id, (entry, field) in enumerate(_parsed(entries, table), PARTITION_FIELD_ID_START):
        source_id = _source_id(field, schema, table, entry)
        name = _free_name(field, schema, taken={one.name for one in fields})
        transform: Transform[object, object] = parse_transform(field.transform_name)
        fields.append(IcebergField(source_id, field_id, transform, name))
    return PartitionSpec(*fields)


def entries_of(spec: PartitionSpec, schema: Schema) -> tuple[str, ...]:
    """The entries that declare this spec, in the notation of ingest.yaml."""
    return tuple(map(str, _fields_of(spec, schema)))


def partition_difference(declared: Sequence[str], spec: PartitionSpec, schema: Schema) -> tuple[str, ...]:
    """One line for people if the table's partition spec differs from the declared one, else nothing."""
    actual = list(_fields_of(spec, schema))
    if [parse_partition_field(entry) for entry in declared] == actual:
        return ()
    found = list(map(str, actual))
    return (f"partition_spec is declared as {list(declared)}, but the table is partitioned by {found}",)


def _parsed(entries: Sequence[str], table: str) -> Iterator[tuple[str, PartitionField]]:
    earlier: dict[str, PartitionField] = {}
    for entry in entries:
        try:
            field = parse_partition_field(entry)
        except ValueError as error:
            raise TableMismatch(table, f"partition_spec: {entry!r}: {error}") from error
        if text := redundancy_fault(field, earlier):
            raise TableMismatch(table, f"partition_spec: {entry!r}: {text}")
        earlier[field.column] = field
        yield entry, field


def _fields_of(spec: PartitionSpec, schema: Schema) -> Iterator[PartitionField]:
    for field in spec.fields:
        column = schema.find_column_name(field.source_id) or f"column #{field.source_id}, since dropped"
        transform, _, width = str(field.transform).removesuffix("]").partition("[")
        yield PartitionField(transform, column, int(width) if width else None)


def _source_id(field: PartitionField, schema: Schema, table: str, entry: str) -> int:
    sources = partition_sources({one.name: type_name(one.field_type) for one in schema.fields})
    if field.column not in sources:
        known = ", ".join(one for one in sources if one not in PROVENANCE_COLUMNS)
        reason = f"partition_spec: {entry!r} names column {field.column!r}, but the columns are {known}"
        raise PartitionMismatch(table, f"{reason}; declare {field.column} in `columns`")
    if text := type_fault_of_source(field, sources[field.column]):
        remedy = f"or declare {field.column} in `columns` with another type"
        raise PartitionMismatch(table, f"partition_spec: {entry!r}: {text}, {remedy}")
    return schema.find_field(field.column).field_id


def _free_name(field: PartitionField, schema: Schema, *, taken: set[str]) -> str:
    wanted = field.column + _SUFFIXES[field.transform]
    if field.transform == "identity":
        return wanted  # by Iceberg's rule, an identity field has its column's name
    # Iceberg refuses a partition field with the name of another column.
    in_use = taken | set(schema.column_names)
    candidates = itertools.chain([wanted], (f"{wanted}_{number}" for number in itertools.count(2)))
    return next(name for name in candidates if name not in in_use)
