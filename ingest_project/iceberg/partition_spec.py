"""Iceberg partition specs, as ingest.yaml writes them: `region`, `day(ordered_at)`, `bucket[16](customer_id)`.

The transforms are Iceberg's (https://iceberg.apache.org/spec/#partition-transforms). Partition fields are named as
Iceberg's Java library names them (`ordered_at_day`, `customer_id_bucket`), so that Spark and Trino show what
their users expect.
"""

import itertools
import re
from collections.abc import Sequence

from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import Transform, parse_transform
from pyiceberg.types import NestedField

from ingest_project.errors import PartitionMismatch, TableMismatch
from ingest_project.settings.model import PROVENANCE_COLUMNS

_TRANSFORM = r"identity|year|month|day|hour|void|(?:bucket|truncate)\[[1-9][0-9]*\]"
_ENTRY = re.compile(rf"(?P<transform>{_TRANSFORM})\((?P<column>[^()]+)\)|(?P<identity>[^()]+)")
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

    Raises TableMismatch, with the entry and a remedy, for an entry that cannot be read or is given twice, and
    PartitionMismatch for a column that the table does not have or a transform that does not apply to the column's type.
    """
    fields: list[PartitionField] = []
    for field_id, entry in enumerate(entries, PARTITION_FIELD_ID_START):
        transform, column = _parse(entry, schema, table)
        if any(field.source_id == column.field_id and field.transform == transform for field in fields):
            raise TableMismatch(table, f"partition_spec: {entry!r} is given twice; remove one")
        name = _free_name(entry, transform, schema, taken={field.name for field in fields})
        fields.append(PartitionField(column.field_id, field_id, transform, name))
    return PartitionSpec(*fields)


def entries_of(spec: PartitionSpec, schema: Schema) -> tuple[str, ...]:
    """The entries that declare this spec, as ingest.yaml would write them."""
    entries = []
    for field in spec.fields:
        column = schema.find_column_name(field.source_id) or f"column #{field.source_id}, since dropped"
        entries.append(column if str(field.transform) == "identity" else f"{field.transform}({column})")
    return tuple(entries)


def partition_difference(declared: Sequence[str], spec: PartitionSpec, schema: Schema) -> tuple[str, ...]:
    """A line for people if the table is partitioned otherwise than declared, else nothing."""
    actual = entries_of(spec, schema)
    if tuple(map(_normal, declared)) == actual:
        return ()
    return (
        f"partition_spec is declared as {list(declared)}, but the table is partitioned by {list(actual)}",
    )


def _parse(entry: str, schema: Schema, table: str) -> tuple[Transform[object, object], NestedField]:
    match = _ENTRY.fullmatch(_normal(entry))
    if match is None:
        raise _unreadable(table, entry)
    transform_name = match["transform"] or "identity"
    column_name = match["column"] or match["identity"]
    transform: Transform[object, object] = parse_transform(transform_name)
    column = _column(column_name, schema, table, entry)
    if not column.field_type.is_primitive or not transform.can_transform(column.field_type):
        reason = f"{transform_name} does not apply to {column_name}, which is {column.field_type}"
        remedy = f"choose another transform, or declare {column_name} in `columns`"
        raise PartitionMismatch(table, f"partition_spec: {entry!r}: {reason}; {remedy}")
    return transform, column


def _column(name: str, schema: Schema, table: str, entry: str) -> NestedField:
    try:
        return schema.find_field(name)
    except ValueError as error:
        known = ", ".join(one for one in schema.column_names if one not in PROVENANCE_COLUMNS)
        reason = f"partition_spec: {entry!r} names column {name!r}, but the columns are {known}"
        raise PartitionMismatch(table, f"{reason}; declare {name} in `columns`") from error


def _normal(entry: str) -> str:
    """The entry without needless space, and `identity(region)` as plain `region`."""
    text = re.sub(r"\s+", "", entry)
    identity = re.fullmatch(r"identity\((.+)\)", text)
    return identity.group(1) if identity else text


def _free_name(entry: str, transform: Transform[object, object], schema: Schema, *, taken: set[str]) -> str:
    kind = str(transform).partition("[")[0]
    column = _normal(entry).rpartition("(")[2].rstrip(")")
    wanted = column + _SUFFIXES[kind]
    if kind == "identity":
        return wanted  # an identity field bears its column's name, by Iceberg's rule
    # Iceberg refuses a partition field that is named like a column it does not stand for.
    in_use = taken | set(schema.column_names)
    candidates = itertools.chain([wanted], (f"{wanted}_{number}" for number in itertools.count(2)))
    return next(name for name in candidates if name not in in_use)


def _unreadable(table: str, entry: str) -> TableMismatch:
    return TableMismatch(
        table,
        f"partition_spec: cannot read {entry!r}; write a column, or one of year, month, day, hour, identity, void, "
        "bucket[N], truncate[N] with the column in parentheses: day(ordered_at), bucket[16](customer_id)",
    )
